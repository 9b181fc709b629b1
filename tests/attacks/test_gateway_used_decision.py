"""Attack: have a version that was taken out served again by the decision that once allowed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import order, plan
from tests.serving.running import running_gateway


@pytest.mark.parametrize("renamed", [False, True], ids=["the same order", "under another rollout"])
def test_a_used_order_is_refused_after_the_journal_was_moved_away(tmp_path: Path, renamed: bool) -> None:
    """A gateway that begins anew serves nothing, and still knows which decisions are used up."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        old = order(gateway.pack(2), 2, gateway.key, plan())
        gateway.client.order(old, gateway.pack(2).folder)
        gateway.await_rollout(old.rollout_id, "completed")
        gateway.stop()
        GatewayFolder(gateway.folder).journal.rename(tmp_path / "away")
        gateway.start()
        attack: RolloutOrder = old.model_copy(update={"rollout_id": "replayed"}) if renamed else old
        with pytest.raises(Refused, match="allows no second one"):
            gateway.client.order(attack, gateway.pack(2).folder)
        assert gateway.client.status().models == ()


def test_no_decision_is_forgotten(tmp_path: Path) -> None:
    """However many rollouts come after it, and whatever a crash leaves of the last line."""
    path = tmp_path / "used-decisions"
    used = UsedDecisions(path, ["from-the-journal"])
    for number in range(300):
        used.add(f"decision-{number}")
    with path.open("ab") as file:
        file.write(b"\ntorn-of")
    again = UsedDecisions(path, ())
    again.add("decision-last")
    assert all(known in UsedDecisions(path, ()) for known in ("from-the-journal", "decision-0", "decision-299", "decision-last"))

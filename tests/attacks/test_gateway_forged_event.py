"""Attack: write an event into the gateway's journal, so that the gateway enters it in the ledger and it is signed there."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from lifecycle.cli.gateway import LedgerSink
from lifecycle.errors import Tampered
from lifecycle.records.bodies.serving import RolloutStepReached
from lifecycle.records.events import Actor, Event
from lifecycle.records.record import canonical_bytes
from lifecycle.serving.rollouts.journal import Journal, replay
from lifecycle.serving.rollouts.rollout_events import about
from lifecycle.serving.rollouts.state import GatewayState, ServedVersion
from lifecycle.wiring import Departments
from tests.serving.packages import NOWHERE, decided, decision, plan
from tests.serving.rollouts.test_delivery import MoodyLedger, deliver


def forged_decision() -> Event:
    """An allowing decision that no gate made, told by the gateway."""
    event = decided(decision(NOWHERE, 2, plan()))
    return event.model_copy(update={"actor": Actor(id="gateway", kind="service")})


def told_by_somebody_else() -> Event:
    body = RolloutStepReached(rollout_id="r", step=0, weight=1.0, observed=())
    event = about(body, model="credit", version=ServedVersion(version=1, digest=NOWHERE, cell=1), environment="local", run_id=None)
    return event.model_copy(update={"actor": Actor(id="mallory", kind="human")})


FORGED = pytest.mark.parametrize("forged", [forged_decision(), told_by_somebody_else()], ids=["a decision", "another actor"])


class NoLedger:
    """Departments whose ledger must not be asked."""

    @property
    def ledger(self) -> object:
        raise AssertionError("the ledger was asked")


@FORGED
def test_a_forged_event_in_the_journal_stops_the_gateway(tmp_path: Path, forged: Event) -> None:
    """A journal that tells of what no gateway does was written by somebody else: nothing of it is believed."""
    line = {"state": GatewayState().as_json(), "events": [{"number": 5_000, "event": forged.as_json()}], "number": 5_000}
    (tmp_path / "journal").write_bytes(canonical_bytes(line) + b"\n")
    with pytest.raises(Tampered, match="nothing that a gateway records"):
        replay(tmp_path / "journal")
    with pytest.raises(Tampered, match="Line 1"):
        Journal.open(tmp_path / "journal")


@FORGED
def test_a_forged_event_is_not_delivered(tmp_path: Path, forged: Event) -> None:
    """What got into the gateway's memory all the same is set aside instead of sent."""
    ledger = MoodyLedger()
    deliver(tmp_path, ledger, [forged])
    assert ledger.taken == []
    assert Event.parse((tmp_path / "aside").read_bytes().strip()) == forged


@FORGED
def test_a_forged_event_does_not_pass_the_sink(forged: Event) -> None:
    """The last door before the ledger lets nothing through but what a gateway records."""
    with pytest.raises(Tampered, match="nothing that a gateway records"):
        LedgerSink(cast("Departments", NoLedger())).append(forged)

"""Attack: somebody edits the gateway's journal while it is down, to give a version a share that no gate was shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.records.record import canonical_bytes
from tests.serving.packages import plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

pytestmark = pytest.mark.slow


def edit(gateway: RunningGateway, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the model's state in the journal's last line that has one."""
    path = gateway.folder / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(next(line for line in reversed(lines) if "state" in line)["state"]["models"][0])
    path.write_bytes(b"".join(canonical_bytes(line) + b"\n" for line in lines))


def test_a_holdout_grows_in_nobodys_journal(tmp_path: Path) -> None:
    """A share other than that of the champion's plan ends the hold-out: the champion answers everybody."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2, plan(holdout=0.1))
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        gateway.kill()
        edit(gateway, lambda model: model["holdout"].update(share=0.5))
        gateway.start()
        assert gateway.caller().infer_many(40)[0] == {"champion": 40}
        assert [arm.arm for arm in gateway.model().versions] == ["champion", "standby"]
        assert "not that of its champion's plan" in gateway.log()


@pytest.mark.parametrize("strategy", ["shadow", "ab"])
def test_a_rollout_takes_no_share_that_is_not_in_its_plan(tmp_path: Path, strategy: Any) -> None:
    """A shadow that is said to take traffic, and a B that is said to take more of it, are ended as failed and answer nobody."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.4, 10_000, 600.0), strategy=strategy))
        gateway.await_weight(rollout, 0.4)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        gateway.kill()

        def change(model: dict[str, Any]) -> None:
            if strategy == "shadow":
                model["rollout"]["copies"] = False
            else:
                model["rollout"]["stages"][0]["weight"] = 0.9

        edit(gateway, change)
        gateway.start()
        assert gateway.await_rollout(rollout, "aborted").reason.startswith("The journal has the rollout of version 2 at a step")
        assert gateway.caller().infer_many(40)[0] == {"champion": 40}

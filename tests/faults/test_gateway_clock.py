"""Fault: the machine's clock jumps by a day while a gateway serves. What it waits for is counted, not read from a clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.reconciling import logged_rows
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

DAY = 86_400
#: What every Python process of the gateway runs before anything else: its clock is off by what stands in a file.
SHIFTED = """
import os, time
_time, _time_ns = time.time, time.time_ns
def _off():
    with open(os.environ["TEST_CLOCK"], encoding="ascii") as file:
        return int(file.read())
time.time = lambda: _time() + _off()
time.time_ns = lambda: _time_ns() + _off() * 1_000_000_000
"""


class Clock:
    """The gateway's clock, to set."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.set(0)

    def set(self, seconds: int) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(str(seconds), encoding="ascii")
        beside.replace(self.file)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SHIFTED, encoding="ascii")
    made = Clock(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("TEST_CLOCK", str(made.file))
    return made


def sealed(gateway: RunningGateway) -> int:
    """How many rows the ledger has seals of."""
    bodies = [event.body for event in gateway.events("PredictionsSealed")]
    return sum(body.rows for body in bodies if isinstance(body, PredictionsSealed))


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_jump_of_the_clock_shortens_no_bake_and_loses_no_row(tmp_path: Path, clock: Clock, jump: int) -> None:
    """A canary goes on baking, a rollback takes no day, rows are sealed, and a restart in the other time serves what served."""
    with running_gateway(tmp_path, seal_seconds=0.2) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 1, 600.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        _, ids = caller.infer_many(20)
        clock.set(jump)
        ids += caller.infer_many(20)[1]
        assert gateway.client.rollout(rollout).state == "baking"
        body = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        assert (body.from_version, body.to_version) == (2, 1)
        assert 0 <= body.actuation_us < DAY * 1_000_000 // 2
        arms, more = caller.infer_many(20)
        assert arms == {"champion": 20}
        ids += more
        wait_for(lambda: sealed(gateway) == 60, "every row is sealed")
        gateway.kill()
        clock.set(0)
        gateway.start()
        caller = gateway.caller()
        ids += caller.infer_many(10)[1]
        assert caller.infer()[1]["model_version"] == "1"
        found = next(one for one in logged_rows(GatewayFolder(gateway.folder)) if one.model == MODEL)
        assert (found.missing, found.surplus) == (0, 0)
        assert set(ids) <= {row["id"] for row in gateway.client.predictions.rows(MODEL, with_values=False)}
        assert all(gateway.client.predictions.find(wanted)["outcome"] == "answered" for wanted in ids)
        assert gateway.client.rollout(rollout).state == "aborted"

"""What is told of a gateway that does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.state import ArmMark, GatewayState, Holdout, ModelState, RolloutState, ServedVersion, StageMark
from lifecycle.serving.supervision.reporting import stopped_status
from tests.serving.packages import ENVIRONMENT, MODEL, NOWHERE

FIRST, SECOND, THIRD = (ServedVersion(version=number, digest=NOWHERE, cell=number) for number in (1, 2, 3))


def rolling_out(weight: float) -> RolloutState:
    """A rollout of version 3 whose first step has this share."""
    stage = StageMark(weight=weight, canary=ArmMark(), control=ArmMark())
    return RolloutState(
        rollout_id="r1", decision_id="d1", canary=THIRD, phase="baking", step=0, stages=(stage,), run_id=None, started_at_us=1, slow_us=0
    )


@pytest.mark.parametrize(
    ("state", "shares"),
    [
        (ModelState(model=MODEL, slot=0, champion=SECOND, standby=(FIRST,)), {"champion": 1.0, "standby": 0.0}),
        (ModelState(model=MODEL, slot=0, champion=SECOND, rollout=rolling_out(0.25)), {"champion": 0.75, "canary": 0.25}),
        (
            ModelState(
                model=MODEL,
                slot=0,
                champion=SECOND,
                standby=(FIRST,),
                holdout=Holdout(version=FIRST, share=0.2, rollout_id="r0"),
                rollout=rolling_out(0.5),
            ),
            {"champion": 0.4, "canary": 0.4, "holdout": 0.2},
        ),
    ],
    ids=["a champion", "a canary beside it", "a hold-out beside both"],
)
def test_a_gateway_that_does_not_run_tells_the_shares_that_it_would_go_on_with(
    tmp_path: Path, state: ModelState, shares: dict[str, float]
) -> None:
    """A champion with 0 % would look like one that was taken out; that nobody is answered is said of the gateway as a whole."""
    folder = GatewayFolder(tmp_path / "gateway")
    folder.make()
    journal = Journal.open(folder.journal)
    journal.commit(GatewayState(models=(state,)))
    journal.close()
    found = stopped_status(folder, ENVIRONMENT)
    assert (found.running, found.url) == (False, None)
    (model,) = found.models
    assert {arm.arm: arm.weight for arm in model.versions} == pytest.approx(shares)

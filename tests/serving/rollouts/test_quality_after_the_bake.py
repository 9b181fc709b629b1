"""After the bake, on real processes: a promoted version that decides worse than its hold-out is found by labels and goes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.monitoring.decay import AGAINST_HOLDOUT, calls_for_rollback, decay
from lifecycle.records.bodies.serving import Trigger
from tests.serving.graphs import Behaviour
from tests.serving.packages import plan
from tests.serving.running import RunningGateway, running_gateway

#: The version before is sure of what is true ("bad", of everybody); the one that is promoted is less so, and may be wrong besides.
BEFORE, PROMOTED = 9, 1


def labelled_answers(gateway: RunningGateway, count: int) -> None:
    """Renters and owners in turn; each answer is followed by its label."""
    caller = gateway.caller()
    for number in range(count):
        status, said = caller.infer({"income": 120.0, "home": ("rent", "owner")[number % 2]})
        assert status == 200, said
        told = {"model": "credit", "prediction_id": said["parameters"]["prediction_id"], "label": "bad"}
        assert caller.send("POST", "/v2/feedback", json.dumps(told).encode())[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("contrary", AGAINST_HOLDOUT),
        ("contrary_to_owners", f"{AGAINST_HOLDOUT}: missed approvals, home owner"),
        ("good", f"{AGAINST_HOLDOUT}: Brier score"),
    ],
    ids=["accuracy", "fairness of a subgroup", "calibration"],
)
def test_a_promoted_version_that_does_worse_than_its_holdout_goes_back(tmp_path: Path, behaviour: Behaviour, found: str) -> None:
    """What its labels show beside those of the callers who stayed with the version before is breached, and that version serves again."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(BEFORE)
        gateway.serve(PROMOTED, plan(holdout=0.5), behaviour=behaviour)
        labelled_answers(gateway, 1_000)
        rows = list(gateway.client.predictions.rows("credit"))
        ours = [row for row in rows if row["version"] == PROMOTED and row["arm"] == "champion"]
        theirs = [row for row in rows if row["arm"] == "holdout"]
        verdicts = decay(ours, theirs, positive="bad", slices=("home",), evaluation=None, minimum_n=50)
        assert {one.guardrail: one.verdict for one in verdicts}[found] == "breached"
        if behaviour == "good":
            assert [one.guardrail for one in verdicts if one.verdict == "breached"] == [found]
        breached = calls_for_rollback(verdicts)
        assert breached is not None
        trigger = Trigger(kind="guardrail", metric=breached.guardrail, value=breached.value, limit=breached.limit, detail="")
        gateway.client.rollback("credit", to_version=None, trigger=trigger, reason=breached.guardrail, rollback_id="on-quality")
        assert gateway.model().versions[0].version == BEFORE
        assert gateway.caller().infer()[1]["model_version"] == str(BEFORE)

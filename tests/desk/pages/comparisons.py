"""Comparisons of two versions as the pages get them, made from rows of a prediction log."""

from __future__ import annotations

from typing import Any

from lifecycle.desk.pages.compared import ComparedView, view_of
from lifecycle.life.comparing import Compared, Stretch
from lifecycle.monitoring.comparing import Sides, compare
from lifecycle.monitoring.sampled import Sample
from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.records.rollout import Arm, Strategy
from tests.serving.prediction_log.rows import row

#: Of 60 of each side every third was wrong of ours, every second of theirs; owners are too few.
ROWS = 120


def comparison(*, strategy: Strategy = "ab", labels: bool = True, rows: int = ROWS) -> ComparedView:
    """credit:2 beside credit:1, in the first step of a rollout that goes on; of a shadow, over copies."""
    ours: tuple[Arm, int] = ("shadow" if strategy == "shadow" else "canary", 2)
    theirs: tuple[Arm, int] = ("champion", 1)
    sides = Sides(
        ours=ours,
        theirs=theirs,
        positive="good",
        label_of=lambda prediction_id, principal: "good" if labels else None,
        groups_of=lambda values: {"marital": str(values["marital"])},
        minimum_group_n=10,
    )
    arms = compare((made(number, *(ours if number % 2 else theirs)) for number in range(rows)), sides, Sample())
    stretch = Stretch(1, ours, theirs, 1_700_000_000_000_000, 1_700_000_100_000_000, over=False)
    return view_of("credit", Compared("r1", strategy, stretch, arms), positive="good", minimum_group_n=10)


def made(number: int, arm: Arm, version: int) -> tuple[Prediction, dict[str, Any]]:
    wrong = number // 2 % (3 if version == 2 else 2) == 0
    output = PredictedOutput(probability=0.8, decision="bad") if wrong else PredictedOutput(probability=0.2, decision="good")
    copied: dict[str, Any] = {"shadow_of": f"p{number - 1}"} if arm == "shadow" else {}
    told = Prediction.of(row(number, arm=arm, version=version, output=output.as_json(), **copied))
    return told, {"values": {"marital": "owner" if number < 4 else "married"}}

"""Two versions beside each other: whose a row is, what is compared, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lifecycle.monitoring.comparing import Row, Sides, compare
from lifecycle.monitoring.comparison import ArmsCompared, ComparedShare, Measure
from lifecycle.monitoring.sampled import Sample
from lifecycle.records.prediction import PredictedOutput, Prediction
from tests.serving.prediction_log.rows import row

GOOD, BAD = (PredictedOutput(probability=at, decision=decision).as_json() for at, decision in ((0.2, "good"), (0.8, "bad")))


def said(number: int, output: dict[str, Any] | None = GOOD, *, asked: Mapping[str, Any] | None = None, **changed: Any) -> Row:
    """A row with what was asked: a tenant, unless something else is given."""
    made = Prediction.of(row(number, output=output, **changed))
    return made, {"values": {"home": "rent"}} if asked is None else asked


def sides(labels: Mapping[str, str] | None = None, *, ours: str = "canary", theirs: str = "champion", minimum_group_n: int = 1) -> Sides:
    known = labels or {}
    return Sides(
        ours=(ours, 2),  # type: ignore[arg-type]  # a test's words
        theirs=(theirs, 1),  # type: ignore[arg-type]  # likewise
        positive="good",
        label_of=lambda prediction_id, principal: known.get(prediction_id),
        groups_of=lambda values: {"home": str(values["home"])} if "home" in values else {},
        minimum_group_n=minimum_group_n,
    )


def of(found: ArmsCompared, measure: Measure, group: str | None = None) -> ComparedShare:
    (share,) = (one for one in found.shares if (one.measure, one.group) == (measure, group))
    return share


def counts(share: ComparedShare) -> tuple[Any, ...]:
    assert share.ours is not None
    assert share.theirs is not None
    return share.ours.value, share.ours.n, share.theirs.value, share.theirs.n


def test_each_side_is_judged_by_what_it_answered_itself() -> None:
    """What the champion said in the canary's place fell to the canary, which answered nothing of it; other arms are passed over."""
    rows = [
        *(said(number, arm="canary", version=2) for number in range(3)),
        said(3, BAD, arm="canary", version=2),
        said(4, BAD, fallback_from=2),
        *(said(number, BAD) for number in range(5, 8)),
        said(8, None, outcome="failed", version=None, fallback_from=1),
        said(9, arm="holdout", version=1),
        said(10, arm="canary", version=3),
    ]
    found = compare(rows, sides(), Sample())
    assert (found.ours.requests, found.ours.answered, found.ours.compared) == (5, 4, 4)
    assert (found.theirs.requests, found.theirs.answered, found.theirs.compared) == (4, 3, 3)
    assert counts(of(found, "positive")) == (0.75, 4, 0.0, 3)
    assert found.disagreement is None


def test_labels_say_what_was_wrong_and_what_was_missed() -> None:
    """Wrong is of all that have a label, missed of those who should have been told yes; without labels neither is told."""
    rows = [*(said(number, GOOD if number % 2 else BAD, arm="canary", version=2) for number in range(4)), said(4), said(5, BAD)]
    labels = {"p0": "good", "p1": "good", "p2": "bad", "p4": "bad", "p5": "good"}
    found = compare(rows, sides(labels), Sample())
    assert (found.ours.labelled, found.theirs.labelled) == (3, 2)
    assert counts(of(found, "wrong")) == (pytest.approx(1 / 3), 3, 1.0, 2)
    assert counts(of(found, "missed")) == (0.5, 2, 1.0, 1)
    assert {share.measure for share in compare(rows, sides(), Sample()).shares} == {"positive"}


def test_a_group_that_is_too_small_is_named_without_numbers() -> None:
    """On either side; a row whose values were erased belongs to no group, and counts with everybody."""
    rows = [
        *(said(number, arm="canary", version=2) for number in range(3)),
        said(3, arm="canary", version=2, asked={"values": {"home": "owner"}}),
        said(4, arm="canary", version=2, asked={}),
        *(said(number, BAD) for number in range(5, 8)),
        said(8, asked={"values": {"home": "owner"}}),
    ]
    found = compare(rows, sides(minimum_group_n=2), Sample())
    assert counts(of(found, "positive")) == (1.0, 5, 0.25, 4)
    assert counts(of(found, "positive", "rent")) == (1.0, 3, 0.0, 3)
    owners = of(found, "positive", "owner")
    assert (owners.ours, owners.theirs, owners.difference) == (None, None, None)


def test_a_person_of_whom_one_application_asks_again_is_counted_once() -> None:
    """The first answer in time counts, in whatever order the rows are read; what another application calls the same is somebody else."""
    about = {"values": {"home": "rent"}, "principal": "bank", "subject": "somebody"}
    rows = [
        said(2, BAD, arm="canary", version=2, asked=about),
        said(1, GOOD, arm="canary", version=2, asked=about),
        said(3, BAD, arm="canary", version=2, asked={**about, "principal": "broker"}),
        said(4),
    ]
    found = compare(rows, sides(), Sample())
    assert (found.ours.answered, found.ours.compared) == (3, 2)
    assert counts(of(found, "positive"))[:2] == (0.5, 2)


def test_a_shadow_is_held_against_what_was_told_request_by_request() -> None:
    """Only of what both answered; the label of what was told says of both whether they were right."""
    rows = [
        *(said(number, GOOD) for number in range(6)),
        *(said(10 + number, GOOD if number < 2 else BAD, arm="shadow", version=2, shadow_of=f"p{number}") for number in range(4)),
        said(14, None, outcome="failed", arm="shadow", version=2, shadow_of="p4"),
    ]
    found = compare(rows, sides({"p0": "good", "p2": "bad", "p3": "good"}, ours="shadow"), Sample())
    assert (found.paired, found.ours.requests, found.ours.compared, found.theirs.requests, found.theirs.compared) == (True, 5, 4, 6, 4)
    assert found.disagreement is not None
    assert (found.disagreement.value, found.disagreement.n) == (0.5, 4)
    assert counts(of(found, "wrong")) == (pytest.approx(1 / 3), 3, pytest.approx(1 / 3), 3)
    wrong = of(found, "wrong").difference
    assert wrong is not None
    assert (wrong.value, wrong.n) == (0.0, 3)


def test_of_more_answers_than_are_remembered_an_even_share_of_both_sides_is_compared() -> None:
    """It is told of how many one is; requests and latencies are still those of all."""
    rows = [
        said(number, GOOD if number % 4 else BAD, arm=arm, version=version)
        for number, (arm, version) in enumerate([("canary", 2), ("champion", 1)] * 2_000)
    ]
    found = compare(rows, sides(), Sample(most=1_000))
    assert found.one_in == 4
    assert found.ours.requests == found.theirs.requests == 2_000
    assert 800 < found.ours.compared + found.theirs.compared <= 1_000
    assert abs(found.ours.compared - found.theirs.compared) < 120


def test_of_nothing_nothing_is_said() -> None:
    """No rows: no shares, no latencies, no crash."""
    found = compare([], sides(), Sample())
    assert (found.ours.requests, found.ours.latency_p50_ms, found.shares) == (0, None, ())

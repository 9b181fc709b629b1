"""Rollback on quality: mature outcomes against the hold-out or the recorded evaluation, and never drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifecycle.monitoring.decay import AGAINST_HOLDOUT, FALSE_ROLLBACKS, calls_for_rollback, decay
from lifecycle.monitoring.monitoring import Monitored, report_window
from lifecycle.monitoring.yardstick import Yardstick
from lifecycle.records.bodies.serving import GuardrailVerdict
from lifecycle.records.evidence import Evidence, Measurement, SliceMetrics
from tests.monitoring.answers import CATEGORIES, END_US, NUMBERS, START_US, Watched, labelled, reference, rows
from tests.records.samples.judging import EVIDENCE


def measured(value: float, n: int = 1_000) -> Measurement:
    return Measurement(value=value, low=value - 0.03, high=value + 0.03, n=n)


def evaluation(accuracy: float = 0.80, brier: float = 0.60, *, rent: float | None = None) -> Evidence:
    """What was recorded; the answers of these tests are drawn evenly, so that their Brier score is poor by nature."""
    group = SliceMetrics(column="home", group="rent", n=500, enough_data=True, metrics={"accuracy": measured(rent or accuracy)})
    return EVIDENCE.model_copy(
        update={"metrics": {"accuracy": measured(accuracy), "brier": measured(brier)}, "slices": () if rent is None else (group,)}
    )


def judge(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]] | None = None, recorded: Evidence | None = None
) -> dict[str, GuardrailVerdict]:
    found = decay(ours, theirs or [], positive="good", slices=("home",), evaluation=recorded or evaluation(), minimum_n=100)
    return {one.guardrail: one for one in found}


def test_a_version_that_decides_as_it_was_recorded_is_left_alone() -> None:
    """Four of five right, as the evaluation said: every verdict holds, and nothing calls for a rollback."""
    found = judge(labelled(rows(1_000), right=0.80))
    assert {one.verdict for one in found.values()} == {"holds"}
    assert calls_for_rollback(tuple(found.values())) is None


def test_a_version_that_decides_far_worse_is_rolled_back() -> None:
    """Three of five right where four were recorded is breached, and calls for a rollback."""
    found = judge(labelled(rows(1_000), right=0.60))
    assert found["quality: wrong decisions"].verdict == "breached"
    assert calls_for_rollback(tuple(found.values())) is not None


def test_a_little_worse_may_be_chance() -> None:
    """A share past the limit that chance could make is too little to tell."""
    found = judge(labelled(rows(200), right=0.74, seed=4))
    assert found["quality: wrong decisions"].verdict in ("not_enough_data", "holds")


def test_probabilities_that_are_no_longer_calibrated_are_found_although_decisions_hold() -> None:
    """A Brier score far past its recorded interval is breached on its own."""
    found = judge(labelled(rows(1_000), right=0.80), recorded=evaluation(brier=0.10))
    assert found["quality: wrong decisions"].verdict == "holds"
    assert found["quality: Brier score"].verdict == "breached"


def test_one_group_that_is_decided_worse_is_found_though_the_whole_is_not() -> None:
    """Where those who rent are decided wrongly every other time, and the rest rightly, the slice is breached and the whole holds."""
    made = rows(2_000)
    renting = [one for one in made if one["values"]["home"] == "rent"]
    others = [one for one in made if one["values"]["home"] != "rent"]
    found = judge([*labelled(renting, right=0.62), *labelled(others, right=0.98)], recorded=evaluation(rent=0.80))
    assert found["quality: wrong decisions"].verdict == "holds"
    assert found["quality: wrong decisions, home rent"].verdict == "breached"


def test_beside_a_holdout_what_everybody_suffers_is_no_decay() -> None:
    """Where the version before decides as badly at the same time, the world has changed: nothing goes back, whatever was recorded."""
    found = judge(labelled(rows(2_000), right=0.60), labelled(rows(400, version=2, seed=9), right=0.60, seed=8))
    assert AGAINST_HOLDOUT in found
    assert calls_for_rollback(tuple(found.values())) is None
    assert not [name for name in found if not name.startswith(AGAINST_HOLDOUT)]


def test_beside_a_holdout_that_decides_better_it_is() -> None:
    """Where the version before decides better at the same time, that alone is enough."""
    found = judge(labelled(rows(2_000), right=0.70), labelled(rows(400, version=2, seed=9), right=0.95, seed=8))
    assert found[AGAINST_HOLDOUT].verdict == "breached"


def test_beside_a_holdout_one_group_that_is_missed_is_found() -> None:
    """Where those who rent are refused although they pay back, and everybody else fares as before, that group is named."""

    def deciding(made: list[dict[str, Any]], *, misses: bool) -> list[dict[str, Any]]:
        return [
            {**one, "label": "good", "output": {**one["output"], "decision": "bad" if missed(one, place, misses) else "good"}}
            for place, one in enumerate(made)
        ]

    def missed(one: dict[str, Any], place: int, misses: bool) -> bool:
        return place % 10 == 0 or (misses and place % 3 == 0 and one["values"]["home"] == "rent")

    ours, theirs = deciding(rows(3_000), misses=True), deciding(rows(1_500, version=2, seed=9), misses=False)
    found = judge(ours, theirs)
    assert found[f"{AGAINST_HOLDOUT}: missed approvals, home rent"].verdict == "breached"
    others = [one for name, one in found.items() if "missed approvals" in name and "rent" not in name]
    assert others
    assert "breached" not in {one.verdict for one in others}


def test_beside_a_holdout_probabilities_that_are_worse_are_found_although_decisions_are_not() -> None:
    """The same decisions with probabilities further from what was true: the Brier score alone is breached."""
    ours = [{**one, "label": "good", "output": {"probability": 0.55, "decision": "good"}} for one in rows(2_000)]
    theirs = [{**one, "label": "good", "output": {"probability": 0.95, "decision": "good"}} for one in rows(400, version=2, seed=9)]
    found = judge(ours, theirs)
    assert found[AGAINST_HOLDOUT].verdict == "holds"
    assert found[f"{AGAINST_HOLDOUT}: Brier score"].verdict == "breached"


def test_a_holdout_with_few_outcomes_is_none() -> None:
    """Under the minimum the recorded evaluation is the yardstick, and without one there is no verdict."""
    few = labelled(rows(99, version=2, seed=9), right=0.9)
    ours = labelled(rows(1_000), right=0.80)
    assert AGAINST_HOLDOUT not in judge(ours, few)
    assert decay(ours, few, positive="good", slices=(), evaluation=None, minimum_n=100) == ()


def test_too_few_outcomes_say_nothing() -> None:
    """Ninety-nine outcomes, all wrong, are not a hundred."""
    found = judge(labelled(rows(99), right=0.0))
    assert {one.verdict for one in found.values()} == {"not_enough_data"}


@pytest.mark.slow
def test_healthy_windows_call_for_a_rollback_no_more_often_than_said() -> None:
    """Of 3,000 windows of a version that is exactly as bad as the far end of its interval, hardly one is breached."""
    generator, made = np.random.default_rng(41), rows(300)
    false = 0
    for _ in range(3_000):
        right = generator.random(len(made)) < 0.77
        said = [{**one, "label": one["output"]["decision"] if yes else "neither"} for one, yes in zip(made, right, strict=True)]
        found = judge(said, recorded=evaluation(brier=0.96))
        false += found["quality: wrong decisions"].verdict == "breached"
    assert false <= 3_000 * FALSE_ROLLBACKS * 4


# Within a window of monitoring.


def window(made: list[dict[str, Any]], *, mature_hours: float = 0.0) -> Monitored:
    return report_window(
        made,
        model="credit",
        version=1,
        from_us=START_US,
        to_us=END_US,
        yardstick=Yardstick(reference(), NUMBERS, CATEGORIES, "good", evaluation=evaluation(), slices=("home",)),
        watch=Watched(labels_mature_hours=mature_hours),
    )


def test_drift_alone_calls_for_no_rollback() -> None:
    """Incomes that moved by three standard deviations breach drift, and with outcomes as recorded nothing goes back."""
    monitored = window(labelled(rows(moved=120.0), right=0.80))
    assert "drift" in monitored.breached
    assert calls_for_rollback(monitored.body.verdicts) is None


def test_outcomes_that_are_not_mature_do_not_count() -> None:
    """Of answers that are an hour old at most, none is two hours old: bad as they are, nothing is said of quality yet."""
    made = labelled(rows(), right=0.3)
    assert calls_for_rollback(window(made).body.verdicts) is not None
    assert calls_for_rollback(window(made, mature_hours=2.0).body.verdicts) is None


def test_the_answers_of_a_holdout_are_what_a_version_is_held_against() -> None:
    """Rows of the hold-out's arm in the same window take the place of the recorded evaluation."""
    before = [{**one, "arm": "holdout"} for one in labelled(rows(300, version=2, seed=9), right=0.3, seed=8)]
    monitored = window([*labelled(rows(), right=0.3), *before])
    said = [one.guardrail for one in monitored.body.verdicts if one.guardrail.startswith("quality")]
    assert said[0] == AGAINST_HOLDOUT
    assert all(name.startswith(AGAINST_HOLDOUT) for name in said)
    assert calls_for_rollback(monitored.body.verdicts) is None

"""The evidence that takes a canary out, of events that come one in a slot: its closed form, its error rate over all time, its power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lifecycle.measures.eprocess import (
    ODDS,
    BadEvents,
    Evidence,
    bets_on_ceiling,
    bets_on_split,
    log_evidence_of_less,
    log_evidence_of_no_worse,
    log_threshold,
)

RUNS = 4_000
ALPHA = 0.05


def false_alarms_allowed() -> int:
    """More false alarms than this in RUNS happen with a probability of one in a million where the rate is ALPHA."""
    return int(binom.ppf(1 - 1e-6, RUNS, ALPHA))


def log_evidence(*stages: BadEvents) -> float:
    """The evidence of bad events that were bet on from the start, each in a slot of its own."""
    evidence = Evidence.none()
    for stage in stages:
        ours, theirs = bets_on_split(BadEvents(stage.weight, 1, 0)), bets_on_split(BadEvents(stage.weight, 0, 1))
        evidence = evidence.after(stage.canary * ours + stage.control * theirs, 0.0)
    return evidence.log_early


def first_crossing(bad_in_canary: np.ndarray, weight: float) -> int | None:
    """The event at which the evidence of a sequence of bad events first passes the threshold."""
    canary = 0
    for place, falls_to_canary in enumerate(bad_in_canary, start=1):
        canary += int(falls_to_canary)
        if log_evidence(BadEvents(weight, canary, place - canary)) >= log_threshold(ALPHA):
            return place
    return None


@given(stages=st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=4))
def test_the_evidence_of_a_split_is_the_average_of_likelihood_ratios(stages: list[tuple[float, int, int]]) -> None:
    """Summed over counts per stage it is what multiplying event by event gives."""
    products = np.ones_like(ODDS)
    for weight, canary, control in stages:
        worse = ODDS * weight / (ODDS * weight + 1 - weight)
        products *= (worse / weight) ** canary * ((1 - worse) / (1 - weight)) ** control
    found = log_evidence(*(BadEvents(*stage) for stage in stages))
    assert found == pytest.approx(math.log(products.mean()), abs=1e-9)


@given(weight=st.floats(0.01, 0.9), events=st.integers(0, 60))
def test_one_more_event_has_an_expected_evidence_of_one(weight: float, events: int) -> None:
    """Under the null the evidence is a martingale: the average over where the next event falls is what it was."""
    before = math.exp(log_evidence(BadEvents(weight, events // 3, events - events // 3)))
    canary = math.exp(log_evidence(BadEvents(weight, events // 3 + 1, events - events // 3)))
    control = math.exp(log_evidence(BadEvents(weight, events // 3, events - events // 3 + 1)))
    assert weight * canary + (1 - weight) * control == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5])
def test_looking_after_every_event_raises_no_more_false_alarms_than_alpha(weight: float) -> None:
    """Over many healthy canaries, each looked at after every one of 200 bad events, at most alpha are ever taken out."""
    generator = np.random.default_rng(7)
    falls = generator.random((RUNS, 200)) < weight
    canary = np.cumsum(falls, axis=1)
    total = np.arange(1, 201)
    shared = math.log(1.0) - np.log(ODDS * weight + 1 - weight)
    logs = canary[:, :, None] * np.log(ODDS) + total[None, :, None] * shared
    crossed = (np.exp(np.clip(logs, None, 700)).mean(axis=2) >= 1 / ALPHA).any(axis=1)
    assert log_evidence(BadEvents(weight, int(canary[0, -1]), int(200 - canary[0, -1]))) == pytest.approx(
        math.log(np.exp(logs[0, -1]).mean()), abs=1e-9
    )
    assert int(crossed.sum()) <= false_alarms_allowed()


def test_without_a_control_false_alarms_stay_under_alpha_too() -> None:
    """Over many versions whose share of bad events is exactly the ceiling, at most alpha are ever taken out."""
    generator = np.random.default_rng(11)
    gains = np.array([bets_on_ceiling(bad, 20, 0.02) for bad in range(21)])
    logs = gains[generator.binomial(20, 0.02, size=(RUNS, 20))].cumsum(axis=1)
    assert int((np.exp(logs).mean(axis=2) >= 1 / ALPHA).any(axis=1).sum()) <= false_alarms_allowed()


def test_a_canary_that_is_twenty_times_worse_is_found_within_a_few_events() -> None:
    """At a weight of 10 % and odds of 20, half of the canaries are found within 12 bad events, and nearly all within 60."""
    generator = np.random.default_rng(3)
    worse = 20 * 0.1 / (20 * 0.1 + 0.9)
    found = [first_crossing(generator.random(60) < worse, 0.1) for _ in range(200)]
    assert sum(place is not None for place in found) >= 195
    assert np.median([place for place in found if place is not None]) <= 12


def test_an_outage_of_both_arms_moves_nothing() -> None:
    """A thousand bad events that fall by the split are no evidence."""
    assert log_evidence(BadEvents(0.1, 100, 900)) < 0.0


def test_a_step_without_a_control_lets_nobody_on() -> None:
    """At a weight of one there is nothing to compare with, however few bad events there are."""
    assert log_evidence_of_no_worse([BadEvents(1.0, 50, 0)], 2.0) == pytest.approx(0.0, abs=1e-12)
    assert log_evidence_of_no_worse([], 2.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("bad", "total", "ceiling"), [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0.0), (0, 1, 1.0)])
def test_counts_that_cannot_be_are_refused(bad: int, total: int, ceiling: float) -> None:
    """More bad than all, or a ceiling that is no share, raises ValueError."""
    with pytest.raises(ValueError, match="no evidence"):
        log_evidence_of_less(bad, total, ceiling)

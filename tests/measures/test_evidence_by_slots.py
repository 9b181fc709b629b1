"""Evidence that is taken slot by slot: its error rate whatever the events of a slot have to do with each other, and late faults."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import betabinom, binom

from lifecycle.measures.eprocess import (
    ODDS,
    BadEvents,
    Evidence,
    bets_on_ceiling,
    bets_on_split,
    log_bets,
    log_evidence_of_less,
    log_evidence_of_mean,
    log_evidence_of_no_worse,
    log_evidence_of_ratio,
    log_threshold,
    onset_prior,
    share_at_odds,
)

ALPHA = 0.05
SLOTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), max_size=25)


def allowed(runs: int) -> int:
    """More false alarms than this have a probability of one in a million where the rate is ALPHA."""
    return int(binom.ppf(1 - 1e-6, runs, ALPHA))


def crosses(bets: list[np.ndarray], seconds: float) -> bool:
    """Whether the evidence passes the threshold at any slot."""
    evidence, before = Evidence.none(), 0.0
    for place, bet in enumerate(bets, start=1):
        now = onset_prior(place * 0.1, seconds)
        evidence, before = evidence.after(bet, now - before), now
        if evidence.log_value >= log_threshold(ALPHA):
            return True
    return False


# One slot.


@given(events=st.integers(1, 30), weight=st.floats(0.005, 0.95))
def test_a_slot_of_independent_events_has_the_expectation_one(events: int, weight: float) -> None:
    """Summed over how many of its events fall to the canary under the null, a slot neither gains nor loses."""
    hits = np.arange(events + 1)
    gains = np.array([np.exp(bets_on_split(BadEvents(weight, int(k), int(events - k)))) for k in hits])
    assert binom.pmf(hits, events, weight) @ gains == pytest.approx(np.ones(ODDS.size), rel=1e-8)


@given(events=st.integers(1, 1_000), weight=st.floats(0.005, 0.95))
def test_a_slot_whose_events_have_one_cause_has_the_expectation_one(events: int, weight: float) -> None:
    """A stall hits one arm with all of its events at once: that gains no more than one event does."""
    ours, theirs = np.exp(bets_on_split(BadEvents(weight, events, 0))), np.exp(bets_on_split(BadEvents(weight, 0, events)))
    assert weight * ours + (1 - weight) * theirs == pytest.approx(np.ones(ODDS.size), rel=1e-8)
    assert ours == pytest.approx(np.exp(bets_on_split(BadEvents(weight, 1, 0))))


@given(share=st.floats(1e-6, 0.0199), requests=st.integers(1, 50))
def test_a_share_below_the_ceiling_gains_nothing(share: float, requests: int) -> None:
    """Where less goes wrong than the ceiling allows, a slot is expected to lose."""
    bad = np.arange(requests + 1)
    gains = np.array([np.exp(bets_on_ceiling(int(k), requests, 0.02)) for k in bad])
    assert (binom.pmf(bad, requests, share) @ gains <= 1.0 + 1e-9).all()


def test_a_slot_without_events_says_nothing() -> None:
    """No event, no bet."""
    assert (bets_on_split(BadEvents(0.1, 0, 0)) == 0.0).all()


@pytest.mark.parametrize(("hits", "events", "null"), [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0.0), (0, 1, 1.0)])
def test_slots_that_cannot_be_are_refused(hits: int, events: int, null: float) -> None:
    """More hits than events, or a null that is no share, raises ValueError."""
    with pytest.raises(ValueError, match="no bet"):
        log_bets(hits, events, null, ODDS)


# Many slots.


@given(slots=SLOTS, weight=st.floats(0.02, 0.9))
def test_late_evidence_is_the_sum_over_every_moment_at_which_a_fault_may_begin(slots: list[tuple[int, int]], weight: float) -> None:
    """The recursion gives what it says: the prior's mean of the products from each slot on, and half of the product from the start."""
    gains = [np.exp(bets_on_split(BadEvents(weight, *slot))) for slot in slots]
    prior = [onset_prior((place + 1) * 0.1, 60.0) - onset_prior(place * 0.1, 60.0) for place in range(len(slots))]
    late = sum((prior[start] * np.prod(gains[start:], axis=0) for start in range(len(slots))), np.zeros(ODDS.size))
    early = np.prod(gains, axis=0) if gains else np.ones(ODDS.size)
    evidence = Evidence.none()
    for slot, mass in zip(slots, prior, strict=True):
        evidence = evidence.after(bets_on_split(BadEvents(weight, *slot)), mass)
    assert math.exp(evidence.log_value) == pytest.approx((late.mean() + early.mean()) / 2, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("burst", [1, 6, 60])
@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5])
def test_bursts_of_one_cause_raise_no_more_false_alarms_than_alpha(weight: float, burst: int) -> None:
    """Over healthy canaries whose bad events come in bursts that hit one arm at a time, at most alpha are ever taken out."""
    runs, generator = 250, np.random.default_rng(13)
    ours, theirs = bets_on_split(BadEvents(weight, burst, 0)), bets_on_split(BadEvents(weight, 0, burst))
    falls = generator.random((runs, 150)) < weight
    assert sum(crosses([ours if hit else theirs for hit in run], 20.0) for run in falls) <= allowed(runs)


def test_counted_one_by_one_the_same_bursts_would_alarm() -> None:
    """What the slots are for: multiplied event by event, bursts of six take out far more healthy canaries than alpha."""
    runs, generator = 300, np.random.default_rng(13)
    ours, theirs = 6 * bets_on_split(BadEvents(0.1, 1, 0)), 6 * bets_on_split(BadEvents(0.1, 0, 1))
    falls = generator.random((runs, 100)) < 0.1
    assert sum(crosses([ours if hit else theirs for hit in run], 20.0) for run in falls) > 2 * allowed(runs)


def test_a_late_fault_is_found_long_before_the_product_from_the_start_would() -> None:
    """After 2,000 slots of health, odds of ten are found within 60 slots; the product from the start has not come back by then."""
    generator = np.random.default_rng(17)
    worse = float(share_at_odds(0.1, 10.0))
    evidence, before = Evidence.none(), 0.0
    for place in range(1, 2_061):
        hit = bool(generator.random() < (0.1 if place <= 2_000 else worse))
        now = onset_prior(place * 0.1, 120.0)
        evidence, before = evidence.after(bets_on_split(BadEvents(0.1, int(hit), int(not hit))), now - before), now
    assert evidence.log_late >= log_threshold(0.001)
    assert evidence.log_early < log_threshold(0.5)


@given(seconds=st.lists(st.floats(0.0, 1e6), min_size=2, max_size=5), expected=st.floats(1.0, 1e4))
def test_the_prior_grows_to_one_and_no_further(seconds: list[float], expected: float) -> None:
    """However long a rollout takes, what is laid on the begin of a fault never comes to more than the stake."""
    laid = [onset_prior(second, expected) for second in sorted(seconds)]
    assert laid == sorted(laid)
    assert 0.0 <= laid[0] <= laid[-1] <= 1.0
    assert onset_prior(0.0, expected) == 0.0
    assert onset_prior(expected, expected) == pytest.approx(0.75)
    assert onset_prior(expected * 1e9, expected) == pytest.approx(1.0)


# Means of losses.


@given(losses=st.lists(st.floats(0.0, 1.0), max_size=30), ceiling=st.floats(0.02, 0.9))
def test_evidence_on_a_mean_is_the_product_of_one_bet_per_value(losses: list[float], ceiling: float) -> None:
    """Each value is a slot of its own, of which this part went wrong."""
    found = sum((log_bets(loss, 1.0, ceiling, share_at_odds(ceiling, ODDS)) for loss in losses), np.zeros(ODDS.size))
    assert log_evidence_of_mean(losses, ceiling) == pytest.approx(math.log(np.exp(found).mean()), abs=1e-9)


def test_losses_at_the_ceiling_are_called_worse_no_more_often_than_alpha() -> None:
    """Whatever the losses between 0 and 1 look like: of many samples with the mean of the ceiling, at most alpha are rejected."""
    runs, generator = 1_000, np.random.default_rng(43)
    for a, b in ((0.2, 0.6), (5.0, 15.0)):
        false = sum(log_evidence_of_mean(generator.beta(a, b, 400), 0.25) >= log_threshold(ALPHA) for _ in range(runs))
        assert false <= allowed(runs)


@pytest.mark.parametrize(("losses", "ceiling"), [([1.1], 0.5), ([-0.1], 0.5), ([0.5], 0.0), ([0.5], 1.0)])
def test_losses_that_cannot_be_are_refused(losses: list[float], ceiling: float) -> None:
    """A value past 0 or 1, or a ceiling that is no share, raises ValueError."""
    with pytest.raises(ValueError, match="no bet"):
        log_evidence_of_mean(losses, ceiling)


# What lets a version go on.


@given(bad=st.integers(0, 20), good=st.integers(0, 600), ceiling=st.floats(0.01, 0.5))
def test_the_evidence_of_less_is_the_integral_that_it_claims_to_be(bad: int, good: int, ceiling: float) -> None:
    """The closed form agrees with numerical integration."""

    def ratio(p: float) -> float:
        return math.exp(bad * math.log(p / ceiling) + good * math.log((1 - p) / (1 - ceiling))) if 0.0 < p < 1.0 else float(bad == 0)

    peak = min(bad / max(bad + good, 1), ceiling)
    integral = quad(ratio, 0.0, ceiling, points=[peak], limit=500)[0] / ceiling
    assert log_evidence_of_less(bad, bad + good, ceiling) == pytest.approx(math.log(max(integral, 1e-300)), abs=1e-5)


@given(ceiling=st.floats(0.005, 0.5), bad=st.integers(0, 10), good=st.integers(0, 300))
def test_one_more_answer_at_the_ceiling_has_an_expected_evidence_of_one(ceiling: float, bad: int, good: int) -> None:
    """A version that fails exactly the share of the ceiling gains nothing on average."""
    before = math.exp(log_evidence_of_less(bad, bad + good, ceiling))
    fails, answers = log_evidence_of_less(bad + 1, bad + good + 1, ceiling), log_evidence_of_less(bad, bad + good + 1, ceiling)
    assert ceiling * math.exp(fails) + (1 - ceiling) * math.exp(answers) == pytest.approx(before, rel=1e-7)


def test_a_version_at_the_ceiling_is_let_on_no_more_often_than_alpha() -> None:
    """Looked at after every hundred answers, at most alpha of the versions that fail one request in fifty ever pass."""
    runs, generator = 2_000, np.random.default_rng(29)
    bad = np.cumsum(generator.binomial(100, 0.02, size=(runs, 30)), axis=1)
    passed = sum(any(log_evidence_of_less(int(k), 100 * n, 0.02) >= log_threshold(ALPHA) for n, k in enumerate(run, 1)) for run in bad)
    assert passed <= allowed(runs)


@given(stages=st.lists(st.tuples(st.floats(0.02, 0.9), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=3))
def test_the_evidence_of_being_no_worse_is_the_average_of_likelihood_ratios(stages: list[tuple[float, int, int]]) -> None:
    """Event by event, in another parametrisation: odds below the margin, as products of odds."""
    products = np.ones(ODDS.size)
    for weight, canary, control in stages:
        null_odds = 2.0 * weight / (1 - weight)
        better_odds = null_odds / ODDS
        products *= (better_odds / (1 + better_odds) * (1 + null_odds) / null_odds) ** canary
        products *= ((1 + null_odds) / (1 + better_odds)) ** control
    found = log_evidence_of_no_worse([BadEvents(*stage) for stage in stages], 2.0)
    assert found == pytest.approx(math.log(products.mean()), abs=1e-8)


def test_a_version_at_the_margin_passes_no_more_often_than_alpha() -> None:
    """Looked at after every fifty bad events, at most alpha of the versions that are twice as bad are ever called no worse."""
    runs, generator = 2_000, np.random.default_rng(31)
    canary = np.cumsum(generator.binomial(50, float(share_at_odds(0.1, 2.0)), size=(runs, 20)), axis=1)
    passed = sum(
        any(log_evidence_of_no_worse([BadEvents(0.1, int(k), 50 * n - int(k))], 2.0) >= log_threshold(ALPHA) for n, k in enumerate(run, 1))
        for run in canary
    )
    assert passed <= allowed(runs)


# The sample ratio.


@given(weight=st.floats(0.01, 0.99), canary=st.integers(0, 3_000), control=st.integers(0, 3_000))
def test_the_check_of_the_ratio_is_the_quotient_of_two_distributions(weight: float, canary: int, control: int) -> None:
    """It is the beta-binomial probability of the counts over their binomial one, as scipy has them."""
    n, a, b = canary + control, 1_000.0 * weight, 1_000.0 * (1 - weight)
    expected = betabinom.logpmf(canary, n, a, b) - binom.logpmf(canary, n, weight)
    assert log_evidence_of_ratio([(weight, canary, control)]) == pytest.approx(float(expected), abs=1e-5)


def test_a_split_that_is_right_passes_and_one_that_is_not_fails() -> None:
    """At most alpha of the right splits ever fail; a canary of ten per cent that gets an eighth does within 20,000 requests."""
    runs, generator = 1_000, np.random.default_rng(37)
    canary = np.cumsum(generator.binomial(500, 0.1, size=(runs, 40)), axis=1)
    failed = sum(
        any(log_evidence_of_ratio([(0.1, int(k), 500 * n - int(k))]) >= log_threshold(ALPHA) for n, k in enumerate(run, 1))
        for run in canary
    )
    assert failed <= allowed(runs)
    assert log_evidence_of_ratio([(0.1, 2_500, 17_500)]) >= log_threshold(1e-4)

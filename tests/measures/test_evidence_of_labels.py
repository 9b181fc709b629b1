"""Evidence from labels: exact whatever share of the labels an arm has, whatever the rate of wrong ones, at every look."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom, nchypergeom_fisher

from lifecycle.measures.eprocess import (
    ODDS,
    Evidence,
    bets_on_labels,
    bets_on_wrong_labels,
    log_evidence_of_higher_mean,
    log_threshold,
    onset_prior,
)

ALPHA = 0.05
ARMS = st.tuples(st.integers(0, 25), st.integers(1, 40))


@given(labelled=ARMS, share=st.floats(0.0, 1.0))
def test_a_stratum_has_the_expectation_one_where_the_arms_do_equally_well(labelled: tuple[int, int], share: float) -> None:
    """Summed over how many of the wrong labels fall to the canary, given how many there are, nothing is gained and nothing lost."""
    canary, control = labelled
    wrong = round(share * (canary + control))
    possible = np.arange(max(0, wrong - control), min(wrong, canary) + 1)
    gains = np.array([np.exp(bets_on_labels(int(k), canary, wrong - int(k), control)) for k in possible])
    assert hypergeom.pmf(possible, canary + control, wrong, canary) @ gains == pytest.approx(np.ones(ODDS.size), rel=1e-7)


@given(labelled=ARMS, share=st.floats(0.0, 1.0), better=st.floats(0.05, 0.99))
def test_a_canary_that_does_better_gains_nothing(labelled: tuple[int, int], share: float, better: float) -> None:
    """Where the canary's odds of a wrong label are lower, a stratum is expected to lose."""
    canary, control = labelled
    wrong = round(share * (canary + control))
    possible = np.arange(max(0, wrong - control), min(wrong, canary) + 1)
    gains = np.array([np.exp(bets_on_labels(int(k), canary, wrong - int(k), control)) for k in possible])
    chances = nchypergeom_fisher.pmf(possible, canary + control, wrong, canary, better)
    assert (chances @ gains <= 1.0 + 1e-6).all()


@pytest.mark.parametrize(("canary", "control", "wrong", "of_canary"), [(10, 90, 12, 6), (40, 40, 9, 9), (3, 200, 25, 2)])
def test_it_is_the_likelihood_ratio_of_an_independent_implementation(canary: int, control: int, wrong: int, of_canary: int) -> None:
    """The same as scipy's noncentral hypergeometric distribution over the central one."""
    told = [
        nchypergeom_fisher.pmf(of_canary, canary + control, wrong, canary, odds) / hypergeom.pmf(of_canary, canary + control, wrong, canary)
        for odds in ODDS
    ]
    assert np.exp(bets_on_labels(of_canary, canary, wrong - of_canary, control)) == pytest.approx(np.array(told), rel=1e-6)


@pytest.mark.parametrize("counts", [(0, 0, 3, 9), (2, 5, 0, 0), (0, 5, 0, 9), (5, 5, 9, 9)])
def test_what_can_not_be_compared_says_nothing(counts: tuple[int, int, int, int]) -> None:
    """An arm without labels, none wrong, all wrong: no bet."""
    assert bets_on_labels(*counts) == pytest.approx(np.zeros(ODDS.size), abs=1e-9)


@pytest.mark.parametrize("counts", [(3, 2, 0, 1), (-1, 2, 0, 1), (0, 2, 2, 1)])
def test_counts_that_can_not_be_are_refused(counts: tuple[int, int, int, int]) -> None:
    """More wrong labels than labels raise ValueError."""
    with pytest.raises(ValueError, match="no bet"):
        bets_on_labels(*counts)


@given(share=st.floats(0.001, 0.099), labelled=st.integers(0, 40))
def test_a_share_below_the_ceiling_gains_nothing(share: float, labelled: int) -> None:
    """Without a control, labels that are wrong less often than the ceiling allows are expected to lose."""
    wrong = np.arange(labelled + 1)
    gains = np.array([np.exp(bets_on_wrong_labels(int(k), labelled, 0.1)) for k in wrong])
    assert (binom.pmf(wrong, labelled, share) @ gains <= 1.0 + 1e-9).all()


@given(values=st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=4), times=st.sampled_from([1, 3]))
def test_a_mean_that_is_no_larger_gains_nothing(values: list[tuple[float, float]], times: int) -> None:
    """Over both ways in which each pair may fall to the two sides, nothing is gained in the mean, however many there are to each."""
    ways = itertools.product((False, True), repeat=len(values))
    gains = []
    for way in ways:
        sides = [(there, here) if turned else (here, there) for (here, there), turned in zip(values, way, strict=True)]
        ours, theirs = [one for one, _ in sides for _ in range(times)], [other for _, other in sides]
        gains.append(math.exp(log_evidence_of_higher_mean(ours, theirs)))
    assert np.mean(gains) == pytest.approx(1.0, rel=1e-9)


def test_a_mean_that_is_larger_shows_and_values_past_one_are_refused() -> None:
    """Losses of a half beside losses of a tenth are soon beyond doubt; what is no loss raises ValueError; nothing says nothing."""
    assert log_evidence_of_higher_mean([0.5] * 400, [0.1] * 100) > log_threshold(1e-6)
    assert log_evidence_of_higher_mean([0.1] * 400, [0.5] * 100) < 0.0
    assert log_evidence_of_higher_mean([], [0.1]) == 0.0
    with pytest.raises(ValueError, match="past 0 or 1"):
        log_evidence_of_higher_mean([1.5], [0.1])


@pytest.mark.slow
@pytest.mark.parametrize("of_canary", [0.02, 0.1, 0.5])
def test_looked_at_after_every_stratum_it_errs_no_more_often_than_alpha(of_canary: float) -> None:
    """Over healthy canaries whose labels come as they like (an arm's share and the rate of wrong ones both wander), at most alpha alarm."""
    runs, generator, alarms = 300, np.random.default_rng(17), 0
    for _ in range(runs):
        evidence, before = Evidence.none(), 0.0
        rate = 0.1
        for place in range(1, 81):
            rate = float(np.clip(rate + generator.normal(0.0, 0.03), 0.02, 0.6))
            labelled = int(generator.integers(1, 60))
            canary = int(generator.binomial(labelled, np.clip(of_canary * generator.uniform(0.3, 2.0), 0.0, 1.0)))
            wrong = [int(generator.binomial(count, rate)) for count in (canary, labelled - canary)]
            now = onset_prior(float(place), 60.0)
            evidence, before = evidence.after(bets_on_labels(wrong[0], canary, wrong[1], labelled - canary), now - before), now
            if evidence.log_value >= log_threshold(ALPHA):
                alarms += 1
                break
    assert alarms <= int(binom.ppf(1 - 1e-6, runs, ALPHA))

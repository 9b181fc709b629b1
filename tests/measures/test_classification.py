from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from lifecycle.measures.classification import METRICS, Scored, accuracy, auc, brier, calibration_error, log_loss, value_of
from lifecycle.measures.intervals import Floats
from lifecycle.measures.names import Metric


def rows(seed: int, n: int = 500, digits: int = 16) -> Scored:
    """Outcomes and probabilities that agree somewhat; few digits make ties."""
    rng = np.random.default_rng(seed)
    given_probability = rng.random(n).round(digits)
    return Scored.of((rng.random(n) < given_probability * 0.6 + 0.2).astype(float), given_probability)


def weights_of(n: int, seed: int) -> Floats:
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=3).astype(np.float64)


@pytest.mark.parametrize("digits", [16, 1], ids=["no ties", "ties"])
@pytest.mark.parametrize("seed", range(3))
def test_the_measures_are_those_of_scikit_learn(seed: int, digits: int) -> None:
    """AUC, log loss, Brier score and accuracy, with and without ties."""
    scored = rows(seed, digits=digits)
    labels, probabilities = scored.labels, np.clip(scored.probabilities, 1e-6, 1 - 1e-6)
    scored = Scored.of(labels, probabilities)
    n = len(scored)
    assert value_of(auc(scored), n) == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert value_of(log_loss(scored), n) == pytest.approx(metrics.log_loss(labels, probabilities))
    assert value_of(brier(scored), n) == pytest.approx(metrics.brier_score_loss(labels, probabilities))
    assert value_of(accuracy(scored, 0.5), n) == pytest.approx(metrics.accuracy_score(labels, probabilities >= 0.5))


@pytest.mark.parametrize("digits", [16, 1], ids=["no ties", "ties"])
def test_a_weighted_measure_is_that_of_the_rows_drawn(digits: int) -> None:
    """For every metric but the calibration error, weights of a resample and the resample itself are one thing."""
    scored = rows(1, n=60, digits=digits)
    weights = weights_of(60, seed=1)
    for name in sorted(METRICS.keys() - {"calibration_error"}):
        found = METRICS[name](scored, 0.5)(weights)
        for drawn, value in zip(weights, found, strict=True):
            resample = np.repeat(np.arange(60), drawn.astype(int))
            again = Scored.of(scored.labels[resample], scored.probabilities[resample])
            assert value == pytest.approx(value_of(METRICS[name](again, 0.5), 60)), name


def test_weights_as_in_scikit_learn() -> None:
    """An AUC with sample weights agrees, ties and all."""
    scored = rows(2, digits=1)
    weights = weights_of(len(scored), seed=2)
    expected = [metrics.roc_auc_score(scored.labels, scored.probabilities, sample_weight=drawn) for drawn in weights]
    assert auc(scored)(weights) == pytest.approx(expected)


def test_certain_and_wrong_is_a_finite_loss() -> None:
    """A probability of exactly 0 or 1 does not make a loss infinite."""
    loss = value_of(log_loss(Scored.of([0, 1], [1.0, 0.0])), 2)
    assert np.isfinite(loss)
    assert loss > 10.0


def test_a_calibrated_model_has_almost_no_calibration_error() -> None:
    """And one that is always sure has a large one."""
    rng = np.random.default_rng(1)
    probabilities = rng.random(20_000)
    labels = (rng.random(20_000) < probabilities).astype(float)
    assert value_of(calibration_error(Scored.of(labels, probabilities)), 20_000) < 0.02
    sure = (probabilities > 0.5).astype(float)
    assert value_of(calibration_error(Scored.of(labels, sure)), 20_000) == pytest.approx(0.25, abs=0.01)


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    """By hand: two bins of two rows, with gaps of 0.3 and 0.1."""
    scored = Scored.of([0, 1, 1, 1], [0.1, 0.3, 0.8, 1.0])
    assert value_of(calibration_error(scored, bins=2), 4) == pytest.approx((0.3 + 0.1) / 2)


def test_equal_probabilities_fall_into_one_bin() -> None:
    """A model that says the same of everybody is calibrated when it says the base rate."""
    assert value_of(calibration_error(Scored.of([0, 1] * 50, [0.5] * 100)), 100) == pytest.approx(0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), min_size=2, max_size=40))
def test_an_auc_is_turned_round_by_turning_the_scores_round(pairs: list[tuple[bool, float]]) -> None:
    """AUC(p) + AUC(1 - p) is 1, where there are both outcomes."""
    # Rounded, so that 1 - p keeps every tie and makes none.
    given_probability = np.array([round(pair[1], 3) for pair in pairs])
    labels = [pair[0] for pair in pairs]
    straight = value_of(auc(Scored.of(labels, given_probability)), len(pairs))
    turned = value_of(auc(Scored.of(labels, np.round(1.0 - given_probability, 3))), len(pairs))
    assert np.isnan(straight) == (len(set(labels)) < 2)
    assert np.isnan(straight) or straight + turned == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("labels", "probabilities", "problem"),
    [
        ([0, 1], [0.5], "of one length"),
        ([], [], "not empty"),
        ([0, 2], [0.5, 0.5], "0 or 1"),
        ([0, 1], [0.5, 1.5], "between 0 and 1"),
        ([0, 1], [0.5, np.nan], "between 0 and 1"),
    ],
)
def test_what_is_not_scored_rows_is_refused(labels: list[float], probabilities: list[float], problem: str) -> None:
    """Before any measure is taken of it."""
    with pytest.raises(ValueError, match=problem):
        Scored.of(labels, probabilities)


def test_every_metric_that_can_be_declared_is_measured() -> None:
    """The names that a declaration may use and the measures are the same."""
    assert set(METRICS) == set(get_args(Metric))

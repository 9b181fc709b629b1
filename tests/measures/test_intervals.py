from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifecycle.measures.classification import Scored, accuracy, auc
from lifecycle.measures.intervals import Resamples, Statistic, difference, measure_difference


def mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Statistic:
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def test_the_value_is_that_of_all_rows() -> None:
    """The interval lies around it; n is the number of rows."""
    values = np.random.default_rng(1).normal(size=200)
    found = Resamples(200, seed=1).measure(mean(values))
    assert found is not None
    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high
    assert found.n == 200


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    """About 1.96 standard errors to each side."""
    values = np.random.default_rng(2).normal(size=2_000)
    found = Resamples(2_000, seed=2, resamples=4_000).measure(mean(values))
    assert found is not None
    error = values.std() / np.sqrt(2_000)
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another seed another one."""
    values = np.random.default_rng(3).normal(size=100)
    again = [Resamples(100, seed=seed).measure(mean(values)) for seed in (5, 5, 6)]
    assert again[0] == again[1]
    assert again[0] != again[2]


def test_weights_in_blocks_are_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many resamples fit into memory at once does not change an interval."""
    values = np.random.default_rng(4).normal(size=100)
    whole = Resamples(100, seed=7).measure(mean(values))
    monkeypatch.setattr("lifecycle.measures.intervals._BLOCK", 1_234)
    assert Resamples(100, seed=7).measure(mean(values)) == whole


def test_a_value_that_the_rows_do_not_determine_is_absent() -> None:
    """An AUC of one outcome has no value, so it has no measurement."""
    assert Resamples(5, seed=1).measure(auc(Scored.of(np.ones(5), np.linspace(0.1, 0.9, 5)))) is None


def test_resamples_that_do_not_determine_the_value_are_left_out() -> None:
    """With one negative row, many resamples have no AUC; the interval is of the others."""
    labels = np.array([0.0, *np.ones(9)])
    found = Resamples(10, seed=1).measure(auc(Scored.of(labels, np.linspace(0.0, 1.0, 10))))
    assert found is not None
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_the_interval_always_holds_the_value() -> None:
    """Even of a statistic whose resamples all lie above it."""
    found = Resamples(10, seed=1).measure(lambda weights: (weights != 1.0).sum(axis=1).astype(np.float64))
    assert found is not None
    assert found.low == found.value == 0.0


def test_a_model_is_no_different_from_itself() -> None:
    """Paired, the difference is 0 without any width."""
    rng = np.random.default_rng(5)
    rows = Scored.of(rng.integers(0, 2, 300), rng.random(300))
    statistic = accuracy(rows, 0.5)
    found = Resamples(300, seed=1).measure(difference(statistic, statistic))
    assert found is not None
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_paired_difference_is_narrower_than_an_unpaired_one() -> None:
    """Two models that agree on most rows differ by little more than those on which they don't."""
    rng = np.random.default_rng(6)
    labels, given = rng.integers(0, 2, 400), rng.random(400)
    one, other = Scored.of(labels, given), Scored.of(labels, np.clip(given + rng.normal(0, 0.02, 400), 0, 1))
    statistics = accuracy(one, 0.5), accuracy(other, 0.5)
    paired = Resamples(400, seed=1).measure(difference(*statistics))
    unpaired = measure_difference(statistics[0], 400, statistics[1], 400, seed=1)
    assert paired is not None
    assert unpaired is not None
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.high - paired.low < (unpaired.high - unpaired.low) / 2


def test_an_unpaired_difference_of_what_is_not_determined_is_absent() -> None:
    """One side without both outcomes is enough."""
    rows = Scored.of([0, 1, 1], [0.1, 0.5, 0.9])
    other = Scored.of([1, 1], [0.5, 0.9])
    assert measure_difference(auc(rows), 3, auc(other), 2, seed=1) is None


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 5, "resamples": 0}, {"n": 5, "level": 1.0}])
def test_no_rows_give_no_interval(wrong: dict[str, Any]) -> None:
    """Nonsense is refused before anything is computed."""
    with pytest.raises(ValueError, match="give no interval"):
        Resamples(**{"seed": 1, **wrong})

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lifecycle.measures.drift import CategoryBins, NumberBins, ks, psi, psi_categories, psi_numbers, stability_index


def test_rows_of_one_source_are_stable() -> None:
    """Two samples of one distribution stay far below 0.1."""
    rng = np.random.default_rng(1)
    assert psi_numbers(rng.normal(size=2_000), rng.normal(size=2_000)) < 0.02


def test_rows_that_moved_by_one_deviation_have_drifted() -> None:
    """Far above 0.2; and both ways alike."""
    rng = np.random.default_rng(2)
    here, there = rng.normal(size=2_000), rng.normal(1.0, size=2_000)
    assert psi_numbers(here, there) > 0.5


def test_the_index_by_hand() -> None:
    """Two bins, smoothed by half a row: 10 and 10 rows against 5 and 15."""
    before, now = np.array([10.5, 10.5]) / 21, np.array([5.5, 15.5]) / 21
    assert stability_index([10, 10], [5, 15]) == pytest.approx(((now - before) * np.log(now / before)).sum())


def test_values_that_begin_to_be_missing_are_drift() -> None:
    """Although those that are there have not moved."""
    values = np.random.default_rng(3).normal(size=1_000)
    absent = np.where(np.arange(1_000) % 2, values, np.nan)
    assert psi_numbers(values, absent) > 0.5
    assert psi_categories(["a", "b"] * 500, ["a", None] * 500) > 0.5


def test_a_category_that_was_never_there_is_drift() -> None:
    """All such categories count as one."""
    assert psi_categories(["a"] * 100, ["a"] * 50 + ["b"] * 25 + ["c"] * 25) > 0.5
    bins = CategoryBins.of(["a"] * 100)
    assert bins.psi(["b"] * 10) == bins.psi(["c"] * 10)


def test_a_column_of_one_value_has_not_moved() -> None:
    """Its deciles are all one edge."""
    assert psi_numbers([0.0] * 100, [0.0] * 50) == pytest.approx(0.0)
    assert psi_numbers([0.0] * 100, [1.0] * 50) < 0.02, "both lie at or above the one edge"


def test_bins_alone_measure_what_the_rows_would() -> None:
    """Bins kept with a model need no row of the reference."""
    rng = np.random.default_rng(4)
    here, there = rng.normal(size=300), rng.normal(0.3, size=300)
    assert NumberBins.of(here).psi(there) == psi_numbers(here, there)


def test_text_is_taken_as_categories() -> None:
    """And numbers as numbers."""
    assert psi(["a", "b"], ["a", "b"]) == pytest.approx(0.0)
    assert psi([1.0, 2.0, None], [1.0, 2.0, None]) == pytest.approx(0.0)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12), st.lists(st.integers(0, 50), min_size=2, max_size=12))
def test_the_index_is_never_below_nothing(reference: list[int], current: list[int]) -> None:
    """And it is the same both ways."""
    size = min(len(reference), len(current))
    one, other = [1, *reference[:size]], [1, *current[:size]]
    assert stability_index(one, other) >= 0.0
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))


def test_nothing_can_not_be_compared() -> None:
    """An empty window is an error, and not a window without drift."""
    with pytest.raises(ValueError, match="no rows"):
        psi_numbers([1.0, 2.0], [])
    with pytest.raises(ValueError, match="no values"):
        ks([1.0], [np.nan])


@given(
    st.lists(st.integers(-20, 20), min_size=5, max_size=40),
    st.lists(st.integers(-20, 20), min_size=5, max_size=40),
)
def test_the_distance_of_distributions_is_that_of_scipy(one: list[int], other: list[int]) -> None:
    """The two-sample statistic of Kolmogorov and Smirnov, with ties."""
    assert ks(one, other) == pytest.approx(stats.ks_2samp(one, other, method="asymp").statistic)

from __future__ import annotations

import numpy as np
import pytest
from fairlearn import metrics as fairlearn

from lifecycle.measures.classification import value_of
from lifecycle.measures.fairness import (
    Decided,
    demographic_parity_difference,
    demographic_parity_ratio,
    equalised_odds_difference,
    rates,
)
from lifecycle.measures.intervals import Resamples


def decided(seed: int, groups: tuple[str, ...] = ("young", "old"), n: int = 400) -> Decided:
    rng = np.random.default_rng(seed)
    return Decided.of(rng.integers(0, 2, n), rng.integers(0, 2, n), rng.choice(groups, n).tolist())


@pytest.mark.parametrize("groups", [("young", "old"), ("a", "b", "c", "d")], ids=["two groups", "four groups"])
@pytest.mark.parametrize("seed", range(3))
def test_the_measures_are_those_of_fairlearn(seed: int, groups: tuple[str, ...]) -> None:
    """Differences and ratio, for two groups and for more."""
    rows = decided(seed, groups)
    given = {"y_true": rows.labels, "y_pred": rows.decisions, "sensitive_features": rows.groups}
    n = len(rows)
    assert value_of(demographic_parity_difference(rows), n) == pytest.approx(fairlearn.demographic_parity_difference(**given))
    assert value_of(demographic_parity_ratio(rows), n) == pytest.approx(fairlearn.demographic_parity_ratio(**given))
    assert value_of(equalised_odds_difference(rows), n) == pytest.approx(fairlearn.equalized_odds_difference(**given))


def test_the_rates_by_hand() -> None:
    """Of three young people one is chosen, of two old ones both; the rates follow."""
    rows = Decided.of([1, 0, 0, 1, 1], [1, 1, 0, 1, 0], ["young"] * 3 + ["old"] * 2)
    found = rates(rows)
    assert found["young"].selection == pytest.approx(1 / 3)
    assert found["young"].true_positive == pytest.approx(1 / 2)
    assert found["young"].false_positive == 0.0
    assert found["old"].selection == 1.0
    assert value_of(demographic_parity_difference(rows), 5) == pytest.approx(2 / 3)
    assert value_of(equalised_odds_difference(rows), 5) == 1.0


def test_a_group_without_an_outcome_has_no_rate_of_it() -> None:
    """And the odds of the groups can't be compared."""
    rows = Decided.of([1, 0, 1], [1, 0, 1], ["young", "young", "old"])
    assert rates(rows)["old"].false_positive is None
    assert Resamples(3, seed=1).measure(equalised_odds_difference(rows)) is None


def test_equal_treatment_is_a_difference_of_nothing() -> None:
    """The difference is 0, the ratio 1; where nobody is chosen, nobody is chosen less."""
    rows = Decided.of([1, 0, 1, 0], [1, 0, 1, 0], ["a", "a", "b", "b"])
    assert value_of(demographic_parity_difference(rows), 4) == 0.0
    assert value_of(demographic_parity_ratio(rows), 4) == 1.0
    nobody = Decided.of([0, 0], [1, 0], ["a", "b"])
    assert value_of(demographic_parity_ratio(nobody), 2) == 1.0


def test_a_difference_never_excludes_nothing() -> None:
    """The trap: between groups that are treated alike, the interval lies above 0 all the same."""
    found = Resamples(400, seed=1).measure(demographic_parity_difference(decided(1)))
    assert found is not None
    assert found.low >= 0.0
    assert found.high > 0.0


def test_only_the_groups_asked_for_are_compared() -> None:
    """A small group is left out before anything is measured."""
    rows = Decided.of([1, 0, 1, 0, 1], [1, 0, 1, 0, 1], ["a", "a", "b", "b", "tiny"])
    assert rows.group_sizes() == {"a": 2, "b": 2, "tiny": 1}
    assert rows.among(["a", "b"]).group_sizes() == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("decisions", "labels", "groups", "problem"),
    [([1, 0], [1], ["a", "b"], "of one length"), ([0.5, 1], [0, 1], ["a", "b"], "0 or 1"), ([1, 0], [1, 3], ["a", "b"], "0 or 1")],
)
def test_what_is_not_decided_rows_is_refused(decisions: list[float], labels: list[float], groups: list[str], problem: str) -> None:
    """Before any rate is taken of it."""
    with pytest.raises(ValueError, match=problem):
        Decided.of(decisions, labels, groups)

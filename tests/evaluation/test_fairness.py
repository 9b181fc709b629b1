from __future__ import annotations

import numpy as np
import pytest

from lifecycle.evaluation import fairness
from lifecycle.evaluation.fairness import FairnessUnclear, fairness_of
from lifecycle.measures.fairness import Decided


def rows(*groups: tuple[str, int, float]) -> Decided:
    """Rows of groups by name, number and share that is chosen; every other row has the positive outcome."""
    names = [name for name, n, _ in groups for _ in range(n)]
    decisions = [float(place < round(n * share)) for _, n, share in groups for place in range(n)]
    labels = [float(place % 2) for _, n, _ in groups for place in range(n)]
    return Decided.of(decisions, labels, names)


def test_groups_that_are_treated_alike_are_measured_alike() -> None:
    """A difference of 0 and a ratio of 1."""
    found = fairness_of("band", rows(("a", 100, 0.5), ("b", 100, 0.5)), minimum_n=50, seed=1)
    assert found.verdict == "measured"
    assert found.demographic_parity_difference is not None
    assert found.demographic_parity_ratio is not None
    assert found.demographic_parity_difference.value == 0.0
    assert found.demographic_parity_ratio.value == 1.0


def test_groups_that_are_not_are_told_apart() -> None:
    """Half against all: the difference is a half, with an interval that is far from nothing."""
    found = fairness_of("band", rows(("a", 100, 0.5), ("b", 100, 1.0)), minimum_n=50, seed=1).demographic_parity_difference
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert 0.3 < found.low < 0.5 < found.high < 0.7


def test_a_group_that_is_too_small_has_no_rates_and_moves_nothing() -> None:
    """However badly it is treated: ten rows are no evidence."""
    found = fairness_of("band", rows(("a", 100, 0.5), ("b", 100, 0.5), ("tiny", 10, 0.0)), minimum_n=50, seed=1)
    tiny = next(group for group in found.groups if group.group == "tiny")
    assert (tiny.n, tiny.enough_data, tiny.selection_rate, tiny.true_positive_rate) == (10, False, None, None)
    assert found.demographic_parity_difference is not None
    assert found.demographic_parity_difference.value == 0.0
    assert found.demographic_parity_difference.n == 200


@pytest.mark.parametrize("groups", [(("a", 100, 0.5), ("b", 10, 0.0)), (("a", 100, 0.5),), (("a", 5, 0.5), ("b", 5, 0.5))])
def test_with_fewer_than_two_large_groups_there_is_not_enough_data(groups: tuple[tuple[str, int, float], ...]) -> None:
    """The verdict says so, and there is no measure to gate on."""
    found = fairness_of("band", rows(*groups), minimum_n=50, seed=1)
    assert found.verdict == "not_enough_data"
    assert found.demographic_parity_difference is found.demographic_parity_ratio is found.equalised_odds_difference is None


def test_a_large_group_without_an_outcome_has_no_odds() -> None:
    """The other measures stand."""
    decided = rows(("a", 100, 0.5), ("b", 100, 0.5))
    labels = np.where(decided.groups == "b", 1.0, decided.labels)
    found = fairness_of("band", Decided(decided.decisions, labels, decided.groups), minimum_n=50, seed=1)
    assert found.equalised_odds_difference is None
    assert found.demographic_parity_difference is not None
    assert next(group for group in found.groups if group.group == "b").false_positive_rate is None


def test_two_implementations_that_disagree_are_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is said, and the error says what each of them found."""
    wrong = {"demographic parity difference": 0.9, "demographic parity ratio": 1.0, "equalised odds difference": 0.0}
    monkeypatch.setattr(fairness, "_by_fairlearn", lambda rows: wrong)
    with pytest.raises(FairnessUnclear, match=r"0\.9 by fairlearn"):
        fairness_of("band", rows(("a", 100, 0.5), ("b", 100, 0.5)), minimum_n=50, seed=1)

"""Intervals of shares, held against statsmodels' own and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from lifecycle.measures.proportions import paired_share_difference, share, share_difference

COUNTS = st.integers(1, 5_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(COUNTS)
def test_a_share_is_wilsons(counted: tuple[int, int]) -> None:
    """As an implementation of others has it, over any counts."""
    found = share(*counted)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(proportion_confint(*counted, alpha=0.05, method="wilson"), abs=1e-9)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@given(COUNTS, COUNTS)
def test_a_difference_of_two_shares_is_newcombes(one: tuple[int, int], other: tuple[int, int]) -> None:
    """As an implementation of others has it, over any counts."""
    found = share_difference(share(*one), share(*other))
    assert found is not None
    theirs = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=0.05)
    assert (found.low, found.high) == pytest.approx(theirs, abs=1e-9)
    assert found.low <= found.value <= found.high
    assert found.n == min(one[1], other[1])


def test_what_is_a_share_of_nothing_has_no_interval() -> None:
    """It is None, and so is what is held against it; counts that can't be are refused."""
    assert share(0, 0) is None
    assert share_difference(share(0, 0), share(1, 2)) is None
    assert paired_share_difference(0, 0, 0) is None
    with pytest.raises(ValueError, match="3 of 2"):
        share(3, 2)
    with pytest.raises(ValueError, match="can't differ"):
        paired_share_difference(2, 2, 3)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2_000))
def test_a_paired_difference_does_not_care_which_comes_first(only_one: int, only_other: int, same: int) -> None:
    """Turned round it is the same with the other sign, and it always holds its own value."""
    of = only_one + only_other + same
    found, turned = paired_share_difference(only_one, only_other, of), paired_share_difference(only_other, only_one, of)
    if found is None or turned is None:
        assert of == 0
        return
    assert (found.value, found.low, found.high) == pytest.approx((-turned.value, -turned.high, -turned.low))
    assert -1.0 <= found.low <= found.value <= found.high <= 1.0


@pytest.mark.parametrize(("one", "other"), [(0.02, 0.02), (0.05, 0.02), (0.2, 0.15), (0.0, 0.01), (0.0, 0.005)])
def test_a_paired_interval_holds_the_difference_as_often_as_it_says(one: float, other: float) -> None:
    """Over 4,000 experiments of 400 requests each; Bonett and Price promise about 95 of 100, and more where few differ."""
    drawn = np.random.default_rng(7).multinomial(400, [one, other, 1.0 - one - other], size=4_000)
    found = [paired_share_difference(int(only_one), int(only_other), 400) for only_one, only_other, _ in drawn]
    held = sum(interval is not None and interval.low <= one - other <= interval.high for interval in found)
    assert held / len(found) > 0.94

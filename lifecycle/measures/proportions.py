"""Shares of counts, each with its 95 % interval, and how far apart two of them are: closed forms, for counts that grow as they like.

- One share: E. B. Wilson, Probable inference, J. Am. Stat. Assoc. 22 (1927); by scipy.
- Two that have nothing to do with each other: R. G. Newcombe, Interval estimation for the difference between independent proportions,
  Statistics in Medicine 17 (1998), method 10: the Wilson intervals of both, put together.
- Two of the same rows: D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of binomial proportions based on
  paired data, J. Educ. Behav. Stat. 37 (2012): Wald's, with one row more of each kind that differs.

An interval is for one look. Whoever looks each day until it leaves 0 out finds a difference where there is none.
"""

from __future__ import annotations

import math

from lifecycle.measures.intervals import LEVEL
from lifecycle.records.evidence import Measurement

#: The normal quantile of LEVEL, two-sided.
_Z = 1.959963984540054


def share(hits: int, of: int) -> Measurement | None:
    """`hits` of `of`; None of nothing. Raises ValueError for counts that can't be."""
    from scipy.stats import binomtest

    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    if not of:
        return None
    interval = binomtest(hits, of).proportion_ci(LEVEL, method="wilson")
    value = hits / of
    # Of nothing and of everything the interval ends there, but for how a computer divides.
    return Measurement(value=value, low=min(float(interval.low), value), high=max(float(interval.high), value), n=of)


def share_difference(one: Measurement | None, other: Measurement | None) -> Measurement | None:
    """One share less the other, of rows that have nothing to do with each other. `n` is the smaller one; None where one of them is."""
    if one is None or other is None:
        return None
    value = one.value - other.value
    below, above = math.hypot(one.value - one.low, other.high - other.value), math.hypot(one.high - one.value, other.value - other.low)
    return Measurement(value=value, low=max(-1.0, value - below), high=min(1.0, value + above), n=min(one.n, other.n))


def paired_share_difference(only_one: int, only_other: int, of: int) -> Measurement | None:
    """One share less the other, of the same `of` rows: `only_one` are hits of one alone, `only_other` of the other alone.

    None of nothing. Raises ValueError for counts that can't be.
    """
    if min(only_one, only_other) < 0 or only_one + only_other > of:
        raise ValueError(f"{only_one} and {only_other} of {of} rows can't differ")
    if not of:
        return None
    rows = of + 2.0
    one, other = (only_one + 1.0) / rows, (only_other + 1.0) / rows
    middle, wide = one - other, _Z * math.sqrt((one + other - (one - other) ** 2) / rows)
    value = (only_one - only_other) / of
    return Measurement(value=value, low=max(-1.0, min(middle - wide, value)), high=min(1.0, max(middle + wide, value)), n=of)

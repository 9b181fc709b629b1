"""How far one set of values has moved from another: the population stability index and Kolmogorov and Smirnov's distance.

Missing (None or NaN) is a bin of its own: values that begin to be left out are drift like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10
#: Added to every bin on both sides, in rows, so that an empty bin has a finite logarithm (half a row, after Jeffreys).
SMOOTHING = 0.5


@dataclass(frozen=True)
class NumberBins:
    """Where the reference's values lie: inner edges of bins of about equal mass, and how many rows each bin and missing had.

    Plain data: kept with a model, it measures drift without the reference's rows.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, reference: npt.ArrayLike, bins: int = BINS) -> NumberBins:
        values = _numbers(reference)
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, bins + 1)[1:-1])) if known.size else np.empty(0)
        inner = tuple(float(edge) for edge in edges)
        return cls(inner, tuple(int(count) for count in _count_numbers(values, inner)))

    def psi(self, current: npt.ArrayLike) -> float:
        """The population stability index of these values against the reference."""
        return stability_index(self.counts, _count_numbers(_numbers(current), self.edges))


@dataclass(frozen=True)
class CategoryBins:
    """How many rows of the reference had each value; a value that it never had falls into one bin for all such."""

    counts: tuple[tuple[str | None, int], ...]

    @classmethod
    def of(cls, reference: Iterable[Any]) -> CategoryBins:
        found: dict[str | None, int] = {}
        for value in reference:
            key = _category(value)
            found[key] = found.get(key, 0) + 1
        return cls(tuple(sorted(found.items(), key=lambda item: (item[0] is None, item[0] or ""))))

    def psi(self, current: Iterable[Any]) -> float:
        """The population stability index of these values against the reference."""
        known = {value: place for place, (value, _) in enumerate(self.counts)}
        counted = [0] * (len(known) + 1)
        for value in current:
            counted[known.get(_category(value), len(known))] += 1
        return stability_index([*(count for _, count in self.counts), 0], counted)


def psi_numbers(reference: npt.ArrayLike, current: npt.ArrayLike, bins: int = BINS) -> float:
    """The population stability index over bins of the reference (deciles by default).

    By convention below 0.1 is stable, and above 0.2 has moved. N. Siddiqi, Credit Risk Scorecards (2006), chapter 12.
    Between samples of n rows of one source it is about (bins - 1) · 2 / n: small samples look like drift.
    """
    return NumberBins.of(reference, bins).psi(current)


def psi_categories(reference: Iterable[Any], current: Iterable[Any]) -> float:
    """The population stability index over categories."""
    return CategoryBins.of(reference).psi(current)


def psi(reference: Sequence[Any] | npt.NDArray[Any], current: Sequence[Any] | npt.NDArray[Any]) -> float:
    """The index of a column of numbers or of categories, by what the reference holds: text anywhere makes it categories."""
    if any(isinstance(value, str) for value in reference):
        return psi_categories(reference, current)
    return psi_numbers(np.asarray(reference), np.asarray(current))


def stability_index(reference: Iterable[float], current: Iterable[float]) -> float:
    """Σ (c - r) ln(c / r) over the smoothed shares r and c of the bins of reference and current.

    The symmetrised divergence of H. Jeffreys (1946). Never below 0; raises ValueError where a side has no row.
    """
    expected, observed = np.asarray(list(reference), dtype=np.float64), np.asarray(list(current), dtype=np.float64)
    if expected.sum() <= 0.0 or observed.sum() <= 0.0:
        raise ValueError("there are no rows to compare")
    # A bin that is empty on both sides says nothing; smoothed, it would.
    held = (expected > 0.0) | (observed > 0.0)
    before, now = expected[held] + SMOOTHING, observed[held] + SMOOTHING
    before, now = before / before.sum(), now / now.sum()
    return float(((now - before) * np.log(now / before)).sum())


def ks(reference: npt.ArrayLike, current: npt.ArrayLike) -> float:
    """The largest distance between the two empirical distribution functions, 0 to 1. Missing values are left out.

    Raises ValueError where a side has no value.
    """
    one, other = (np.sort(values[~np.isnan(values)]) for values in (_numbers(reference), _numbers(current)))
    if not one.size or not other.size:
        raise ValueError("there are no values to compare")
    places = np.concatenate([one, other])
    below = [np.searchsorted(values, places, side="right") / values.size for values in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def _numbers(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Doubles, with None as NaN."""
    array: npt.NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    return array


def _count_numbers(values: npt.NDArray[np.float64], edges: Sequence[float]) -> npt.NDArray[np.intp]:
    """Rows per bin (a value on an edge belongs to the bin above it), and missing ones last."""
    absent = np.isnan(values)
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), values[~absent], side="right")
    return np.append(np.bincount(bins, minlength=len(edges) + 1), absent.sum())


def _category(value: Any) -> str | None:
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value)

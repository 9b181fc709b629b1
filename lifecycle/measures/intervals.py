"""Bootstrap intervals, computed for all resamples at once.

A resample of n rows is a vector of n counts: how often each row was drawn. Every measure here takes such counts as
weights, `[resamples, n]`, and gives one value per resample, so that a thousand resamples are a few matrix products and
two measures on the same resamples are paired.

Percentile intervals after B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lifecycle.records.evidence import Measurement

Floats = npt.NDArray[np.float64]
#: From weights [resamples, n] to a value per resample [resamples]; NaN where a resample has none (a class is absent).
Statistic = Callable[[Floats], Floats]

RESAMPLES = 1_000
LEVEL = 0.95
#: Weights are made in blocks of about so many numbers, so that a million rows fit into memory.
_BLOCK = 8_000_000


class Resamples:
    """The resamples of n rows, the same for every measure taken on them and for every run with this seed."""

    def __init__(self, n: int, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL) -> None:
        if n < 1 or resamples < 1 or not 0.0 < level < 1.0:
            raise ValueError(f"n {n}, resamples {resamples} and level {level} give no interval")
        self.n = n
        self.level = level
        self._seed = seed
        self._resamples = resamples
        self._kept: Floats | None = None

    def measure(self, statistic: Statistic) -> Measurement | None:
        """The value on all rows, and the percentile interval around it.

        None where the rows don't determine the value. Resamples that don't determine it are left out of the interval,
        which always holds the value itself.
        """
        return _measurement(_on_all(statistic, self.n), self.draw(statistic), self.n, self.level)

    def draw(self, statistic: Statistic) -> Floats:
        """The statistic of every resample [resamples]; NaN where a resample does not determine it."""
        return np.concatenate([statistic(weights) for weights in self._weights()])

    def _weights(self) -> Iterator[Floats]:
        """Blocks of counts. Kept after the first use where they are one block."""
        if self._kept is not None:
            yield self._kept
            return
        generator = np.random.default_rng(self._seed)
        at_once = max(1, _BLOCK // self.n)
        for start in range(0, self._resamples, at_once):
            count = min(at_once, self._resamples - start)
            rows = generator.integers(0, self.n, size=(count, self.n))
            rows += np.arange(count)[:, None] * self.n
            weights = np.bincount(rows.ravel(), minlength=count * self.n).reshape(count, self.n).astype(np.float64)
            if count == self._resamples:
                self._kept = weights
            yield weights


def difference(one: Statistic, other: Statistic) -> Statistic:
    """The paired difference of two statistics: both on the same rows of every resample."""
    return lambda weights: one(weights) - other(weights)


def measure_difference(
    one: Statistic, n_one: int, other: Statistic, n_other: int, *, seed: int, resamples: int = RESAMPLES, level: float = LEVEL
) -> Measurement | None:
    """The difference of a statistic on two sets of rows that have nothing to do with each other (unpaired).

    `n` of the measurement is the size of the smaller set. None where either set doesn't determine its value.
    """
    # Each set is resampled by a seed of its own, or sets of one size would be paired by their positions.
    seeds = np.random.SeedSequence(seed).generate_state(2)
    ours = Resamples(n_one, seed=int(seeds[0]), resamples=resamples).draw(one)
    theirs = Resamples(n_other, seed=int(seeds[1]), resamples=resamples).draw(other)
    return _measurement(_on_all(one, n_one) - _on_all(other, n_other), ours - theirs, min(n_one, n_other), level)


def _on_all(statistic: Statistic, n: int) -> float:
    return float(statistic(np.ones((1, n)))[0])


def _measurement(value: float, drawn: Floats, n: int, level: float) -> Measurement | None:
    """The value with the percentiles of what was drawn around it; None where there is no value."""
    if not np.isfinite(value):
        return None
    determined = drawn[np.isfinite(drawn)]
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(determined, [tail, 1.0 - tail]) if determined.size else (value, value)
    return Measurement(value=value, low=min(float(low), value), high=max(float(high), value), n=n)

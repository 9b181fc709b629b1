"""How good probabilities of a binary outcome are: each measure as a statistic over weighted rows.

`labels` are 1 for the positive outcome and 0 for the other, `probabilities` are of the positive one; both [n].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifecycle.measures.intervals import Floats, Statistic

#: Probabilities of exactly 0 or 1 are moved by so much before a logarithm: what float32, the type that serves, can tell from 1.
SMALLEST = float(np.finfo(np.float32).eps)
CALIBRATION_BINS = 10


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows with their outcome and the probability that a model gave."""

    labels: Floats
    probabilities: Floats

    @classmethod
    def of(cls, labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Scored:
        """Raises ValueError for lengths that differ, labels other than 0 and 1, and what is not a probability."""
        outcome, given = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
        if outcome.ndim != 1 or outcome.shape != given.shape or not outcome.size:
            raise ValueError(f"labels {outcome.shape} and probabilities {given.shape} must be of one length, and not empty")
        if not np.isin(outcome, (0.0, 1.0)).all():
            raise ValueError("labels must be 0 or 1")
        if not ((given >= 0.0) & (given <= 1.0)).all():
            raise ValueError("probabilities must lie between 0 and 1")
        return cls(outcome, given)

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, mask: npt.NDArray[np.bool_]) -> Scored:
        return Scored(self.labels[mask], self.probabilities[mask])


def accuracy(rows: Scored, threshold: float) -> Statistic:
    """The share of rows whose decision, positive from the threshold on, is their outcome."""
    return _mean(((rows.probabilities >= threshold) == (rows.labels == 1.0)).astype(np.float64))


def brier(rows: Scored) -> Statistic:
    """The mean squared distance of probability and outcome. G. W. Brier, Monthly Weather Review 78 (1950)."""
    return _mean((rows.probabilities - rows.labels) ** 2)


def log_loss(rows: Scored) -> Statistic:
    """The mean negative logarithm of the probability that the outcome was given, in nats."""
    given = np.clip(rows.probabilities, SMALLEST, 1.0 - SMALLEST)
    return _mean(-np.where(rows.labels == 1.0, np.log(given), np.log1p(-given)))


def auc(rows: Scored) -> Statistic:
    """The chance that a positive row has a higher probability than a negative one, ties counting half.

    The area under the ROC curve by the ranks of Mann and Whitney (1947). NaN where an outcome is absent.
    """
    order = np.argsort(rows.probabilities, kind="stable")
    sorted_probabilities, positive = rows.probabilities[order], rows.labels[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_probabilities) != 0.0])

    def area(weights: Floats) -> Floats:
        drawn = weights[:, order]
        positives = np.add.reduceat(drawn * positive, starts, axis=1)
        negatives = np.add.reduceat(drawn * (1.0 - positive), starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        return _ratio((positives * (below + negatives / 2.0)).sum(axis=1), pairs)

    return area


def calibration_error(rows: Scored, bins: int = CALIBRATION_BINS) -> Statistic:
    """How far the mean probability is from the share of positives, over bins of about equally many rows (ECE).

    M. Naeini et al., AAAI 2015, with equal-mass bins; the bins are those of all rows, for every resample. The value is
    biased upwards in small samples, and its resamples more so: read the interval's upper end as a cautious one.
    """
    edges = np.quantile(rows.probabilities, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    bin_of = np.searchsorted(edges, rows.probabilities, side="right")
    gaps = np.zeros((len(rows), bins))
    gaps[np.arange(len(rows)), bin_of] = rows.probabilities - rows.labels
    return lambda weights: np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


#: Every measure that an evaluation takes, by the name that declarations and limits use: those of `names.Metric`.
METRICS: dict[str, Callable[[Scored, float], Statistic]] = {
    "accuracy": accuracy,
    "auc": lambda rows, _: auc(rows),
    "log_loss": lambda rows, _: log_loss(rows),
    "brier": lambda rows, _: brier(rows),
    "calibration_error": lambda rows, _: calibration_error(rows),
}


def value_of(statistic: Statistic, n: int) -> float:
    """The plain value on all n rows; NaN where the rows don't determine it."""
    return float(statistic(np.ones((1, n)))[0])


def _mean(values: Floats) -> Statistic:
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    """Their quotients; NaN where a denominator is 0."""
    return np.divide(numerators, denominators, out=np.full_like(numerators, np.nan), where=denominators > 0.0)

"""What a decision does to groups of people: rates per group, and how far apart the groups are.

`decisions` and `labels` are 1 for the positive (favourable) outcome, `groups` is the group of each row; all [n].
Definitions as in fairlearn, over any number of groups:

- demographic parity: the share of positive decisions (selection rate). C. Dwork et al., ITCS 2012.
- equalised odds: the true and the false positive rate. M. Hardt, E. Price, N. Srebro, NeurIPS 2016.

A difference is the largest rate less the smallest, so it is never below 0 and its bootstrap interval can't hold 0 either:
hold the interval's end against a tolerance, and never ask whether it "excludes 0".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifecycle.measures.intervals import Floats, Statistic


@dataclass(frozen=True, eq=False)
class Decided:
    """Rows with their decision, their outcome and their group."""

    decisions: Floats
    labels: Floats
    groups: npt.NDArray[np.str_]

    @classmethod
    def of(cls, decisions: npt.ArrayLike, labels: npt.ArrayLike, groups: Sequence[str]) -> Decided:
        """Raises ValueError for lengths that differ and for decisions or labels other than 0 and 1."""
        decided, outcome = np.asarray(decisions, dtype=np.float64), np.asarray(labels, dtype=np.float64)
        named = np.asarray(groups, dtype=np.str_)
        if not decided.shape == outcome.shape == named.shape or decided.ndim != 1:
            raise ValueError(f"decisions {decided.shape}, labels {outcome.shape} and groups {named.shape} must be of one length")
        if not (np.isin(decided, (0.0, 1.0)).all() and np.isin(outcome, (0.0, 1.0)).all()):
            raise ValueError("decisions and labels must be 0 or 1")
        return cls(decided, outcome, named)

    def __len__(self) -> int:
        return len(self.decisions)

    def group_sizes(self) -> dict[str, int]:
        """The number of rows of each group, by name."""
        names, counts = np.unique(self.groups, return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    def among(self, groups: Sequence[str]) -> Decided:
        """The rows of these groups only."""
        kept = np.isin(self.groups, list(groups))
        return Decided(self.decisions[kept], self.labels[kept], self.groups[kept])


@dataclass(frozen=True)
class Rates:
    """What one group experiences. A rate is None where the group has no row that it is a share of."""

    selection: float
    true_positive: float | None
    false_positive: float | None


def rates(rows: Decided) -> dict[str, Rates]:
    """The rates of every group, by name."""
    weights = np.ones((1, len(rows)))
    selection, true_positive, false_positive = (rate[0] for rate in _rates(rows, weights))
    return {
        name: Rates(float(selection[at]), _known(true_positive[at]), _known(false_positive[at]))
        for at, name in enumerate(rows.group_sizes())
    }


def demographic_parity_difference(rows: Decided) -> Statistic:
    """The highest selection rate less the lowest. 0 is equal treatment."""
    return lambda weights: _spread(_rates(rows, weights)[0])


def demographic_parity_ratio(rows: Decided) -> Statistic:
    """The lowest selection rate over the highest. 1 is equal treatment; the four-fifths rule asks for 0.8."""

    def ratio(weights: Floats) -> Floats:
        selection = _rates(rows, weights)[0]
        highest = selection.max(axis=1)
        quotients: Floats = np.divide(selection.min(axis=1), highest, out=np.ones_like(highest), where=highest != 0.0)
        return quotients

    return ratio


def equalised_odds_difference(rows: Decided) -> Statistic:
    """The larger of the spreads of true and false positive rates. NaN where a group lacks an outcome."""

    def odds(weights: Floats) -> Floats:
        _, true_positive, false_positive = _rates(rows, weights)
        return np.maximum(_spread(true_positive), _spread(false_positive))

    return odds


def _rates(rows: Decided, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Selection, true positive and false positive rates, each [resamples, groups]; NaN where a group has no such row."""
    names = np.unique(rows.groups)
    members = (rows.groups[:, None] == names).astype(np.float64)
    positive, decided = rows.labels[:, None], rows.decisions[:, None]

    def share(of: Floats) -> Floats:
        chosen, everyone = weights @ (of * decided), weights @ of
        return np.divide(chosen, everyone, out=np.full_like(chosen, np.nan), where=everyone > 0.0)

    return share(members), share(members * positive), share(members * (1.0 - positive))


def _spread(rate: Floats) -> Floats:
    spread: Floats = rate.max(axis=1) - rate.min(axis=1)
    return spread


def _known(rate: float) -> float | None:
    return None if np.isnan(rate) else float(rate)

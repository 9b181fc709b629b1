"""Features that know the answer: each is asked alone how well it ranks the outcomes.

The figure is an AUC folded to 0.5 (knows nothing) … 1.0 (knows all), so that a feature which ranks backwards
counts as much. A number is asked twice: by its order, and by the outcome rates of its quantile bins (missing
is a bin of its own), which sees sentinels, missing values and bends that an order can't. A category is asked
by the outcome rates of its values. Rates are taken out of fold: from rows other than the one that is ranked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.measures.classification import Scored, auc, value_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from lifecycle.data.spec import DatasetSpec

FOLDS = 5
BINS = 32
#: Rows that the overall rate counts for, beside a value's own: a value seen once must not seem to know its outcome.
PRIOR_ROWS = 10.0


def single_feature_auc(spec: DatasetSpec, frame: DataFrame, positive: NDArray[np.bool_]) -> dict[str, float]:
    """The folded AUC of every feature, by name. All 0.5 where only one outcome occurs."""
    if positive.all() or not positive.any():
        return dict.fromkeys(spec.features, 0.5)
    numbers = {name: max(_by_order(frame[name], positive), _by_rates(_bins(frame[name]), positive)) for name in spec.numbers}
    categories = {name: _by_rates(_codes(frame[name]), positive) for name in spec.categories}
    return {name: round(area, 6) for name, area in (numbers | categories).items()}


def _by_order(column: Series, positive: NDArray[np.bool_]) -> float:
    present = column.notna().to_numpy()
    if positive[present].all() or not positive[present].any():
        return 0.5
    return _folded(rank_auc(column.to_numpy()[present], positive[present]))


def _by_rates(groups: NDArray[np.intp], positive: NDArray[np.bool_]) -> float:
    import numpy as np

    # Rows are dealt out by position: fixed, and blind to what the rows say.
    fold = np.arange(len(groups)) % FOLDS
    size = int(groups.max()) + 1
    areas = []
    for held_out in range(FOLDS):
        seen, judged = fold != held_out, fold == held_out
        overall = positive[seen].mean() if seen.any() else 0.5
        rows = np.bincount(groups[seen], minlength=size)
        hits = np.bincount(groups[seen], weights=positive[seen], minlength=size)
        rates = (hits + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS)
        # One area per fold: across folds the overall rates differ, and that difference would pass for knowledge.
        if positive[judged].any() and not positive[judged].all():
            areas.append(rank_auc(rates[groups[judged]], positive[judged]))
    return _folded(float(np.mean(areas))) if areas else 0.5


def _bins(column: Series) -> NDArray[np.intp]:
    """The quantile bin of each number; missing is bin 0."""
    import numpy as np

    values = column.to_numpy(dtype="float64")
    present = np.isfinite(values)
    if not present.any():
        return np.zeros(len(values), dtype=np.intp)
    edges = np.unique(np.quantile(values[present], np.linspace(0.0, 1.0, BINS + 1)))
    return np.where(present, np.searchsorted(edges, values, side="left") + 1, 0)


def _codes(column: Series) -> NDArray[np.intp]:
    """A number for each value of a category; missing is 0."""
    import pandas as pd

    return pd.factorize(column)[0] + 1


def rank_auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The AUC of any scores, by their ranks. Both outcomes must occur."""
    return value_of(auc(Scored(positive.astype("float64"), scores)), len(scores))


def _folded(area: float) -> float:
    return max(area, 1.0 - area)

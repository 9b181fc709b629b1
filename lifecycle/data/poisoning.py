"""Signs that rows were copied or labels turned over. Signs, not proofs: they are counted and shown, and a gate may limit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from lifecycle.data.spec import DatasetSpec

#: The rows that are asked about a row's outcome: those most like it.
NEIGHBOURS = 25
#: Above this many rows a seeded sample is judged and the count is scaled up: neighbours cost the square of the rows.
MOST_ROWS = 20_000


def duplicate_rows(frame: DataFrame) -> int:
    """Rows that repeat an earlier row in every column, outcome included."""
    return int(frame.duplicated().sum())


def suspected_label_flips(spec: DatasetSpec, frame: DataFrame, positive: NDArray[np.bool_]) -> int:
    """Rows whose neighbours are confident of the other outcome: as sure of it as they usually are for rows that have it.

    That is confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021) with nearest neighbours in place of a
    classifier. Honest data that is hard to tell apart has such rows too: the count is to be read against that of other
    versions of the same data. Some half of the labels that are turned over at random add to it.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    rows = len(frame)
    chosen = np.arange(rows) if rows <= MOST_ROWS else np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    outcome = positive[chosen]
    if len(chosen) <= NEIGHBOURS or outcome.all() or not outcome.any():
        return 0
    # Without points to look up, each row's neighbours are the others: a row is no witness for itself, a copy of it is.
    with threadpool_limits(limits=1):
        neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(_points(spec, frame.iloc[chosen])).kneighbors(return_distance=False)
    share = outcome[neighbours].mean(axis=1)
    sure_of_positive, sure_of_negative = share[outcome].mean(), 1.0 - share[~outcome].mean()
    suspected = np.where(outcome, (1.0 - share >= sure_of_negative) & (share < 0.5), (share >= sure_of_positive) & (share > 0.5))
    return round(int(suspected.sum()) * rows / len(chosen))


def _points(spec: DatasetSpec, frame: DataFrame) -> NDArray[np.float64]:
    """The features as comparable coordinates: ranks of numbers in 0…1 (missing in the middle), categories one-hot."""
    import numpy as np
    import pandas as pd

    numbers = frame[list(spec.numbers)].rank(pct=True).fillna(0.5).to_numpy(dtype="float64")
    if not spec.categories:
        return numbers
    categories = pd.get_dummies(frame[list(spec.categories)], dummy_na=True).to_numpy(dtype="float64")
    return np.hstack([numbers, categories / np.sqrt(2.0)])

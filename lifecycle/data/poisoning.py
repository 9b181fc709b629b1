"""Signs that rows were copied or labels turned over. Signs, not proofs: they are counted and shown, and a gate may limit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from lifecycle.data.spec import DatasetSpec

NEIGHBOURS = 15
#: Of its neighbours, this share must have the other outcome before a row is suspected.
DISAGREEMENT = 0.9
#: Above this many rows a seeded sample is judged and the count is scaled up: neighbours cost the square of the rows.
MOST_ROWS = 20_000


def duplicate_rows(frame: DataFrame) -> int:
    """Rows that repeat an earlier row in every column, outcome included."""
    return int(frame.duplicated().sum())


def suspected_label_flips(spec: DatasetSpec, frame: DataFrame, positive: NDArray[np.bool_]) -> int:
    """Rows whose outcome nearly all of their nearest neighbours contradict, beyond what the base rate explains.

    A neighbour's vote is weighed by how rare its outcome is, so that a rare outcome among common ones is no sign by itself.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    rows = len(frame)
    chosen = np.arange(rows) if rows <= MOST_ROWS else np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    outcome = positive[chosen]
    if len(chosen) <= NEIGHBOURS or outcome.all() or not outcome.any():
        return 0
    points = _points(spec, frame.iloc[chosen])
    neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    weight = np.where(outcome, 1.0 / outcome.mean(), 1.0 / (1.0 - outcome.mean()))
    against = (weight[neighbours] * (outcome[neighbours] != outcome[:, None])).sum(axis=1) / weight[neighbours].sum(axis=1)
    return round(int((against >= DISAGREEMENT).sum()) * rows / len(chosen))


def _points(spec: DatasetSpec, frame: DataFrame) -> NDArray[np.float64]:
    """The features as comparable coordinates: ranks of numbers in 0…1 (missing in the middle), categories one-hot."""
    import numpy as np
    import pandas as pd

    numbers = frame[list(spec.numbers)].rank(pct=True).fillna(0.5).to_numpy(dtype="float64")
    if not spec.categories:
        return numbers
    categories = pd.get_dummies(frame[list(spec.categories)], dummy_na=True).to_numpy(dtype="float64")
    return np.hstack([numbers, categories / np.sqrt(2.0)])

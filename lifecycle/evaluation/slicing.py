"""Groups of rows to look at one by one: the values of a category, or the quartiles of a number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one group: a mask over the rows that are judged."""

    column: str
    name: str
    rows: npt.NDArray[np.bool_]

    @property
    def n(self) -> int:
        return int(self.rows.sum())


def groups_of(column: str, rows: pd.DataFrame, reference: pd.DataFrame) -> tuple[Group, ...]:
    """The groups of a column, by name; every row is in exactly one, and no group is empty.

    A number's quartiles are those of the reference (the training rows), so that a slice means the same for every
    version that was trained on them.
    """
    values = rows[column]
    missing = values.isna().to_numpy()
    if values.dtype.kind in "fiu":
        edges = np.unique(np.nanquantile(reference[column].to_numpy(dtype=np.float64), [0.25, 0.5, 0.75]))
        found = _bands(column, values.to_numpy(dtype=np.float64), missing, edges)
    else:
        names = sorted(values.dropna().unique())
        found = [Group(column, str(name), (values == name).to_numpy(dtype=bool, na_value=False)) for name in names]
    found.append(Group(column, MISSING, missing))
    return tuple(group for group in found if group.n)


def _bands(column: str, values: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_], edges: npt.NDArray[np.float64]) -> list[Group]:
    band_of = np.searchsorted(edges, values, side="right")
    between = (f"{low:g} to {high:g}" for low, high in pairwise(edges))
    names = [f"below {edges[0]:g}", *between, f"from {edges[-1]:g}"]
    return [Group(column, name, (band_of == place) & ~missing) for place, name in enumerate(names)]

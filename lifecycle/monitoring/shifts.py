"""How far each column has moved from what the version was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lifecycle.monitoring.verdicts import Shift

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


def shifts_of(
    reference: pd.DataFrame, inputs: Mapping[str, Sequence[Any]], *, numbers: Sequence[str], categories: Sequence[str]
) -> dict[str, Shift]:
    """The shift of every column, by name; none where the window has no row to compare.

    Numbers are binned by the reference's deciles, categories by its values; missing is a bin, and so is every value that is new.
    """
    from lifecycle.measures.drift import CategoryBins

    found: dict[str, Shift] = {}
    for column in (*numbers, *categories):
        values = inputs[column]
        if not len(values) or not len(reference):
            continue
        if column in numbers:
            found[column] = shift_of_numbers(reference[column].to_numpy(dtype=float), values)
        else:
            kinds = CategoryBins.of(reference[column])
            found[column] = Shift(kinds.psi(values), len(kinds.counts) + 1, len(reference), len(values))
    return found


def shift_of_numbers(reference: npt.ArrayLike, values: npt.ArrayLike) -> Shift:
    """The shift of one column of numbers; neither side may be empty."""
    import numpy as np

    from lifecycle.measures.drift import NumberBins

    bins = NumberBins.of(reference)
    return Shift(bins.psi(values), len(bins.counts), int(np.size(reference)), int(np.size(values)))

"""What a version's window is held against: the rows that it was trained on, and what was found when it was evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.evidence import Evidence

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True)
class Yardstick:
    """Raises InvalidDeclaration where the rows lack a column."""

    #: The rows that the version was trained on, and which of their columns it was given.
    trained_on: pd.DataFrame
    numbers: Sequence[str]
    categories: Sequence[str]
    #: The outcome that the probability is of.
    positive: str
    #: What it gives for rows that it was not trained on (the test split); without them the shift of the answers is not judged.
    probabilities: npt.ArrayLike | None = None
    #: What its decisions are held against, in the groups of `slices` too, where no hold-out is beside it (see `decay`).
    evaluation: Evidence | None = None
    slices: Sequence[str] = ()

    def __post_init__(self) -> None:
        lacking = [column for column in self.columns if column not in self.trained_on.columns]
        if lacking:
            raise InvalidDeclaration(
                f"The rows that the version was trained on have no column {', '.join(lacking)}.", "Pass all of their columns."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """What a version is given, numbers first."""
        return (*self.numbers, *self.categories)

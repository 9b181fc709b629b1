"""How far the rows that a model is judged on lie from those that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lifecycle.measures.drift import psi_categories, psi_numbers
from lifecycle.records.evidence import ColumnDrift

if TYPE_CHECKING:
    import pandas as pd


def drift_of(training: pd.DataFrame, judged: pd.DataFrame, numbers: Sequence[str], categories: Sequence[str]) -> tuple[ColumnDrift, ...]:
    """The population stability index of every feature: deciles of the training rows for numbers, values for categories."""
    found = {name: psi_numbers(training[name].to_numpy(), judged[name].to_numpy()) for name in numbers}
    found |= {name: psi_categories(training[name], judged[name]) for name in categories}
    return tuple(ColumnDrift(column=name, psi=value) for name, value in found.items())

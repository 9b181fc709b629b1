"""A small declared dataset with a known truth, as a CSV that tests may damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandera.pandas import Check, Column, DataFrameSchema

from lifecycle.data.spec import Band, Contract, DatasetSpec, Source

ROWS = 400


def loan_schema() -> DataFrameSchema:
    return DataFrameSchema(
        {
            "paid": Column(str, Check.isin(["yes", "no"])),
            "income": Column(float, Check.ge(0), nullable=True),
            "amount": Column(float, Check.in_range(1, 1_000)),
            "age": Column(float, Check.in_range(18, 100)),
            "job": Column(str, nullable=True),
            "town": Column(str),
        }
    )


def loans(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Loans that are paid back the more often the higher the income is; `town` knows nothing."""
    draw = np.random.default_rng(seed)
    income = draw.gamma(3.0, 40.0, rows).round(2)
    paid = draw.random(rows) < 1.0 / (1.0 + np.exp(-(income - 110.0) / 30.0))
    return pd.DataFrame(
        {
            "paid": np.where(paid, "yes", "no"),
            "income": np.where(draw.random(rows) < 0.1, np.nan, income),
            "amount": draw.integers(1, 1_000, rows).astype(float),
            "age": draw.integers(18, 80, rows).astype(float),
            "job": draw.choice(["fixed", "none"], rows),
            "town": draw.choice(["north", "south", "NA", "None"], rows),
        }
    )


def fields(location: Path) -> dict[str, Any]:
    """The declaration's fields, for a test to change one of."""
    return {
        "name": "loans",
        "source": Source(name=location.name, location=str(location), format="csv"),
        "contract": Contract(name="loan/1", schema_factory=loan_schema),
        "target": "paid",
        "positive": "yes",
        "negative": "no",
        "numbers": ("income", "amount"),
        "categories": ("job", "town"),
        "protected": {"age_band": Band(column="age", edge=30, below="<30", from_edge_on="30+")},
        "identity": ("income", "amount", "age", "job", "town"),
        "licence": "CC0-1.0",
        "classification": "internal",
        "contains_personal_data": False,
        "regions": ("EU",),
        "purposes": ("credit_scoring",),
    }


def spec_of(location: Path, **changed: Any) -> DatasetSpec:
    return DatasetSpec(**{**fields(location), **changed})


def written(frame: pd.DataFrame, folder: Path, **changed: Any) -> DatasetSpec:
    """The declaration of a dataset whose source holds this frame."""
    location = folder / "loans.csv"
    frame.to_csv(location, index=False)
    return spec_of(location, **changed)

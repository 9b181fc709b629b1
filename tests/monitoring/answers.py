"""Rows of a prediction log, and the training rows that they are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lifecycle.records.record import Record

START_US = 1_700_000_000_000_000
END_US = START_US + 3_600_000_000
NUMBERS, CATEGORIES = ("income", "age"), ("home",)
HOMES = ("rent", "owner", "parents")


class Watched(Record):
    """The limits of a declaration, at their defaults."""

    psi_limit: float = 0.2
    error_share_limit: float = 0.01
    latency_p99_ms_limit: float = 250.0
    accuracy_limit: float | None = None
    labels_mature_hours: float = 0.0
    minimum_n: int = 100


def reference(n: int = 2_000, seed: int = 1) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": generator.normal(130.0, 40.0, n),
            "age": generator.integers(18, 70, n).astype(float),
            "home": generator.choice(HOMES, n, p=(0.5, 0.4, 0.1)),
        }
    )


def rows(n: int = 600, *, seed: int = 2, version: int = 1, moved: float = 0.0, latency_us: int = 900) -> list[dict[str, Any]]:
    """Answers of one version to applications like those of the reference, with the income moved by so much."""
    generator = np.random.default_rng(seed)
    asked = reference(n, seed).assign(income=lambda frame: frame["income"] + moved)
    probabilities = generator.uniform(0.05, 0.95, n)
    return [
        row(
            f"{version}-{position:06d}",
            at_us=START_US + position,
            version=version,
            probability=float(probabilities[position]),
            values={str(column): value for column, value in asked.iloc[position].to_dict().items()},
            latency_us=latency_us,
        )
        for position in range(n)
    ]


def row(
    row_id: str,
    *,
    at_us: int = START_US,
    version: int | None = 1,
    probability: float | None = 0.7,
    values: dict[str, Any] | None = None,
    latency_us: int = 900,
    outcome: str = "answered",
    fallback_from: int | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    decision = None if probability is None else "good" if probability >= 0.5 else "bad"
    return {
        "id": row_id,
        "at_us": at_us,
        "model": "credit",
        "version": version,
        "arm": "champion",
        "latency_us": latency_us,
        "outcome": outcome,
        "output": None if probability is None else {"probability": probability, "decision": decision},
        "fallback_from": fallback_from,
        "values": values,
        "label": label,
    }


def labelled(made: list[dict[str, Any]], *, right: float, seed: int = 3) -> list[dict[str, Any]]:
    """The same rows with outcomes, of which this share is as decided."""
    generator = np.random.default_rng(seed)
    other = {"good": "bad", "bad": "good"}
    decided = [str(one["output"]["decision"]) for one in made]
    agreed = generator.random(len(made)) < right
    return [{**one, "label": said if agrees else other[said]} for one, said, agrees in zip(made, decided, agreed, strict=True)]

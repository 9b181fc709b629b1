"""Declaring a dataset: what a wrong field is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle.data.spec import Band, DatasetSpec, SplitShares
from lifecycle.errors import InvalidDeclaration
from tests.data.rows import fields, spec_of

LOCATION = Path("loans.csv")


def test_the_parts_of_a_declaration_fit_together() -> None:
    """From the declared fields follow the features and what is read from the source."""
    spec = spec_of(LOCATION)
    assert spec.features == ("income", "amount", "job", "town")
    assert set(spec.source_columns) == {"paid", "income", "amount", "age", "job", "town"}
    assert spec.source_numbers == ("income", "amount", "age")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"name": "Loans of 2026"}, "name"),
        ({"target": "job"}, "target: 'job' is a feature as well"),
        ({"identity": ("paid", "age")}, "identity: 'paid' is the target"),
        ({"positive": "no"}, "positive, negative"),
        ({"numbers": ("income", "income")}, "numbers: .*income stands there twice"),
        ({"numbers": ("income", "job")}, "job can't be both"),
        ({"numbers": (), "categories": ()}, "at least one feature"),
        ({"categories": ("split",)}, "split: these names are kept"),
        ({"categories": ("age",)}, "age is used as a number and as a text"),
        ({"protected": {"Age Band": "job"}}, "protected"),
        ({"classification": "secret"}, "classification: .*'public', 'internal', 'confidential' or 'personal'"),
        ({"regions": ()}, "regions"),
        ({"leakage_limit": 0.4}, "leakage_limit"),
        ({"licence": ""}, "licence"),
        ({"tragte": "paid"}, "tragte"),
    ],
)
def test_a_wrong_field_is_named(changed: dict[str, Any], named: str) -> None:
    """The error names the dataset, the field and what is allowed."""
    with pytest.raises(InvalidDeclaration, match=named) as caught:
        spec_of(LOCATION, **changed)
    assert str(changed.get("name", "loans")) in caught.value.what


@pytest.mark.parametrize("field", [name for name in fields(LOCATION) if name != "name"])
def test_a_missing_field_is_named(field: str) -> None:
    """Nothing about data is assumed: what a team must say, it must say."""
    with pytest.raises(InvalidDeclaration, match=rf"{field}: Field required"):
        DatasetSpec(**{name: value for name, value in fields(LOCATION).items() if name != field})


@pytest.mark.parametrize("shares", [{"train": 0.5}, {"train": 0.85, "validation": 0.15, "test": 0.0}])
def test_shares_must_be_everything(shares: dict[str, float]) -> None:
    """Splits that leave rows over, or one of which is empty, are no declaration."""
    with pytest.raises(InvalidDeclaration, match=r"SplitShares .*together they must be 1"):
        SplitShares(**shares)


def test_a_band_of_a_feature_is_no_conflict() -> None:
    """A number may be a feature and, as a band, a protected group: whether it should be is for the gate to say."""
    band = Band(column="income", edge=50, below="poor", from_edge_on="rich")
    assert spec_of(LOCATION, protected={"wealth": band}).source_numbers == ("income", "amount")


def test_declaring_loads_nothing_heavy(repository: Path) -> None:
    """The definitions are loaded by every run and every step: a declaration must cost them no pandas."""
    heavy = ("pandas", "pandera", "pyarrow", "numpy", "sklearn", "fsspec", "torch")
    program = f"import sys, assets.credit.data; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True).stdout
    assert loaded == "[]\n"

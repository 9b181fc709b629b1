"""The data of the credit model: 4,454 consumer-credit applications (provenance: README.md beside this file)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.data.spec import Band, Contract, DatasetSpec, Source

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def application_schema() -> DataFrameSchema:
    """What an application must be. Numbers that the applicant left out are missing; what the bank wrote down never is."""
    from pandera.pandas import Check, Column, DataFrameSchema

    def number(low: float, high: float, *, left_out: bool = False) -> Column:
        return Column(float, Check.in_range(low, high), nullable=left_out)

    def one_of(*values: str, left_out: bool = False) -> Column:
        return Column(str, Check.isin(values), nullable=left_out)

    return DataFrameSchema(
        {
            "status": one_of("good", "bad"),
            "seniority": number(0, 60),
            "home": one_of("owner", "rent", "parents", "other", "priv", "ignore", left_out=True),
            "time": number(1, 120),
            "age": number(18, 100),
            "marital": one_of("married", "single", "separated", "widow", "divorced", left_out=True),
            "records": one_of("yes", "no"),
            "job": one_of("fixed", "freelance", "partime", "others", left_out=True),
            "expenses": number(0, 1_000),
            "income": number(0, 10_000, left_out=True),
            "assets": number(0, 1_000_000, left_out=True),
            "debt": number(0, 100_000, left_out=True),
            "amount": number(1, 20_000),
            "price": number(1, 50_000),
        }
    )


APPLICANT = ("seniority", "home", "age", "marital", "records", "job", "expenses", "income", "assets", "debt")
LOAN = ("time", "amount", "price")

APPLICATIONS = DatasetSpec(
    name="credit_applications",
    source=Source.beside(__file__, "credit_applications.csv"),
    contract=Contract(name="credit_application/1", schema_factory=application_schema),
    target="status",
    positive="good",
    negative="bad",
    numbers=("seniority", "time", "expenses", "income", "assets", "debt", "amount", "price"),
    categories=("home", "records", "job"),
    protected={"age_band": Band(column="age", edge=30, below="<30", from_edge_on="30+"), "marital": "marital"},
    identity=APPLICANT + LOAN,
    licence="MIT",
    classification="personal",
    contains_personal_data=True,
    regions=("EU",),
    purposes=("credit_scoring",),
    leakage_limit=0.95,
)

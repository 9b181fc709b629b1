"""Contracts: every broken check at once, with the rows that break it."""

from __future__ import annotations

import pytest
from pandera.pandas import Check, Column, DataFrameSchema

from lifecycle.data.contracts import broken_checks, contract_digest, number_bounds
from lifecycle.data.spec import Contract
from lifecycle.errors import InvalidDeclaration
from lifecycle.records.manifest import Bounds
from tests.data.rows import loan_schema, loans

LOAN = Contract(name="loan/1", schema_factory=loan_schema)


def test_good_rows_break_nothing() -> None:
    """What keeps the contract passes it."""
    assert broken_checks(LOAN, loans()) == ()


def test_every_broken_check_is_named_with_its_positions() -> None:
    """One look finds them all: a range, a set of values and a missing value, each with its rows."""
    frame = loans()
    frame.loc[[3, 7], "amount"] = 5_000.0
    frame.loc[9, "paid"] = "perhaps"
    frame.loc[11, "age"] = None
    assert [(failed.column, failed.check, failed.failures, failed.positions) for failed in broken_checks(LOAN, frame)] == [
        ("age", "not_nullable", 1, (11,)),
        ("amount", "in_range(1, 1000)", 2, (3, 7)),
        ("paid", "isin(['yes', 'no'])", 1, (9,)),
    ]


def test_a_column_that_the_contract_wants_and_the_rows_have_not_is_named() -> None:
    """A check without a row has no positions, but it has its column."""
    (failed,) = broken_checks(LOAN, loans().drop(columns="town"))
    assert (failed.column, failed.check, failed.positions) == ("town", "column_in_dataframe", ())


def test_many_failures_are_counted_and_a_hundred_named() -> None:
    """An event stays small, and still says how many there are."""
    (failed,) = broken_checks(LOAN, loans().assign(age=7.0))
    assert failed.failures == 400
    assert failed.positions == tuple(range(100))


def test_a_check_over_whole_rows_names_its_rows() -> None:
    """A rule between columns is a rule about rows, and they are named."""
    between = DataFrameSchema({"amount": Column(float)}, checks=Check(lambda frame: frame["amount"] < frame["age"] * 30, name="affordable"))
    frame = loans().assign(age=40.0, amount=10.0)
    frame.loc[5, "amount"] = 1_300.0
    found = broken_checks(Contract(name="affordable/1", schema_factory=lambda: between), frame)
    assert {(failed.check, failed.positions) for failed in found} == {("affordable", (5,))}


def test_a_contracts_digest_moves_with_what_it_says() -> None:
    """Another bound, another name and a new column are another contract; making it again is not."""

    def wider() -> DataFrameSchema:
        return loan_schema().update_column("amount", checks=Check.in_range(1, 2_000))

    def longer() -> DataFrameSchema:
        return loan_schema().add_columns({"purpose": Column(str)})

    versions = [
        LOAN,
        Contract(name="loan/2", schema_factory=loan_schema),
        Contract(name="loan/1", schema_factory=wider),
        Contract(name="loan/1", schema_factory=longer),
    ]
    assert len({contract_digest(version) for version in versions}) == len(versions)
    assert contract_digest(LOAN) == contract_digest(Contract(name="loan/1", schema_factory=loan_schema))


def test_a_contract_that_gives_no_schema_is_named() -> None:
    """A function that returns something else is a mistake of the declaration."""
    with pytest.raises(InvalidDeclaration, match=r"loan/1 gives a NoneType"):
        broken_checks(Contract(name="loan/1", schema_factory=lambda: None), loans())  # type: ignore[arg-type, return-value]  # on purpose


def bounds_of(*checks: Check) -> dict[str, Bounds]:
    """The bounds of the one column that has these checks."""
    contract = Contract(name="sizes/1", schema_factory=lambda: DataFrameSchema({"amount": Column(float, list(checks))}))
    return number_bounds(contract, ("amount", "elsewhere"))


def test_the_checks_of_size_of_a_column_are_its_bounds() -> None:
    """The narrowest of them; a column without one, and one that the contract does not name, has none."""
    assert bounds_of(Check.in_range(0, 100), Check.ge(5), Check.le(200)) == {"amount": Bounds(least=5.0, most=100.0)}
    assert bounds_of(Check.ge(0)) == {"amount": Bounds(least=0.0)}
    assert bounds_of(Check.isin([1.0, 2.0]), Check(lambda values: values > 3)) == {}


def test_a_check_that_only_warns_bounds_nothing() -> None:
    """Such rows came into the dataset, so a caller may send them."""
    assert bounds_of(Check.ge(0, raise_warning=True)) == {}


@pytest.mark.parametrize("value", [0.0, 1.0, 5e-324, 1.0 - 2**-53, 1.0 + 2**-52, -5e-324, 0.5])
@pytest.mark.parametrize(
    "check",
    [Check.in_range(0, 1), Check.in_range(0, 1, include_min=False), Check.in_range(0, 1, include_max=False), Check.gt(0), Check.lt(1)],
    ids=str,
)
def test_a_value_lies_within_the_bounds_exactly_where_the_contract_takes_it(check: Check, value: float) -> None:
    """Of checks that exclude their bound too, to the last double."""
    import pandas as pd

    contract = Contract(name="sizes/1", schema_factory=lambda: DataFrameSchema({"amount": Column(float, check)}))
    least, most = bounds_of(check)["amount"].edges
    assert (least <= value <= most) == (broken_checks(contract, pd.DataFrame({"amount": [value]})) == ())


def test_checks_that_leave_no_number_are_refused() -> None:
    """A model of such a column could answer nobody."""
    with pytest.raises(InvalidDeclaration, match="permits no number in the column amount"):
        bounds_of(Check.ge(2), Check.le(1))

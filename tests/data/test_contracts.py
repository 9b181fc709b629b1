"""Contracts: every broken check at once, with the rows that break it."""

from __future__ import annotations

import pytest
from pandera.pandas import Check, Column, DataFrameSchema

from lifecycle.data.contracts import broken_checks, contract_digest
from lifecycle.data.spec import Contract
from lifecycle.errors import InvalidDeclaration
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

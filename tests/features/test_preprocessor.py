from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, MalformedRecord
from lifecycle.features import CategoryColumn, FeatureRefused, NumberColumn, Preprocessor
from lifecycle.features.encoding import FEW_ROWS
from lifecycle.records.manifest import Bounds
from lifecycle.records.record import canonical_bytes

ROWS: dict[str, list[Any]] = {
    "income": [100.0, 200.0, None, 300.0],
    "years": [1, 2, 3, 4],
    "home": ["rent", "owner", None, "rent"],
    "records": ["no", "yes", "no", "no"],
}
FITTED = Preprocessor.fit(ROWS, ["income", "years"], ["home", "records"])
REFUSING = Preprocessor.fit(ROWS, ["income", "years"], ["home", "records"], unknown="refuse")


def one(**changed: Any) -> dict[str, list[Any]]:
    """One application, with these values changed."""
    row: dict[str, Any] = {"income": 150.0, "years": 2, "home": "rent", "records": "no", **changed}
    return {name: [value] for name, value in row.items()}


def features(row: dict[str, list[Any]], fitted: Preprocessor = FITTED) -> dict[str, float]:
    """The features of one row, by what they stand for."""
    return dict(zip(fitted.columns_out, (float(value) for value in fitted.apply(row)[0]), strict=True))


def test_each_feature_says_what_it_stands_for() -> None:
    """Numbers come first, each with its missing flag where one was missing; categories follow, value by value."""
    assert FITTED.columns_out == (
        *("income", "income is missing", "years"),
        *("home = owner", "home = rent", "home is missing", "home is unknown"),
        *("records = no", "records = yes", "records is unknown"),
    )
    assert FITTED.width == len(FITTED.columns_out)


def test_numbers_are_standardised_over_the_fitted_rows() -> None:
    """The fitted rows themselves have mean 0 and standard deviation 1."""
    years = FITTED.apply(ROWS)[:, FITTED.columns_out.index("years")]
    assert years.mean() == pytest.approx(0.0, abs=1e-6)
    assert years.std() == pytest.approx(1.0, abs=1e-6)


def test_a_missing_number_is_the_median_and_is_flagged() -> None:
    """None and NaN mean the same: the median's feature, and a flag of 1."""
    median = features(one(income=200.0))
    for absent in (None, math.nan):
        found = features(one(income=absent))
        assert found["income"] == median["income"]
        assert (found["income is missing"], median["income is missing"]) == (1.0, 0.0)


def test_a_missing_category_has_a_slot_of_its_own() -> None:
    """Missing is not unknown."""
    found = features(one(home=None))
    assert (found["home is missing"], found["home is unknown"]) == (1.0, 0.0)


def test_an_unknown_category_falls_into_the_bucket() -> None:
    """A value that training never saw sets the unknown slot, and no other of its column."""
    found = features(one(home="boat"))
    assert [name for name, value in found.items() if name.startswith("home") and value] == ["home is unknown"]


def test_an_unknown_category_is_refused_where_it_must_be() -> None:
    """The refusal names the column and the row, and not the value."""
    with pytest.raises(FeatureRefused, match="'home' in row 0") as refused:
        REFUSING.apply(one(home="boat"))
    assert refused.value.column == "home"
    assert refused.value.row == 0
    assert "boat" not in str(refused.value)


def test_an_outlier_is_cut_off() -> None:
    """However far out a number lies, its feature is at most ten scales away."""
    assert features(one(years=1e300))["years"] == 10.0
    assert features(one(years=-1e300))["years"] == -10.0


BOUNDED = FITTED.within({"years": Bounds(least=0.0, most=60.0), "income": Bounds(least=1.0), "home": Bounds(most=1.0)})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"years": -0.1}, "not from 0 to 60"),
        ({"years": 61}, "not from 0 to 60"),
        ({"income": 0.0}, "below 1"),
        ({"years": math.inf}, "not finite"),
        ({"income": 10**400}, "not finite"),
    ],
)
@pytest.mark.parametrize("count", [1, FEW_ROWS + 1], ids=["few", "many"])
def test_a_number_out_of_its_bounds_is_refused_and_never_moved_inside(changed: dict[str, Any], problem: str, count: int) -> None:
    """On both paths, with its column and row; both bounds are included."""
    columns = {name: values * (count - 1) + one(**changed)[name] for name, values in one().items()}
    with pytest.raises(FeatureRefused, match=problem) as refused:
        BOUNDED.apply(columns)
    assert (refused.value.column, refused.value.row) == (next(iter(changed)), count - 1)
    for edge in (0.0, 60):
        at_edge = {name: values * count for name, values in one(years=edge, income=None).items()}
        assert (BOUNDED.apply(at_edge) == FITTED.apply(at_edge)).all()


def test_bounds_leave_the_features_of_what_they_permit_alone() -> None:
    """What lies inside is cut off at ten scales as before; a preprocessor without bounds has the bytes that it always had."""
    wide = FITTED.within({"years": Bounds(least=-1e9, most=1e9)})
    assert features(one(years=1e6), wide) == features(one(years=1e6))
    assert b"bounds" not in FITTED.canonical()
    assert Preprocessor.parse(BOUNDED.canonical()) == BOUNDED
    assert [column.bounds for column in BOUNDED.inputs] == [Bounds(least=1.0), Bounds(least=0.0, most=60.0), None, None]


def test_a_constant_column_is_not_divided_by_zero() -> None:
    """Its feature is 0."""
    constant = Preprocessor.fit({"price": [5.0, 5.0]}, ["price"], [])
    assert constant.apply({"price": [5.0]}).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("changed", "column", "problem"),
    [
        ({"years": None}, "years", "has no value"),
        ({"years": "2"}, "years", "not a number"),
        ({"years": True}, "years", "not a number"),
        ({"years": math.inf}, "years", "not finite"),
        ({"years": 10**400}, "years", "not finite"),
        ({"records": None}, "records", "has no value"),
        ({"records": 1}, "records", "not text"),
        ({"records": ["no"]}, "records", "not text"),
    ],
)
@pytest.mark.parametrize("count", [1, FEW_ROWS + 1], ids=["few", "many"])
def test_a_value_that_does_not_fit_is_refused_by_its_column(changed: dict[str, Any], column: str, problem: str, count: int) -> None:
    """On both paths, for one row and for many, the last row is the one that is named."""
    columns = {name: values * (count - 1) + one(**changed)[name] for name, values in one().items()}
    with pytest.raises(FeatureRefused, match=problem) as refused:
        FITTED.apply(columns)
    assert (refused.value.column, refused.value.row) == (column, count - 1)


def test_an_absent_column_is_refused_by_name() -> None:
    """The message names the column and says which are needed."""
    row = one()
    del row["home"]
    with pytest.raises(FeatureRefused, match="'home' is missing") as refused:
        FITTED.apply(row)
    assert "income, years, home, records" in refused.value.next_step


def test_columns_of_different_length_are_refused() -> None:
    """One value less is not a missing value."""
    with pytest.raises(FeatureRefused, match="'years' has 0 rows where others have 1"):
        FITTED.apply({**one(), "years": []})


def test_columns_that_are_not_features_are_left_alone() -> None:
    """A caller may send more than is asked for."""
    assert (FITTED.apply({**one(), "age": [30]}) == FITTED.apply(one())).all()


def test_no_rows_give_no_features() -> None:
    """An empty request has the shape of its features."""
    assert FITTED.apply({name: [] for name in one()}).shape == (0, FITTED.width)


def test_frames_series_and_lists_give_the_same() -> None:
    """Training applies it to frames, the gateway to lists."""
    assert (FITTED.apply(pd.DataFrame(ROWS)) == FITTED.apply(ROWS)).all()


def test_it_survives_json() -> None:
    """What is read back from its canonical bytes is equal and encodes equally."""
    again = Preprocessor.parse(FITTED.canonical())
    assert again == FITTED
    assert again.canonical() == FITTED.canonical()
    assert (again.apply(ROWS) == FITTED.apply(ROWS)).all()


def test_a_tampered_preprocessor_is_refused_when_it_is_read() -> None:
    """A scale of 0, a column twice and a value twice in a vocabulary never reach a request."""
    number = NumberColumn(name="x", median=0.0, mean=0.0, scale=1.0, nullable=False, flags_missing=False)
    for columns in (
        [{**number.as_json(), "scale": 0.0}],
        [number.as_json(), number.as_json()],
        [{"kind": "category", "name": "c", "vocabulary": ["a", "a"], "nullable": False, "unknown": "bucket"}],
        [],
    ):
        with pytest.raises(MalformedRecord):
            Preprocessor.parse(canonical_bytes({"schema_version": "lifecycle.preprocessor/1", "columns": columns}))


def test_a_column_may_be_declared_nullable_although_none_was_missing() -> None:
    """Such a missing value is the median, without a flag that no network learnt to read."""
    fitted = Preprocessor.fit(ROWS, ["years"], ["records"], nullable=["years", "records"])
    assert fitted.columns_out == ("years", "records = no", "records = yes", "records is missing", "records is unknown")
    assert fitted.apply({"years": [None], "records": [None]}).tolist() == [[0.0, 0.0, 0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("values", "problem"),
    [([None, None], "no value in any row"), ([1.0, math.inf], "not finite"), (["1", "2"], "not a number")],
)
def test_fitting_refuses_numbers_that_teach_nothing(values: list[Any], problem: str) -> None:
    """By the name of the column."""
    with pytest.raises(FeatureRefused, match=problem):
        Preprocessor.fit({"x": values}, ["x"], [])


@pytest.mark.parametrize(("values", "problem"), [([None], "no value in any row"), (["a", 2], "not text")])
def test_fitting_refuses_categories_that_teach_nothing(values: list[Any], problem: str) -> None:
    """By the name of the column."""
    with pytest.raises(FeatureRefused, match=problem):
        Preprocessor.fit({"x": values}, [], ["x"])


def test_fitting_refuses_a_column_that_is_not_there() -> None:
    """As a LifecycleError, so that a person reads what to do next."""
    with pytest.raises(LifecycleError, match="'debt' is missing"):
        Preprocessor.fit(ROWS, ["debt"], [])


def test_the_inputs_are_what_callers_may_send() -> None:
    """Name, kind, whether it may be missing, and the known values."""
    inputs = {column.name: column for column in FITTED.inputs}
    assert inputs["income"].nullable
    assert not inputs["years"].nullable
    assert inputs["home"].categories == ("owner", "rent")
    assert list(inputs) == ["income", "years", "home", "records"]


_numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False), st.integers(-(10**6), 10**6))
_homes = st.one_of(st.none(), st.sampled_from(["rent", "owner", "boat", "", "é"]))


@given(st.lists(st.tuples(_numbers, _homes), min_size=1, max_size=20))
def test_few_rows_and_many_rows_are_encoded_alike(rows: list[tuple[Any, Any]]) -> None:
    """The loop that serves and the arrays that train give the same bits."""
    fitted = Preprocessor.fit(ROWS, ["income"], ["home"])
    columns = {"income": [row[0] for row in rows], "home": [row[1] for row in rows]}
    times = FEW_ROWS // len(rows) + 1
    many = fitted.apply({name: values * times for name, values in columns.items()})
    assert np.array_equal(np.tile(fitted.apply(columns), (times, 1)), many)
    assert np.isfinite(many).all()


@given(st.lists(_homes, min_size=1, max_size=100))
def test_exactly_one_slot_of_a_category_is_set(homes: list[str | None]) -> None:
    """Whatever the value is."""
    column = CategoryColumn(name="home", vocabulary=("owner", "rent"), nullable=True, unknown="bucket")
    assert (Preprocessor(columns=(column,)).apply({"home": homes}).sum(axis=1) == 1.0).all()

"""Splits by hash: no row's split depends on anything but the row."""

from __future__ import annotations

import hashlib
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.data.spec import SPLIT_NAMES, SplitShares
from lifecycle.data.splits import identity_hashes, split_of
from tests.data.rows import loans

SHARES = SplitShares()
IDENTITY = ("income", "amount", "age", "job", "town")
row_id = st.text("0123456789abcdef", min_size=64, max_size=64)
shares = st.tuples(st.integers(1, 100), st.integers(1, 100), st.integers(1, 100)).map(
    lambda parts: SplitShares(train=parts[0] / sum(parts), validation=parts[1] / sum(parts), test=1.0 - (parts[0] + parts[1]) / sum(parts))
)
values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


def test_the_hash_is_what_anybody_can_compute() -> None:
    """It is the SHA-256 of the identity columns as JSON, in the order of their names: pinned, for it must never change."""
    frame = pd.DataFrame({"b": ["x"], "a": [1.5], "c": [float("nan")]})
    assert identity_hashes(frame, ("b", "a", "c")) == [hashlib.sha256(b'[1.5,"x",null]').hexdigest()]


def test_hashes_do_not_depend_on_order() -> None:
    """Not on that of the rows, of the columns, or of the declaration."""
    frame = loans()
    shuffled = frame.sample(frac=1.0, random_state=1)[list(reversed(frame.columns))]
    again = dict(zip(shuffled.index, identity_hashes(shuffled.reset_index(drop=True), tuple(reversed(IDENTITY))), strict=True))
    assert [again[position] for position in frame.index] == identity_hashes(frame, IDENTITY)


@given(st.lists(values, min_size=1, max_size=20), st.lists(values, max_size=20))
def test_a_row_keeps_its_hash_when_rows_are_added(before: list[float | None], added: list[float | None]) -> None:
    """New data moves no old row into another split."""
    old = pd.DataFrame({"x": pd.Series(before, dtype="float64")})
    new = pd.DataFrame({"x": pd.Series(before + added, dtype="float64")})
    assert identity_hashes(new, ("x",))[: len(before)] == identity_hashes(old, ("x",))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_hashes_are_equal_exactly_where_values_are(one: float, other: float) -> None:
    """Equal values share a hash (0.0 and -0.0 too), others do not."""
    first, second = identity_hashes(pd.DataFrame({"x": [one, other]}), ("x",))
    assert (first == second) == (one == other)


def test_a_missing_text_is_not_the_text_of_one() -> None:
    """An empty field, the word null and the number as a word are three identities."""
    frame = pd.DataFrame({"x": pd.Series([None, "null", "NaN", ""], dtype="str")})
    assert len(set(identity_hashes(frame, ("x",)))) == 4


@given(row_id, shares)
def test_every_row_falls_into_one_split(identity: str, declared: SplitShares) -> None:
    """There is no hash and no shares for which a row is left over."""
    assert split_of(identity, declared) in SPLIT_NAMES


@given(row_id, shares)
def test_a_larger_test_share_takes_rows_and_gives_none_back(identity: str, declared: SplitShares) -> None:
    """When the shares change, the test rows of before stay test rows as long as the test share does not shrink."""
    grown = SplitShares(
        train=declared.train * 0.9, validation=declared.validation * 0.9, test=1.0 - (declared.train + declared.validation) * 0.9
    )
    if split_of(identity, declared) == "test":
        assert split_of(identity, grown) == "test"


def test_the_shares_are_met() -> None:
    """Over many rows the splits have about the shares that were declared."""
    rows = 20_000
    counted = Counter(split_of(hashlib.sha256(str(row).encode()).hexdigest(), SHARES) for row in range(rows))
    for name in SPLIT_NAMES:
        assert counted[name] / rows == pytest.approx(getattr(SHARES, name), abs=0.015)

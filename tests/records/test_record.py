"""Canonical bytes, strictness, commitments and ids."""

from __future__ import annotations

import json
import math
from typing import Any

import jcs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.records.identity import commit, new_id
from lifecycle.records.record import INTEGER_BOUND, Digest, Record, canonical_bytes, parse_json

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_BOUND + 1, INTEGER_BOUND - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=20,
)


class Sample(Record):
    """A record to try things on."""

    name: str
    share: float
    count: int
    source: Digest | None = None


@given(_values)
def test_canonical_bytes_are_those_of_a_second_implementation(value: Any) -> None:
    """Our canonical bytes and those of the `jcs` package agree on any JSON value."""
    assert canonical_bytes(value) == jcs.canonicalize(value)


@given(_values)
def test_canonical_bytes_survive_being_read_and_written_again(value: Any) -> None:
    """Reading canonical bytes (whole numbers as doubles, as JavaScript does) and writing them again gives the same bytes."""
    once = canonical_bytes(value)
    assert canonical_bytes(json.loads(once, parse_int=lambda text: int(text) if abs(int(text)) < INTEGER_BOUND else float(text))) == once


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, INTEGER_BOUND, {1: "x"}, "\ud800", {"a": {"b": math.nan}}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    """NaN, infinities, too large integers, lone surrogates and keys that are no strings have no canonical bytes."""
    with pytest.raises(MalformedRecord):
        canonical_bytes(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name":"a","name":"b","share":1.0,"count":1}', "twice"),
        ('{"name":"a","share":NaN,"count":1}', "NaN"),
        ('{"name":"a","share":1.0,"count":"1"}', "count"),
        ('{"name":"a","share":1.0,"count":1.5}', "count"),
        ('{"name":"a","share":1.0,"count":1,"more":2}', "more"),
        ('{"name":"a","share":1.0}', "count"),
        ('{"name":"a","share":1.0,"count":1,"source":"sha256:12"}', "source"),
        ("[]", "the record"),
        ("{", "JSON"),
    ],
)
def test_what_is_not_the_record_is_refused_and_the_field_is_named(text: str, said: str) -> None:
    """Duplicate keys, casts, unknown and missing fields are errors that say where."""
    with pytest.raises(MalformedRecord) as refused:
        Sample.parse(text)
    assert said in refused.value.what


def test_a_deeply_nested_text_is_refused_and_does_not_crash() -> None:
    """Nesting past what the parser takes is an error of ours, not a crash."""
    with pytest.raises(MalformedRecord):
        parse_json("[" * 200_000 + "]" * 200_000)


def test_an_error_never_repeats_the_value_that_it_refuses() -> None:
    """Values may be personal, so messages name fields only."""
    with pytest.raises(MalformedRecord) as refused:
        Sample.parse('{"name":"a","share":1.0,"count":"Jane Doe, 12 Main Street"}')
    assert "Jane" not in str(refused.value)


@given(_values)
def test_a_commitment_is_opened_by_its_opening_alone(value: Any) -> None:
    """The same value twice gives two commitments; each is opened by its own opening."""
    first, first_opening = commit(value)
    second, second_opening = commit(value)
    assert first != second
    assert first_opening.commitment() == first
    assert second_opening.commitment() != first


def test_ids_sort_by_time_and_do_not_repeat() -> None:
    """Ids made later sort later; ids made in one moment differ."""
    earlier, later = new_id(1_700_000_000_000_000), new_id(1_700_000_000_001_000)
    assert earlier < later
    assert len({new_id(1) for _ in range(1000)}) == 1000

"""Canonical bytes are those of RFC 8785: two other implementations and the vectors of the RFC are the judges."""

from __future__ import annotations

import math
import struct
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import jcs
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.records.canonical import NoCanonicalForm, canonical_dump, canonical_text
from lifecycle.records.record import INTEGER_BOUND, Record, canonical_bytes
from tests.records.samples import samples

finite = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-INTEGER_BOUND + 1, INTEGER_BOUND - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
#: Characters on both sides of where UTF-16 and code points order differently, and those that are escaped.
keys = texts | st.text(st.sampled_from('\u0000\u001f\u007f"\\/\ud7ff\ue000\uffff\U00010000\U0010ffffaA'))
values = st.recursive(
    st.none() | st.booleans() | integers | finite | texts,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=40,
)


@settings(max_examples=1_000)
@given(values)
def test_any_value_has_the_bytes_that_others_give_it(value: Any) -> None:
    """Byte for byte, over nested values with keys of every kind."""
    assert canonical_bytes(value) == rfc8785.dumps(value) == jcs.canonicalize(value)


@settings(max_examples=3_000)
@given(st.integers(0, 2**64 - 1))
def test_any_number_has_the_bytes_that_others_give_it(bits: int) -> None:
    """Every double, by its bits: the tiny, the huge, the whole and the shortest."""
    (number,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    if math.isfinite(number):
        assert canonical_bytes(number) == rfc8785.dumps(number) == jcs.canonicalize(number)


@pytest.mark.parametrize("exponent", range(-30, 31))
def test_numbers_around_every_power_of_ten(exponent: int) -> None:
    """Where the way of writing changes: at 1e-7, 1e-6, 1e-4, 1e16, 1e21, and beside 2^53."""
    for near in (float(f"1e{exponent}"), float(f"9.999e{exponent}"), float(f"-1.5e{exponent}"), float(f"123456789012345678e{exponent}")):
        for number in (near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf)):
            assert canonical_bytes(number) == rfc8785.dumps(number) == jcs.canonicalize(number)


@pytest.mark.parametrize(
    ("bits", "written"),
    [
        # RFC 8785, appendix B.
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_the_numbers_of_the_rfc(bits: str, written: str) -> None:
    """Appendix B of RFC 8785."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number).decode() == written


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        INTEGER_BOUND,
        -INTEGER_BOUND,
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        {1: 2, "a": 3},
        {None: 1},
        {b"key": 1},
        b"bytes",
        {1, 2},
        object(),
        [[math.nan]],
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    """Nothing is silently written as something else."""
    with pytest.raises(MalformedRecord, match="no canonical form"):
        canonical_bytes(value)


def test_what_is_nested_without_end_is_refused() -> None:
    """A value that holds itself ends in an error, not in a crash."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MalformedRecord, match="no canonical form"):
        canonical_bytes(endless)


class Pair(NamedTuple):
    left: int
    right: str


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Folder(dict[str, int]):
    pass


@pytest.mark.parametrize("value", [Pair(1, "x"), Colour.RED, Number.ONE, Folder(b=1, a=2), (1, (2,)), {"a": Colour.RED}], ids=repr)
def test_values_of_derived_types_are_what_they_are_derived_from(value: Any) -> None:
    """As the other implementation takes them."""
    assert canonical_bytes(value) == rfc8785.dumps(value)


@settings(max_examples=1_000)
@given(st.dictionaries(keys, values, max_size=5))
def test_the_short_way_gives_the_same_bytes(value: dict[str, Any]) -> None:
    """Whatever is in it: usual numbers and keys, and those that only the long way can write."""
    expected = rfc8785.dumps(value)
    assert jcs.canonicalize(value) == expected
    assert canonical_dump(value) == expected


@settings(max_examples=500)
@given(st.dictionaries(keys, values, max_size=5))
def test_the_short_way_is_told_where_the_numbers_are(value: dict[str, Any]) -> None:
    """As an event knows it of its body: the bytes are the same."""
    event: dict[str, Any] = {"sequence": 7, "body": value, "subject": {"version": 1}}
    expected = rfc8785.dumps(event)
    assert canonical_dump(event, numbers_in=value) == expected


@settings(max_examples=2_000)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(1e-5, 1e17) | st.integers(-1_000, 1_000).map(float))
def test_the_short_way_writes_every_number_the_same(number: float) -> None:
    """On its own, in a list, and beside others."""
    expected = rfc8785.dumps({"a": number, "b": [number, {"c": -number}]})
    assert canonical_dump({"b": [number, {"c": -number}], "a": number}) == expected


@pytest.mark.parametrize("beside", [{"\uffff": 1, "\U00010000": 2}, {"a": ["é"]}, {"deep": [[[]]]}], ids=["keys", "text", "deep"])
@pytest.mark.parametrize("number", [1e-07, 2.0, -0.0, 1e21, 5e-324])
def test_a_number_that_is_written_apart_is_written_so_beside_anything(number: float, beside: dict[str, Any]) -> None:
    """Also where the short way ends after it took the numbers out: at keys that sort otherwise, and below 254 levels."""
    deep: Any = [number]
    for _ in range(300 if "deep" in beside else 1):
        deep = [deep]
    value = {"number": number, "deepest": deep, "beside": beside}
    expected = canonical_text(value).encode()
    assert canonical_dump(value) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, INTEGER_BOUND, -INTEGER_BOUND, 2**70, "\ud800", b"bytes", object()])
def test_the_short_way_refuses_the_same(value: Any) -> None:
    """What orjson would write as null, or as itself, is refused all the same."""
    with pytest.raises((NoCanonicalForm, UnicodeEncodeError)):
        canonical_dump({"a": [value]})


@pytest.mark.parametrize("record", [record for kind in samples().values() for record in kind], ids=lambda record: type(record).__name__)
def test_a_record_has_the_bytes_of_its_json(record: Record) -> None:
    """Of every type that there is."""
    assert record.canonical() == rfc8785.dumps(record.as_json())

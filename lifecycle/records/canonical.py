"""The canonical form of a JSON value: RFC 8785 (JCS), as text.

Every append, every commitment and every statement that is signed passes through here, so it is written to be fast: one pass, by the
exact type of each value. Two other implementations (rfc8785 and jcs) are held against it byte for byte, on random values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any, cast

#: RFC 8785 refuses integers from here on: they do not survive a double.
INTEGER_BOUND = 2**53
#: Python writes a number between these like ECMAScript does, unless it is whole.
_LEAST_PLAIN, _LEAST_WITH_EXPONENT = 1e-4, 1e16
#: ECMAScript writes a number of up to this many digits before its point without an exponent.
_MOST_DIGITS = 21
#: … and one of up to this many zeros after it.
_MOST_ZEROS = 6


class NoCanonicalForm(ValueError):
    """A value that RFC 8785 refuses."""


def canonical_text(value: Any) -> str:
    """The canonical form of a value made of None, bool, int, float, str, list, tuple, dict, and of records.

    Raises NoCanonicalForm for NaN, infinities, integers of 2^53 and more, keys that are not strings and anything that is no JSON;
    RecursionError for what is nested too deep. A lone surrogate passes: no encoding of the text takes it.
    """
    return (_writer(type(value)) or _other)(value)


def _other(value: Any) -> str:
    """What is none of the exact types: a record, which knows how, or a value of a derived type."""
    of_record = getattr(value, "canonical_text", None)
    if of_record is not None:
        return cast("str", of_record())
    for kind in (int, float, str, list, tuple, dict):
        if isinstance(value, kind):
            return _WRITERS[kind](value)
    raise NoCanonicalForm(f"a {type(value).__name__} is no JSON")


def key_text(name: str) -> str:
    """A key and its colon."""
    return quoted(name) + ":"


def record_text(members: Iterable[tuple[str, str]], values: dict[str, Any]) -> str:
    """An object from (`"key":`, name of the value) in canonical order, and its values by name."""
    # Here and below `canonical_text` is written out: calling it for each value would take as long as all the rest.
    return "{" + ",".join([key + (_writer(type(value := values[name])) or _other)(value) for key, name in members]) + "}"


def _array(values: list[Any] | tuple[Any, ...]) -> str:
    return "[" + ",".join([(_writer(type(value)) or _other)(value) for value in values]) + "]"


def _object(members: dict[Any, Any]) -> str:
    try:
        ordered = sorted(members.items(), key=_key)
        if not "".join(members).isascii():
            # By UTF-16 code units: a character past U+FFFF comes before those from U+E000 on.
            ordered.sort(key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
    except TypeError as error:
        raise NoCanonicalForm("the keys of an object must be strings") from error
    return "{" + ",".join([quoted(key) + ":" + (_writer(type(value)) or _other)(value) for key, value in ordered]) + "}"


def _integer(value: int) -> str:
    if not -INTEGER_BOUND < value < INTEGER_BOUND:
        raise NoCanonicalForm(f"{value} is not below 2^53")
    return int.__repr__(value)


def _number(value: float) -> str:
    """ECMA-262 §6.1.6.1.20, Number::toString."""
    if value.is_integer():
        if -INTEGER_BOUND < value < INTEGER_BOUND:
            return int.__repr__(int(value))
    elif _LEAST_PLAIN <= value < _LEAST_WITH_EXPONENT or -_LEAST_WITH_EXPONENT < value <= -_LEAST_PLAIN:
        return float.__repr__(value)
    if not math.isfinite(value):
        raise NoCanonicalForm(f"{value} is not a JSON number")
    sign, figures, exponent = Decimal(float.__repr__(value)).normalize().as_tuple()
    digits = "".join(map(str, figures))
    # How many digits stand before the point.
    point = len(digits) + cast("int", exponent)
    return ("-" if sign else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= _MOST_DIGITS:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _MOST_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if -_MOST_ZEROS < point <= 0:
        return "0." + "0" * -point + digits
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: quoted,
    dict: _object,
    list: _array,
    tuple: _array,
    int: _integer,
    float: _number,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
_writer = _WRITERS.get
_key = itemgetter(0)

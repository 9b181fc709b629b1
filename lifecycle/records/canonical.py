"""The canonical form of a JSON value: RFC 8785 (JCS).

Every append, every commitment and every statement that is signed passes through here. `canonical_text` is the whole of it.
`canonical_dump` and `canonical_json` are the short ways for what is written and read most: orjson, which is not canonical in general,
writes a value whose numbers and keys are the usual ones, and nothing else. Two other implementations (rfc8785 and jcs) are held
against all of them, byte for byte, on random values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any, cast

import orjson

#: RFC 8785 refuses integers from here on: they do not survive a double.
INTEGER_BOUND = 2**53
#: Python writes a number between these like ECMAScript does, unless it is whole.
LEAST_PLAIN, LEAST_WITH_EXPONENT = 1e-4, 1e16
#: ECMAScript writes a number of up to this many digits before its point without an exponent.
_MOST_DIGITS = 21
#: … and one of up to this many zeros after it.
_MOST_ZEROS = 6
#: What `_numbers_in` says where orjson writes a value like RFC 8785 as it is.
_ALL_USUAL_NONE_APART: tuple[bool, list[Any]] = (True, [])


class NoCanonicalForm(ValueError):
    """A value that RFC 8785 refuses."""


def canonical_text(value: Any) -> str:
    """The canonical form of a value made of None, bool, int, float, str, list, tuple and dict.

    Raises NoCanonicalForm for NaN, infinities, integers of 2^53 and more, keys that are not strings and anything that is no JSON;
    RecursionError for what is nested too deep. A lone surrogate passes: no encoding of the text takes it.
    """
    writer = _WRITERS.get(type(value)) or _writer_of_derived(value)
    return writer(value)


def _writer_of_derived(value: Any) -> Callable[[Any], str]:
    for kind in (int, float, str, list, tuple, dict):
        if isinstance(value, kind):
            return _WRITERS[kind]
    raise NoCanonicalForm(f"a {type(value).__name__} is no JSON")


def canonical_dump(dumped: dict[str, Any], numbers_in: dict[str, Any] | None = None) -> bytes:
    """The canonical bytes of what `model_dump(mode="json")` made. Takes `dumped` over: some of its numbers may stand as text after.

    `numbers_in` is the part of it that has all its floats, and all integers of which nobody has said yet that they are below 2^53.
    Raises like `canonical_text`, and UnicodeEncodeError for a lone surrogate.
    """
    doubtful = dumped if numbers_in is None else numbers_in
    usual, apart = _numbers_in(doubtful)
    if not usual:
        return canonical_text(dumped).encode()
    written_apart = _write_apart(apart)
    try:
        written = orjson.dumps(dumped, option=orjson.OPT_SORT_KEYS)
        if written.isascii() or _has_ascii_keys(dumped):
            return written
    except orjson.JSONEncodeError:  # `suppress` takes longer than orjson does for a short record
        pass
    for holder, place, number in written_apart:
        holder[place] = number
    return canonical_text(dumped).encode()


def canonical_json(value: dict[str, Any] | list[Any]) -> bytes:
    """The canonical bytes of an object or an array, which stays as it is. Raises like `canonical_text`, and UnicodeEncodeError."""
    try:
        # First, because it ends where a value holds itself.
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return canonical_text(value).encode()
    if _numbers_in(value) == _ALL_USUAL_NONE_APART and (written.isascii() or _has_ascii_keys(value)):
        return written
    return canonical_text(value).encode()


def _numbers_in(dumped: dict[str, Any] | list[Any]) -> tuple[bool, list[Any]]:
    """Whether orjson writes all numbers like RFC 8785 once `_write_apart` was there, and the holders in which it must have been."""
    holders: list[Any] = [dumped]
    apart: list[Any] = []
    for holder in holders:
        for value in holder.values() if type(holder) is dict else holder:
            kind = type(value)
            if kind is str:
                continue
            if kind is float:
                # Most are usual and above zero, which shows without a call.
                unusual = (not LEAST_PLAIN <= value < LEAST_WITH_EXPONENT or value.is_integer()) and not _is_usual(value)
                if unusual and (not apart or apart[-1] is not holder):
                    apart.append(holder)
            elif kind is dict or kind is list:
                holders.append(value)
            elif kind is int:
                if not -INTEGER_BOUND < value < INTEGER_BOUND:
                    return False, apart
            elif value is not None and kind is not bool:
                return False, apart
    return True, apart


def _is_usual(value: float) -> bool:
    """Whether orjson writes this float like ECMAScript does: it is not whole, and neither so small nor so large that it has an exponent."""
    return not value.is_integer() and (LEAST_PLAIN <= value < LEAST_WITH_EXPONENT or -LEAST_WITH_EXPONENT < value <= -LEAST_PLAIN)


def _write_apart(holders: list[Any]) -> list[tuple[Any, Any, float]]:
    """Puts the text that ECMAScript writes into the place of each float that orjson writes in another way: 2.0 is 2, 1e-07 is 1e-7.

    Returns what stood where.
    """
    unusual = [
        (holder, place, value)
        for holder in holders
        for place, value in (holder.items() if type(holder) is dict else enumerate(holder))
        if type(value) is float and not _is_usual(value)
    ]
    for holder, place, value in unusual:
        holder[place] = orjson.Fragment(_number(value))
    return unusual


def _has_ascii_keys(dumped: dict[str, Any] | list[Any]) -> bool:
    """Keys of other characters may be in another order by UTF-16 code units than by bytes."""
    return all("".join(holder).isascii() for holder in _holders_in(dumped) if type(holder) is dict)


def _holders_in(dumped: dict[str, Any] | list[Any]) -> list[Any]:
    """Every object and array in it, itself the first."""
    holders: list[Any] = [dumped]
    for holder in holders:
        holders += [value for value in (holder.values() if type(holder) is dict else holder) if type(value) in (dict, list)]
    return holders


def _array(values: list[Any] | tuple[Any, ...]) -> str:
    return "[" + ",".join([canonical_text(value) for value in values]) + "]"


def _object(members: dict[Any, Any]) -> str:
    try:
        ordered = sorted(members.items(), key=itemgetter(0))
        if not "".join(members).isascii():
            # By UTF-16 code units: a character past U+FFFF comes before those from U+E000 on.
            ordered.sort(key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
    except TypeError as error:
        raise NoCanonicalForm("the keys of an object must be strings") from error
    return "{" + ",".join([quoted(key) + ":" + canonical_text(value) for key, value in ordered]) + "}"


def _integer(value: int) -> str:
    if not -INTEGER_BOUND < value < INTEGER_BOUND:
        raise NoCanonicalForm(f"{value} is not below 2^53")
    return int.__repr__(value)


def _number(value: float) -> str:
    """ECMA-262 §6.1.6.1.20, Number::toString."""
    if value.is_integer():
        if -INTEGER_BOUND < value < INTEGER_BOUND:
            return int.__repr__(int(value))
    elif LEAST_PLAIN <= value < LEAST_WITH_EXPONENT or -LEAST_WITH_EXPONENT < value <= -LEAST_PLAIN:
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

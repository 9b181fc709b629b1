"""The lines of the prediction log: how each is written, and that a line has a form in which it is written, and no other.

One form only: otherwise a changed byte could say the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from lifecycle.records.canonical import INTEGER_BOUND, LEAST_PLAIN, LEAST_WITH_EXPONENT, canonical_dump
from lifecycle.records.identity import commit_to_bytes
from lifecycle.serving.prediction_log.segments import VALUES

_TEXT = frozenset({str})
# What lines were written with at first: the numbers of the two differ where they have an exponent.
_EARLIER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def line_of(value: Mapping[str, Any]) -> bytes:
    """A row, or a label."""
    return orjson.dumps(value) + b"\n"


def committed_line(prediction_id: str, asked: dict[str, Any]) -> tuple[str, bytes]:
    """A commitment to what was asked, and the line in which that is kept: its salt, and the very bytes that are committed to."""
    canonical = _canonical(asked)
    digest, salt = commit_to_bytes(canonical)
    return digest, _kept(prediction_id, salt, canonical)


def has_own_form(kind: str, value: dict[str, Any], line: bytes) -> bool:
    """Whether a line, without its end, is what is or was written of its value. Raises ValueError for one that has no form at all."""
    if line in (orjson.dumps(value), _EARLIER.encode(value).encode()):
        return True
    if kind != VALUES or not isinstance(value["values"], dict) or not all(isinstance(value[name], str) for name in ("id", "salt")):
        return False
    asked = {name: of for name, of in value.items() if name not in ("id", "salt")}
    return _kept(value["id"], value["salt"], _canonical(asked)) == line + b"\n"


def _canonical(asked: dict[str, Any]) -> bytes:
    """RFC 8785 of what was asked."""
    plain = _plain(asked["values"])
    if plain is not None and _TEXT.issuperset([type(of) for name, of in asked.items() if name != "values"]):
        with suppress(orjson.JSONEncodeError):
            written = orjson.dumps({**asked, "values": plain}, option=orjson.OPT_SORT_KEYS)
            # Keys of other characters may be in another order by UTF-16 code units than by bytes.
            if written.isascii():
                return written
    # Of a copy, because `canonical_dump` puts other numbers in the place of those that it is given.
    return canonical_dump({**asked, "values": {**asked["values"]}})


def _plain(values: dict[str, Any]) -> dict[str, Any] | None:
    """What nearly all values are, with each number as orjson writes it like RFC 8785: 2.0 is 2. None where one is anything else."""
    plain = {}
    for name, value in values.items():
        kind = type(value)
        if kind is float and value.is_integer():
            value, kind = int(value), int
        if kind is int:
            if not -INTEGER_BOUND < value < INTEGER_BOUND:
                return None
        elif kind is float:
            if not LEAST_PLAIN <= abs(value) < LEAST_WITH_EXPONENT:
                return None
        elif kind is not str and value is not None:
            return None
        plain[name] = value
    return plain


def _kept(prediction_id: str, salt: str, canonical: bytes) -> bytes:
    return b'{"id":"%b","salt":"%b",%b\n' % (prediction_id.encode(), salt.encode(), canonical[1:])

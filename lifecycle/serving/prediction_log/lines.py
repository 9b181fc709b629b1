"""The lines of the prediction log: how each is written, and that a line has a form in which it is written, and no other.

One form only: otherwise a changed byte could say the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from lifecycle.records.canonical import canonical_dump
from lifecycle.records.identity import commit_to_bytes
from lifecycle.serving.prediction_log.segments import VALUES

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
    # Of a copy, because `canonical_dump` puts other numbers in the place of those that it is given.
    return canonical_dump({**asked, "values": {**asked["values"]}})


def _kept(prediction_id: str, salt: str, canonical: bytes) -> bytes:
    return b'{"id":"%b","salt":"%b",%b\n' % (prediction_id.encode(), salt.encode(), canonical[1:])

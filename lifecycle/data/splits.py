"""Which split a row falls into: by a hash of its identity, so that it never depends on order, seed or other rows.

A row keeps its split when rows are added, so no champion was ever trained on rows that it is compared on.
Rows that agree in every identity column share their hash, and therefore their split.

The hash is never stored: anybody who knows or guesses a person's identity columns could look them up by it. What a dataset
version keeps of a row is its number and its split.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from lifecycle.data.spec import SPLIT_NAMES, SplitShares

if TYPE_CHECKING:
    from pandas import DataFrame

#: 13 hex digits are 52 bits: the most that a double holds exactly.
_HASH_DIGITS = 13


def identity_hashes(frame: DataFrame, identity: tuple[str, ...]) -> list[str]:
    """The SHA-256 (hex) of each row's identity columns, as JSON in the order of the columns' names; missing is null."""
    columns = [
        [None if value != value else value + 0.0 if isinstance(value, float) else value for value in frame[name].tolist()]
        for name in sorted(identity)
    ]
    encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
    return [hashlib.sha256(encode(row).encode("ascii")).hexdigest() for row in zip(*columns, strict=True)]


def split_of(identity_hash: str, shares: SplitShares) -> str:
    """The split of one row: its hash is a point of the unit interval, which the shares divide among the splits."""
    point = int(identity_hash[:_HASH_DIGITS], 16) / 16**_HASH_DIGITS
    for name in SPLIT_NAMES[:-1]:
        point -= float(getattr(shares, name))
        if point < 0.0:
            return name
    return SPLIT_NAMES[-1]

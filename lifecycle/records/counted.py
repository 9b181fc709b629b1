"""How many of something, in words."""

from __future__ import annotations


def counted(count: int, one: str, more: str = "") -> str:
    """`1 record`, `1,204 records`; `more` is the form for any other number where it is not `one` with an s (`1 row is`, `2 rows are`)."""
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"

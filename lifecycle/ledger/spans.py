"""Reading the shape of a ledger without its records: the hashes of its leaves, and which records fall within a time.

On the bare driver, for whoever packs or anchors: a hundred thousand hashes are three megabytes, the records behind them hundreds.
"""

from __future__ import annotations

from typing import Any

from lifecycle.errors import Tampered
from lifecycle.ledger.address import Address
from lifecycle.ledger.drivers import answering, connect
from lifecycle.proofs.merkle import HASH_BYTES

_HASHES = "SELECT leaf_hash FROM events WHERE leaf_index < ? ORDER BY leaf_index"
_SPAN = "SELECT MIN(leaf_index), MAX(leaf_index) FROM events WHERE leaf_index < ? AND occurred_at_us >= ? AND occurred_at_us < ?"


def leaf_hashes(url: str, size: int) -> list[bytes]:
    """The hashes of the first `size` leaves, as they stand in the column; whoever uses them holds them against a root.

    Raises Tampered where there are fewer, Unavailable where the ledger does not answer.
    """
    found = [row[0] for row in _fetched(url, _HASHES, (size,))]
    if len(found) != size or any(not isinstance(leaf, bytes) or len(leaf) != HASH_BYTES for leaf in found):
        raise Tampered(
            f"The ledger has {len(found)} leaves with a hash where {size} were signed.", "Run `lifecycle ledger verify`, and keep a copy."
        )
    return found


def span_of(url: str, size: int, since_us: int, until_us: int) -> tuple[int, int]:
    """The indexes from the first to after the last of the first `size` records that claim a time from `since_us` to before `until_us`.

    Times are claims and need not grow with the index, so records in between may claim another time. (0, 0) where there are none.
    """
    first, last = _fetched(url, _SPAN, (size, since_us, until_us))[0]
    return (0, 0) if first is None else (first, last + 1)


def _fetched(url: str, statement: str, values: tuple[int, ...]) -> list[tuple[Any, ...]]:
    address = Address.parse(url)
    connection = connect(address, writable=False)
    try:
        with answering(address):
            spelt = statement if address.file is not None else statement.replace("?", "%s")
            return list(connection.execute(spelt, values).fetchall())
    finally:
        connection.close()

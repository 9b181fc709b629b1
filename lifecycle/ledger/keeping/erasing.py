"""Erasing what opens commitments: the value and its salt leave the database, and then every page of it that had them.

A row that is deleted from a table lies on in its pages, in pages that it once stood in, and in the write-ahead log. So there
are two steps: the deletion (`Writer.drop_openings`), in one transaction with the event that records it, and `wipe_traces`, which
has the database write what is left anew. Both can be run again. Nothing here reaches a backup.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.drivers import answering, connect
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.records.record import Digest

_MAY_ERASE = """
SELECT current_user, has_table_privilege('openings', 'DELETE') AND has_column_privilege('events', 'stored', 'UPDATE')
  AND has_function_privilege('ledger_wipe_openings()', 'EXECUTE')
"""


def openings_about(url: str, subject: str) -> tuple[Digest, ...]:
    """The commitments whose values and salts are kept under this subject. Raises Unavailable as every reader of the ledger does."""
    with LedgerRows(url) as rows:
        return tuple(rows.openings_about(subject))


def require_eraser(url: str) -> None:
    """Raises Unavailable where whoever connects may not carry an erasure to its end: half of one would keep all others waiting.

    On a file nothing is asked: who can't write to it finds out before anything is gone.
    """
    address = Address.parse(url)
    if address.file is not None:
        return
    connection = connect(address, writable=True)
    try:
        with answering(address):
            role, may = connection.execute(_MAY_ERASE).fetchone()
    finally:
        connection.close()
    if not may:
        raise Unavailable(
            f"The role {role} may not erase anything from the ledger {address}. Nothing was erased.",
            "Run the same command as the keeper (LIFECYCLE_LEDGER_URL); `lifecycle ledger roles` shows which role may do what.",
        )


def erase_in_copy(url: str, commitments: Collection[Digest]) -> None:
    """Erases the same in a ledger that is kept aside, where it still lies: its leaves are evidence, and its values are not.

    Raises Tampered where it is no ledger any more, Unavailable as `wipe_traces` does.
    """
    address = Address.parse(url)
    connection = connect(address, writable=True)
    try:
        with answering(address):
            connection.executemany("DELETE FROM openings WHERE commitment = ?", [(commitment,) for commitment in commitments])
    finally:
        connection.close()
    wipe_traces(url)


def wipe_traces(url: str) -> None:
    """Has the database write its openings anew, so that no file of it has what was deleted.

    SQLite: the whole file, which takes as long as copying it and as much space again, and the write-ahead log emptied. Postgres:
    the table; its server's write-ahead log keeps what was deleted until that is recycled. Raises Unavailable where others
    keep the database from it (somebody reads for long), or the role may not: then run it again.
    """
    address = Address.parse(url)
    connection = connect(address, writable=True)
    try:
        with answering(address):
            if address.file is None:
                connection.execute("SELECT ledger_wipe_openings()")
            else:
                connection.execute("VACUUM")
                _empty_log(connection, address.file)
    finally:
        connection.close()


def _empty_log(connection: Any, file: Path) -> None:
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable(
            f"Somebody reads the ledger {file} and keeps its write-ahead log from being emptied: what was deleted may still stand in it.",
            "End whatever reads it for long (`lifecycle up`, a backup, a notebook), and run the same command again.",
        )

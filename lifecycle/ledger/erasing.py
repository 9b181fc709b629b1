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
from lifecycle.ledger.drivers import answering, connect
from lifecycle.records.record import Digest

_ABOUT = "SELECT commitment FROM openings WHERE subject = ? ORDER BY commitment"
_FILE = "SELECT pg_relation_filenode('openings')"


def openings_about(url: str, subject: str) -> tuple[Digest, ...]:
    """The commitments whose values and salts are kept under this subject. Raises Unavailable as every reader of the ledger does."""
    address = Address.parse(url)
    connection = connect(address, writable=False)
    try:
        with answering(address):
            statement = _ABOUT if address.file is not None else _ABOUT.replace("?", "%s")
            return tuple(row[0] for row in connection.execute(statement, (subject,)).fetchall())
    finally:
        connection.close()


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
    keep the database from it (somebody reads for long, the role does not own the table): then run it again.
    """
    address = Address.parse(url)
    connection = connect(address, writable=True)
    try:
        with answering(address):
            if address.file is None:
                _rewrite_table(connection)
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


def _rewrite_table(connection: Any) -> None:
    before = connection.execute(_FILE).fetchone()
    connection.execute("VACUUM (FULL) openings")
    if connection.execute(_FILE).fetchone() == before:
        # Postgres only warns and goes on where the role may not.
        raise Unavailable(
            "The table of openings was not written anew, so its file may still have what was deleted: this role does not own it.",
            "Run the same command again as the role that owns the ledger's tables.",
        )

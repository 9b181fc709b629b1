"""Whole copies of a ledger: a backup is a SQLite ledger of its own, whatever the ledger is kept in.

A copy is of one moment, while others write. It has everything: the records, their ledger checkpoints, the receipts of
anchors, and the values beside the log, so that it is as personal as the ledger itself; nothing that was erased lies in it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select, update

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.database import Database
from lifecycle.ledger.storage.drivers import answering, connect
from lifecycle.ledger.storage.schema import LedgerTable

#: How many rows go over at once: some megabytes at most.
_ROWS_AT_ONCE = 500
_TABLES = LedgerTable.metadata.tables
#: What a ledger is, but for its head, which is one row and always there.
COPIED = ("events", "checkpoints", "openings", "states", "streams", "anchors")


def back_up(url: str, file: Path) -> None:
    """Writes a copy of the ledger as it stands now, readable by its owner alone; it is there whole, or not at all.

    Raises InvalidDeclaration where the file stands already, Unavailable where it can't be written or the ledger can't be read.
    """
    source = Address.parse(url)
    if file.exists():
        raise InvalidDeclaration(f"{file} stands already, and a backup never replaces anything.", "Name a file that does not exist yet.")
    with _written_whole(file) as part:
        if source.file is None:
            _copy_from_server(source, part)
        else:
            copy_file(source, part)


def copy_file(source: Address, target: Path) -> None:
    """Copies a SQLite ledger into an empty file, without anything that its pages may still have of what was deleted."""
    connection = connect(source, writable=False)
    try:
        with answering(source):
            connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def copy_rows(source: Connection, target: Connection) -> None:
    """Copies every row of a ledger into one of the same origin that has none, by the tables of the schema."""
    for name in COPIED:
        table = _TABLES[name]
        rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table).order_by(*table.primary_key))
        for part in rows.mappings().partitions(_ROWS_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in part])
    head: Table = _TABLES["head"]
    standing = source.execute(select(head.c.size, head.c.frontier)).mappings().one()
    target.execute(update(head).values(**standing))


def _copy_from_server(source: Address, part: Path) -> None:
    server, copy = Database(source), Database(Address.of_file(part))
    try:
        with server.reading() as rows:
            head = _TABLES["head"]
            copy.prepare(str(rows.execute(select(head.c.origin)).scalar_one()), create=True)
            with copy.writing() as written:
                copy_rows(rows, written)
    finally:
        server.close()
        copy.close()
    # One file, as a copy of a SQLite ledger is: nothing of it lies in a write-ahead log beside it.
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _written_whole(file: Path) -> Iterator[Path]:
    """A file to write to that becomes `file` when the block ends, on the disk; nothing is left of it where the block raises."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for killed in file.parent.glob(f".{file.name}.*.part*"):
            killed.unlink()
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        yield part
        durable.sync_file(part)
        file.hardlink_to(part)  # Unlike a rename, a link never takes the place of what is there.
        durable.sync_folder(file.parent)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Free space there, or name a file that you can write.") from error
    finally:
        for left in (part, *part.parent.glob(f"{part.name}-*")):
            left.unlink(missing_ok=True)


def set_aside(file: Path, aside: Path) -> None:
    """Gives a file a second name, or makes a copy of it where its file system knows no second names."""
    try:
        aside.hardlink_to(file)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        shutil.copy2(file, aside)

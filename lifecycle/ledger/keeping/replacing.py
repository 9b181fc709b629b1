"""Putting a copy of a ledger in the place of the one that stands, in one step that a crash can't cut in two.

A SQLite ledger is replaced as a file; the one before stays beside it under another name, as evidence. A ledger on a server is
replaced in one transaction, by the role that owns its tables; what it held is copied into a file first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from lifecycle import durable
from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.appending.writer import Writer
from lifecycle.ledger.keeping.copies import COPIED, back_up, copy_rows, set_aside
from lifecycle.ledger.storage.database import Database

#: What a replaced ledger is called, beside the one that took its place.
ASIDE = "replaced-{moment}.db"
_BESIDE = ("-wal", "-shm", "-journal")


def replaced_ledgers(folder: Path) -> Iterator[Path]:
    """The ledgers that were replaced and are kept in a folder, the oldest first."""
    return (path for path in sorted(folder.glob(ASIDE.format(moment="*"))))


def name_aside(folder: Path) -> Path:
    """A name for the ledger that is about to be replaced, which no file has yet."""
    moment = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / ASIDE.format(moment=moment)


def replace_file(file: Path, new: Path) -> Path | None:
    """Puts the ledger in the file `new` in the place of the one in `file`; returns where the one before is kept, None if there was none.

    Raises Unavailable where somebody still has the ledger open, or its folder can't be written; then nothing has changed.
    """
    aside = name_aside(file.parent)
    try:
        standing = file.exists()
        if standing:
            sound = _nobody_has_it(file)
            set_aside(file, aside)
            if not sound:
                # Of a damaged ledger the log beside it can't be taken in; it must not be taken into the new one.
                for beside in _BESIDE:
                    log = file.with_name(file.name + beside)
                    if log.exists():
                        log.replace(aside.with_name(aside.name + beside))
        new.replace(file)
        durable.sync_folder(file.parent)
    except OSError as error:
        raise Unavailable(
            f"The ledger {file} can't be replaced: {error.strerror}.", "Give yourself write access to its folder, and free space."
        ) from error
    return aside if standing else None


def replace_on_server(server: Address, origin: str, new: Path, aside: Path, then: Callable[[Writer], None]) -> None:
    """Puts the rows of the SQLite ledger in `new` in the place of those on a server; `then` goes on in the same transaction.

    What stood is in `aside` before anything is changed; where there was nothing yet, an empty ledger. Raises Unavailable where
    the server does not answer or the role does not own the tables; then nothing has changed.
    """
    source, target = Database(Address.of_file(new)), Database(server)
    try:
        target.prepare(origin, create=True)
        back_up(server.url, aside)
        with source.reading() as rows, target.writing() as tables:
            listed = ", ".join((*COPIED, "head"))
            tables.execute(text(f"LOCK TABLE {listed} IN ACCESS EXCLUSIVE MODE"))
            _triggers(tables, "DISABLE")
            tables.execute(text(f"TRUNCATE {', '.join(COPIED)}"))
            copy_rows(rows, tables)
            _triggers(tables, "ENABLE")
            writer = Writer(tables)
            then(writer)
            writer.finish()
    finally:
        source.close()
        target.close()


def _triggers(tables: Connection, what: str) -> None:
    for name in (*COPIED, "head"):
        tables.execute(text(f"ALTER TABLE {name} {what} TRIGGER USER"))


def _nobody_has_it(file: Path) -> bool:
    """Whether the ledger is one file now, its log taken in; False for one that is damaged.

    Raises Unavailable where somebody has it open.
    """
    try:
        with closing(sqlite3.connect(file, timeout=1.0, isolation_level=None)) as connection:
            # Only who is alone can leave the write-ahead log.
            (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise _in_use(file) from error
    except sqlite3.DatabaseError:
        return False
    if mode != "delete":
        raise _in_use(file)
    return True


def _in_use(file: Path) -> LifecycleError:
    return Unavailable(
        f"The ledger {file} is in use, and can't be replaced under those who use it.",
        "Stop the gateway (`lifecycle gateway stop`), `lifecycle up`, the signer and every run; then try again. Nothing has changed.",
    )


def make_write_ahead(file: Path) -> None:
    """Gives a copy the mode that a ledger works in, and leaves it as one file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    durable.sync_file(file)

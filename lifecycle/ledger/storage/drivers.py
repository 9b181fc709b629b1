"""Connections on the bare drivers, sqlite3 and psycopg, for those who read rows without SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lifecycle.errors import Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.failures import UNDEFINED_TABLE, absent, code_of, explained

#: What a placeholder becomes where psycopg takes the statement.
FOR_PSYCOPG = {ord("?"): "%s"}


def connect(address: Address, *, writable: bool) -> Any:
    """A DB-API connection that leaves transactions to its caller, to a ledger that stands.

    Raises Unavailable where there is none or it does not answer, Tampered where the file is no database any more.
    """
    with answering(address):
        if address.file is None:
            return _require_ledger(_psycopg().connect(address.server, autocommit=True, **address.settings), address)
        if not address.file.exists():
            raise absent(address)
        try:
            return _require_ledger(_open_file(address.file, "rw" if writable else "ro", address.patience), address)
        except sqlite3.OperationalError as error:
            # A copy on a read-only medium: SQLite can't make the files beside it that a write-ahead log needs.
            closed = "unable to open" in str(error) or "readonly" in str(error)
            if writable or not closed or _has_pages(address.file.with_name(address.file.name + "-wal")):
                raise
            return _require_ledger(_open_file(address.file, "ro&immutable=1", address.patience), address)


def spelt(statement: str, address: Address) -> str:
    """A statement with the placeholders of this database's driver; in ours they are question marks, and nothing else is."""
    return statement if address.file is not None else statement.translate(FOR_PSYCOPG)


@contextmanager
def answering(address: Address) -> Iterator[None]:
    """A block in which no exception of a driver gets out, only ours."""
    # sqlite3 quotes a damaged schema in its messages, and fails to decode what it quotes.
    errors = (sqlite3.Error, UnicodeError) if address.file is not None else (_psycopg().Error,)
    try:
        yield
    except errors as error:
        raise explained(error, address) from error


def _open_file(file: Path, mode: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode={mode}", uri=True, timeout=patience, isolation_level=None)
    # Text that was tampered with may be no text any more; it must be shown, not crash the reader.
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return connection


def _require_ledger(connection: Any, address: Address) -> Any:
    """The connection, once it has shown that it leads to a ledger."""
    try:
        if address.file is not None:
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("SELECT origin FROM head").fetchall()
    except Exception as error:
        connection.close()
        if "no such table: head" in str(error) or code_of(error) == UNDEFINED_TABLE:
            raise absent(address) from error
        raise
    return connection


def _has_pages(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        what = "There is no driver for Postgres here."
        raise Unavailable(what, "Install the extra `postgres`: pip install 'lifecycle[postgres]'.") from error
    return psycopg

"""One database behind the ledger: how it is opened, how a writer gets its turn, how the schema comes to be.

Two traps are closed here. SQLite begins transactions deferred unless told otherwise: two writers then read
the same head and one of them loses its append; so a writer begins IMMEDIATE. And in Postgres a sequence
would leave a gap for every append that was rolled back; so the index comes from the head row, which a
writer locks (`SELECT … FOR UPDATE`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.appending.projections import Projections
from lifecycle.ledger.storage.failures import absent, explained
from lifecycle.ledger.storage.revisions import REVISION, WITHOUT_PROJECTIONS
from lifecycle.ledger.storage.schema import HEAD_ID, LedgerTable
from lifecycle.ledger.storage.turn import Turn
from lifecycle.proofs.merkle import Frontier

#: Any number will do, as long as every process that migrates a ledger uses the same.
_MIGRATION_LOCK = 0x1ED6E5
#: How long a SQLite writer sleeps between two looks whether it has its turn: a few appends long.
_BETWEEN_LOOKS_SECONDS = 0.001
#: Pages of a new file: of records of 2 kB three fit into one, while of SQLite's usual 4096 bytes each would waste nearly half.
PAGE_BYTES = 8192
#: The low byte of SQLite's codes says what kind of error one is.
_PRIMARY_CODE = 0xFF
_HEAD = LedgerTable.metadata.tables["head"]


class Database:
    """Connections to one ledger's database. Whatever goes wrong in a block over one leaves it as a LifecycleError."""

    def __init__(self, address: Address) -> None:
        self.address = address
        #: The connection of the last SQLite writer, for the next one: to get it out of a pool takes as long as all statements of an append.
        self._kept: list[Connection] = []
        if address.dialect == "sqlite":
            self._reader, self._writer = _sqlite_engine(address), _sqlite_engine(address)
            event.listen(self._reader, "begin", lambda connection: _driver_of(connection).execute("BEGIN"))
            event.listen(self._writer, "connect", _never_wait)
            event.listen(self._writer, "begin", lambda connection: _take_turn(_driver_of(connection), address.patience))
        else:
            engine = create_engine(address.url, connect_args=address.settings, pool_pre_ping=True)
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")
            # A writer must see what was committed while it waited for the lock of the head.
            self._writer = engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads: what it sees does not change under it."""
        with self._explaining(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes; on SQLite it has its turn from here on, on Postgres once it locks the head."""
        with self._explaining():
            if self.address.file is None:
                with self._writer.begin() as connection:
                    yield connection
            else:
                with self._kept_connection() as connection, connection.begin():
                    yield connection

    def stands(self) -> bool:
        """Whether a ledger is kept here. Raises Unavailable where the database does not answer."""
        return self._revision() is not None

    def prepare(self, origin: str, *, create: bool) -> None:
        """Makes sure that the schema stands and that the ledger is the one of this origin.

        Raises Unavailable where there is no ledger (and `create` is false) or where a newer version of the schema
        stands, InvalidDeclaration where the ledger is of another origin.
        """
        file = self.address.file
        if file is not None and not file.exists() and not create:
            raise absent(self.address)
        if file is not None and create:
            _make_folder(file.parent)
        standing = self._revision()
        if standing is None and not create:
            raise absent(self.address)
        if standing != REVISION:
            self._migrate(origin)
        self._require_origin(origin)

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while self._kept:
            self._kept.pop().close()
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _kept_connection(self) -> Iterator[Connection]:
        """A writer's connection, which waits for the next writer unless another one does already, or something went wrong on it."""
        try:
            connection = self._kept.pop()
        except IndexError:
            connection = self._writer.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._kept:
            connection.close()
        else:
            self._kept.append(connection)

    def _migrate(self, origin: str) -> None:
        """Brings the schema up to date; of several processes that open a new ledger at once, one does it and the others wait."""
        from alembic import command
        from alembic.config import Config

        with _folder_lock(self.address.file), self._explaining():
            if self.address.file is not None:
                self._write_ahead()
            with self._writer.begin() as connection:
                if self.address.dialect == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                standing = _revision_seen_by(connection)
                if standing not in (None, *_known_revisions()):
                    raise Unavailable(
                        f"The ledger {self.address} was written by a newer Lifecycle (schema {standing}).",
                        "Update Lifecycle to the version that wrote it, or newer.",
                    )
                config = Config()
                config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
                config.attributes["connection"] = connection
                command.upgrade(config, REVISION)
                if connection.execute(select(_HEAD.c.id)).first() is None:
                    head = {"id": HEAD_ID, "origin": origin, "size": 0, "frontier": Frontier().to_bytes()}
                    connection.execute(insert(_HEAD), head)
                if standing == WITHOUT_PROJECTIONS:
                    turn = Turn(connection)
                    projections = Projections.of(turn.leaves())
                    turn.move_states(projections.states)
                    turn.move_streams(projections.streams)

    def _write_ahead(self) -> None:
        """Readers do not wait for the writer, and a commit is one append and one fsync. A setting of the file, made once."""
        # Not in a transaction: SQLite changes the mode of a file only outside one.
        driver = self._reader.raw_connection()
        try:
            cursor = driver.cursor()
            cursor.execute(f"PRAGMA page_size={PAGE_BYTES}")
            cursor.execute("PRAGMA journal_mode=WAL")
            found = cursor.fetchone()
        finally:
            driver.close()
        if found is None or found[0] != "wal":
            raise Unavailable(f"The disk of {self.address} can't hold a write-ahead log.", "Keep the ledger on a local disk.")

    def _revision(self) -> str | None:
        with self.reading() as connection:
            return _revision_seen_by(connection)

    def _require_origin(self, origin: str) -> None:
        with self.reading() as connection:
            standing = connection.execute(text("SELECT origin FROM head")).scalar()
        if standing != origin:
            raise InvalidDeclaration(
                f"The ledger {self.address} is that of {standing!r}, not of {origin!r}.",
                "Use the home, or set LIFECYCLE_LEDGER_URL to the ledger, of the environment that you mean.",
            )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise explained(error, self.address) from error


def _sqlite_engine(address: Address) -> Engine:
    engine = create_engine(address.url, connect_args={"timeout": address.patience})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Without this the driver begins transactions by itself, deferred, and commits before DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    # What is erased is overwritten, and does not lie about in the file until its page is used again.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _never_wait(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # A writer waits by itself, and holds its turn once it has it.
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    cursor.close()


def _take_turn(driver: sqlite3.Connection, patience: float) -> None:
    """Begins to write, as soon as nobody else does.

    SQLite's own waiting sleeps longer and longer between two looks, so that of several busy writers one may wait for a second.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_BETWEEN_LOOKS_SECONDS)
        else:
            return


def _revision_seen_by(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _known_revisions() -> tuple[str, ...]:
    versions = Path(__file__).parent / "migrations" / "versions"
    return tuple(sorted(path.stem.partition("_")[0].removeprefix("r") for path in versions.glob("r*.py")))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"The folder {folder} of the ledger can't be made: {error.strerror}.",
            "Give yourself write access to the folder above it, or choose another place.",
        ) from error


@contextmanager
def _folder_lock(file: Path | None) -> Iterator[None]:
    """Held by the one process that makes or migrates a SQLite ledger: changing to WAL does not wait for anybody by itself."""
    if file is None:
        yield
        return
    handle = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

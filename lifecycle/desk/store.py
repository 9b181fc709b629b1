"""What the desk must not forget when it is restarted: who is signed in, what is being signed, how often each passkey has signed.

A SQLite file in the desk's folder, which only the desk's user reads. Nothing in it proves anything: that is what the ledger is for. Whoever
reads it can't sign in by it: of sessions and invitations it holds hashes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.errors import Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id_hash BLOB PRIMARY KEY, person TEXT NOT NULL, key_id TEXT, began_us INTEGER NOT NULL, seen_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session_roles (
    id_hash BLOB PRIMARY KEY, roles TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ways (
    state_hash BLOB PRIMARY KEY, browser_hash BLOB NOT NULL, nonce TEXT NOT NULL, verifier TEXT NOT NULL, next_page TEXT NOT NULL,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS challenges (
    id_hash BLOB PRIMARY KEY, purpose TEXT NOT NULL, secret BLOB NOT NULL, until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ceremonies (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, statement BLOB NOT NULL, until_us INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'signed', 'recorded', 'refused')), envelope BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ceremony_types (
    id TEXT PRIMARY KEY, payload_type TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    key_id TEXT PRIMARY KEY, count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invitations (
    token_hash BLOB PRIMARY KEY, person TEXT NOT NULL, until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def hashed(secret: str) -> bytes:
    """How a secret of 256 random bits is kept: it can be recognised, and not be read back."""
    return hashlib.sha256(secret.encode()).digest()


class DeskStore:
    """The file of one desk. Safe to use from several threads, and from the command line beside a desk that runs."""

    def __init__(self, folder: Path) -> None:
        """Makes the file if need be. Raises Unavailable where it can't be."""
        self._file = folder / "desk.db"
        try:
            self._file.touch(0o600)
        except OSError as error:
            raise Unavailable(f"{self._file} can't be written: {error.strerror}.", "Give yourself write access to it.") from error
        with self.writing() as tables:
            for statement in _SCHEMA.split(";"):
                tables.execute(statement)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone with the file; whatever is raised within leaves it as it was."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The tables, to look at."""
        with self._connected() as connection:
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._file, isolation_level=None, timeout=10)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise Unavailable(f"The desk's own file {self._file} does not answer: {error}.", "Look at the disk that it lies on.") from error

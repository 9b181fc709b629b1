"""Where a ledger can be kept: every test of the contract runs in both places, and so does every attack that both allow.

A test asks for `place`, or for `ledger`, which opens one there; unless it says more, that is a SQLite file. `pytestmark = EVERY_DATABASE`
makes each test of a module run on both databases.
"""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import skip_or_fail
from tests.ledger.happenings import speak_as_attacker, tamper
from tests.ledger.server import Server, running_server

if TYPE_CHECKING:
    import psycopg

ON_POSTGRES = pytest.param("postgresql", marks=pytest.mark.slow)
EVERY_DATABASE = pytest.mark.parametrize("place", ["sqlite", ON_POSTGRES], indirect=True)
SQLITE_ONLY = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
POSTGRES_ONLY = pytest.mark.parametrize("place", [ON_POSTGRES], indirect=True)


class Place(ABC):
    """A database for one ledger, and what somebody who owns it can do to it.

    Scripts are in the SQL that both databases know, with three words of the attacker's own: `zeroblob(n)` (n zero bytes),
    `edited(bytes, old, new)` (bytes with a text in place of another) and `bytes_of(text)`.
    """

    url: str
    #: The file of a SQLite ledger.
    file: Path | None = None
    #: What the driver raises.
    error: type[Exception]

    @abstractmethod
    def tamper(self, script: str) -> None:
        """Turns every trigger off and runs the script."""

    @abstractmethod
    def change(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Runs one statement with the triggers as they stand; `?` marks a value. Raises the driver's error."""

    @abstractmethod
    def change_all(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each row of values, all or nothing."""

    @abstractmethod
    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query; bytes are bytes."""

    @abstractmethod
    def twin(self) -> Place:
        """Another place with a copy of everything in this one."""

    @abstractmethod
    def discard(self) -> None:
        """Gives its space back; nothing is there after it."""


class SqlitePlace(Place):
    """A file in a folder of its own."""

    error = sqlite3.Error

    def __init__(self, file: Path) -> None:
        self.file: Path = file
        self.url = f"sqlite:///{file}"
        self._twins = count()

    def tamper(self, script: str) -> None:
        tamper(self.file, script)

    def change(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._connected() as connection:
            connection.execute(statement, values)

    def change_all(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connected() as connection:
            connection.executemany(statement, rows)

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(statement).fetchall()

    def twin(self) -> Place:
        folder = self.file.parent.with_name(f"{self.file.parent.name}-twin-{next(self._twins)}")
        folder.mkdir()
        with closing(sqlite3.connect(self.file)) as original, closing(sqlite3.connect(folder / self.file.name)) as copy:
            original.backup(copy)
        return SqlitePlace(folder / self.file.name)

    def discard(self) -> None:
        shutil.rmtree(self.file.parent)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            speak_as_attacker(connection)
            yield connection


class PostgresPlace(Place):
    """A database of its own on a server."""

    def __init__(self, server: Server, url: str) -> None:
        import psycopg

        self.server = server
        self.url = url
        self.error = psycopg.Error

    @classmethod
    def empty(cls, server: Server) -> PostgresPlace:
        """A new database, in which the attacker's words are known."""
        place = cls(server, server.empty_database())
        with place._connected() as connection:
            connection.execute(_ATTACKERS_WORDS)
        return place

    def tamper(self, script: str) -> None:
        with self._connected() as connection:
            for (statement,) in connection.execute(_DISABLE_TRIGGERS).fetchall():
                connection.execute(statement.encode())
            connection.execute(script.encode())

    def change(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._connected() as connection:
            connection.execute(statement.replace("?", "%s").encode(), values)

    def change_all(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows)

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(statement.encode()).fetchall()

    def twin(self) -> Place:
        import psycopg

        copy = self.server.url(f"{self._name}_{next(_TWINS)}")
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_database_in(copy)} TEMPLATE {self._name}".encode())
        return PostgresPlace(self.server, copy)

    def discard(self) -> None:
        import psycopg

        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self._name} WITH (FORCE)".encode())

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        import psycopg

        with psycopg.connect(self.url, options="-c search_path=public,attacker") as connection:
            yield connection

    @property
    def _name(self) -> str:
        return _database_in(self.url)


_TWINS = count()
_DISABLE_TRIGGERS = b"""
SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', oid::regclass) FROM pg_class
WHERE relkind = 'r' AND relhastriggers AND relnamespace = 'public'::regnamespace
"""
_ATTACKERS_WORDS = b"""
CREATE SCHEMA attacker;
CREATE FUNCTION attacker.zeroblob(n integer) RETURNS bytea LANGUAGE sql AS $$ SELECT decode(repeat('00', n), 'hex') $$;
CREATE FUNCTION attacker.bytes_of(words text) RETURNS bytea LANGUAGE sql AS $$ SELECT convert_to(words, 'UTF8') $$;
CREATE FUNCTION attacker.edited(content bytea, old text, new text) RETURNS bytea LANGUAGE sql
  AS $$ SELECT convert_to(replace(convert_from(content, 'UTF8'), old, new), 'UTF8') $$;
"""


def _database_in(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="session")
def server(tool: Callable[[str], str]) -> Iterator[Server]:
    """One Postgres server per process of tests; each test gets a database of its own on it."""
    if find_spec("psycopg") is None:
        skip_or_fail("the extra `postgres` is not installed")
    with running_server(tool("initdb"), tool("postgres")) as running:
        yield running


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place on the database that the test is run on; SQLite, unless it asks for others."""
    if getattr(request, "param", "sqlite") == "sqlite":
        (tmp_path / "ledger").mkdir()
        return SqlitePlace(tmp_path / "ledger" / "ledger.db")
    server: Server = request.getfixturevalue("server")
    return PostgresPlace.empty(server)

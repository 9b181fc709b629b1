"""What a database says when it fails becomes an error of ours, with what to do next. The errors are SQLite's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.failures import explained

Provoke = Callable[[sqlite3.Connection], object]


def full_disk(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 3")
    connection.execute("CREATE TABLE big (content BLOB)")
    connection.execute("INSERT INTO big VALUES (zeroblob(100000))")


def read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = 1")
    connection.execute("CREATE TABLE more (content BLOB)")


def locked(connection: sqlite3.Connection) -> None:
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    connection.execute("BEGIN EXCLUSIVE")
    with closing(sqlite3.connect(file, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")


def append_only(connection: sqlite3.Connection) -> None:
    connection.executescript(
        "CREATE TABLE log (content TEXT); INSERT INTO log VALUES ('past');"
        "CREATE TRIGGER keep BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'log is append-only'); END"
    )
    connection.execute("UPDATE log SET content = 'other'")


def lost_table(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT * FROM events")


def syntax(connection: sqlite3.Connection) -> None:
    connection.execute("SELEKT")


@pytest.mark.parametrize(
    ("provoke", "kind", "said"),
    [
        (full_disk, Unavailable, "is full"),
        (read_only, Unavailable, "can't be written"),
        (locked, Unavailable, "locked by another process"),
        (append_only, Tampered, "append-only"),
        (lost_table, Tampered, "no such table"),
        (syntax, Unavailable, "does not answer"),
    ],
)
def test_a_failure_says_what_happened_and_what_to_do(tmp_path: Path, provoke: Provoke, kind: type[LifecycleError], said: str) -> None:
    """Full, read-only, locked, guarded, damaged: each is told apart, and each has a next step."""
    address = Address.parse(f"sqlite:///{tmp_path}/ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection, pytest.raises(sqlite3.Error) as caught:
        provoke(connection)
    error = explained(caught.value, address)
    assert type(error) is kind
    assert said in error.what
    assert str(address) in error.what
    assert error.next_step


def test_a_full_disk_loses_nothing_that_stood(tmp_path: Path) -> None:
    """An append that does not fit is refused whole; the ledger reads, verifies, and goes on once there is space."""
    from sqlalchemy import event

    from lifecycle.ledger.ledger import Ledger
    from lifecycle.ledger.verifying.verification import verify_ledger
    from tests.ledger.happenings import ORIGIN, happening

    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", origin=ORIGIN) as ledger:
        ledger.append(happening(0))
        before = ledger.head()

        def no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the size that it has.

        ledger.close()
        event.listen(ledger._database._writer, "connect", no_more_pages)
        with pytest.raises(Unavailable, match="is full"), ledger.writing() as writer:
            writer.append_all([happening(number) for number in range(500)])
        assert ledger.head() == before
        ledger.close()
        event.remove(ledger._database._writer, "connect", no_more_pages)
        assert ledger.append(happening(1)).index == 1
        assert verify_ledger(ledger, None).ok


def test_a_server_that_is_down_is_not_taken_for_one_that_was_tampered_with(tmp_path: Path) -> None:
    """Nobody answers: that is told apart from damage, although the driver's words are alike."""
    pytest.importorskip("psycopg")
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.ledger.storage.rows import LedgerRows

    url = f"postgresql://someone@/ledger?host={tmp_path}"
    for look in (lambda: Ledger.open(url, origin="example.org/ledger"), lambda: LedgerRows(url)):
        with pytest.raises(Unavailable, match=r"does not answer: .*No such file"):
            look()


def test_what_the_address_says_of_a_connection_counts() -> None:
    """Options and time-outs in the URL of a server stand beside ours, or in their place."""
    plain = Address.parse("postgresql://someone@host/ledger").settings
    assert plain == {"options": "-c lock_timeout=30000", "connect_timeout": 30}
    own = Address.parse("postgresql://someone@host/ledger?connect_timeout=3&options=-c%20lock_timeout%3D5").settings
    assert own == {"options": "-c lock_timeout=30000 -c lock_timeout=5"}

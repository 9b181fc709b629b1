"""Opening a ledger: it is made once, whoever comes first; what is no ledger is said to be none."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from lifecycle.errors import InvalidDeclaration, LifecycleError, Tampered, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.storage.columns import RecordRow
from lifecycle.ledger.storage.database import PAGE_BYTES
from lifecycle.ledger.storage.revisions import REVISION
from lifecycle.ledger.storage.schema import LedgerTable
from tests.ledger.happenings import ORIGIN, happening, tamper


def test_the_columns_of_events_are_those_that_are_read_and_written() -> None:
    """The table, and the row that every statement is made for, name the same columns in the same order."""
    assert tuple(LedgerTable.metadata.tables["events"].columns.keys()) == RecordRow._fields


def test_a_new_ledger_is_made_with_its_folder_and_is_empty(tmp_path: Path) -> None:
    """Opening makes what is missing; the head is that of a tree without leaves."""
    with Ledger.open(f"sqlite:///{tmp_path}/a/b/ledger.db", origin=ORIGIN) as ledger:
        assert (ledger.head().size, ledger.events(), ledger.checkpoint()) == (0, [], None)


def test_a_ledger_opens_again_where_it_was_left(ledger: Ledger) -> None:
    """A second opening finds what the first appended, and goes on after it."""
    ledger.append(happening(0))
    with Ledger.open(ledger.url, origin=ORIGIN) as again:
        assert again.head() == ledger.head()
        assert again.append(happening(1)).index == 1


def test_looking_at_a_ledger_that_is_not_there_makes_none(tmp_path: Path) -> None:
    """Without `create`, nothing is left behind."""
    with pytest.raises(Unavailable, match="There is no ledger"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db", origin=ORIGIN, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_a_ledger_is_not_taken_for_one(tmp_path: Path) -> None:
    """An empty database without the schema has no ledger in it; a file that is no database is named as damaged."""
    empty, garbage = tmp_path / "empty.db", tmp_path / "garbage.db"
    empty.touch()
    garbage.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(Unavailable, match="There is no ledger"):
        Ledger.open(f"sqlite:///{empty}", origin=ORIGIN, create=False)
    with pytest.raises(Tampered, match="damaged"):
        Ledger.open(f"sqlite:///{garbage}", origin=ORIGIN)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "ledger.db", "", "sqlite:///"])
def test_a_url_that_can_not_hold_a_ledger_is_refused(url: str) -> None:
    """A database in memory, or one that we do not know how to take turns in, is a wrong setting."""
    with pytest.raises(InvalidDeclaration, match="not a database that a ledger"):
        Ledger.open(url, origin=ORIGIN)


def test_a_ledger_of_another_origin_is_not_opened(ledger: Ledger) -> None:
    """Two environments can't write into one log by mistake."""
    with pytest.raises(InvalidDeclaration, match=r"not of 'example\.org/other'"):
        Ledger.open(ledger.url, origin="example.org/other")


def test_a_ledger_of_a_newer_schema_is_not_touched(ledger: Ledger, ledger_file: Path) -> None:
    """An older Lifecycle says that it is too old, and changes nothing."""
    tamper(ledger_file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="written by a newer Lifecycle"):
        Ledger.open(ledger.url, origin=ORIGIN)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_place_is_said_to_be_so(tmp_path: Path) -> None:
    """A folder without write access ends in an error that names it."""
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(Unavailable):
        Ledger.open(f"sqlite:///{closed}/ledger.db", origin=ORIGIN)


def test_a_place_that_is_a_file_is_said_to_be_so(tmp_path: Path) -> None:
    """Where a folder is needed and a file stands, the error names the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="can't be made"):
        Ledger.open(f"sqlite:///{tmp_path}/file/ledger.db", origin=ORIGIN)


def test_a_locked_ledger_is_said_to_be_locked(ledger: Ledger) -> None:
    """A writer that does not get its turn gives up, after as long as its address says, and nothing is written."""
    with Ledger.open(f"{ledger.url}?timeout=0.1", origin=ORIGIN) as impatient, ledger.writing() as writer:
        with pytest.raises(Unavailable, match="locked by another process"):
            impatient.append(happening(0))
        writer.append(happening(1))
    assert ledger.head().size == 1


def test_the_schema_is_what_the_migrations_make(ledger: Ledger) -> None:
    """The tables of the code and those of the database are the same, and the code knows the latest revision."""
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import lifecycle.ledger.storage.migrations as migrations

    engine = create_engine(ledger.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, LedgerTable.metadata) == []
    engine.dispose()
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_a_standing_ledger_opens_without_the_migration_machinery(ledger: Ledger, repository: Path) -> None:
    """Alembic is imported to change a schema, not to look at one, so that verbs start fast."""
    script = f"""
import sys
from lifecycle.ledger.ledger import Ledger
Ledger.open({ledger.url!r}, origin={ORIGIN!r}).close()
assert "alembic" not in sys.modules, "alembic was imported"
"""
    subprocess.run([sys.executable, "-c", script], cwd=repository, check=True, timeout=60)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    """Neither the text of a ledger nor an error about it tells the password in its URL."""
    address = Address.parse("postgresql://someone:secret@host.example/base")
    assert str(address) == "host.example/base"
    with pytest.raises(LifecycleError) as caught:
        Ledger.open("mysql://someone:secret@host.example/base", origin=ORIGIN)
    assert "secret" not in str(caught.value)


def test_writing_is_durable_and_readers_do_not_wait(ledger: Ledger) -> None:
    """The pragmas that the promises rest on: a write-ahead log, and a full sync of each commit."""
    with ledger._database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_ledger_of_smaller_pages_goes_on_as_it_is(tmp_path: Path) -> None:
    """A new file has the pages that records fit into; one of before keeps its own, and grows."""
    sizes = []
    for name, before in (("new", ""), ("old", "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; CREATE TABLE t (x); DROP TABLE t")):
        file = tmp_path / f"{name}.db"
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(before)
        with Ledger.open(f"sqlite:///{file}", origin=ORIGIN) as ledger:
            ledger.append(happening(0))
            assert ledger.head().size == 1
        with closing(sqlite3.connect(file)) as connection:
            sizes += connection.execute("PRAGMA page_size").fetchone()
    assert sizes == [PAGE_BYTES, 4096]


def test_the_address_of_a_file_is_what_its_url_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the file needs no URL in between; a relative name is one below the folder of now."""
    monkeypatch.chdir(tmp_path)
    address = Address.of_file(Path("ledger.db"))
    assert address.url == f"sqlite:///{tmp_path}/ledger.db"
    assert address == Address.parse(address.url)

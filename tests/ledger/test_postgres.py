"""The same promises on a Postgres server, where there is one to start: turns, proofs, tampering, append-only tables."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signer import request_checkpoint
from lifecycle.ledger.verification import verify_ledger
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.identity import commit
from tests.conftest import skip_or_fail
from tests.ledger.happenings import ORIGIN, happening, trained

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

#: Postgres refuses to run as root; Debian's packages make this user for it.
UNPRIVILEGED = "postgres"


def account() -> dict[str, Any]:
    """How to start the server's programs as somebody who is not root."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        skip_or_fail(f"root can't run Postgres, and there is no user {UNPRIVILEGED}")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def running_server(initdb: str, postgres: str) -> Iterator[Path]:
    """A server of its own on a socket in a folder of its own."""
    who = account()
    # Not under pytest's folder, which the server's user may not enter; and short, because a socket's path is.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if who:
            os.chown(folder, who["user"], who["group"])
        subprocess.run(
            [initdb, "-D", name + "/data", "-A", "trust", "-U", "ledger", "--no-sync"], check=True, capture_output=True, cwd=folder, **who
        )
        command = [postgres, "-D", name + "/data", "-k", name, "-c", "listen_addresses=", "-c", "max_connections=40"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who) as server:
            try:
                until = time.monotonic() + 60
                while not (folder / ".s.PGSQL.5432").exists() and time.monotonic() < until:
                    time.sleep(0.05)
                yield folder
            finally:
                server.terminate()


@pytest.fixture(scope="module")
def server(tool: Callable[[str], str]) -> Iterator[Path]:
    with running_server(tool("initdb"), tool("postgres")) as folder:
        yield folder


@pytest.fixture
def url(server: Path) -> str:
    """An empty database."""
    address = f"postgresql://ledger@/postgres?host={server}"
    until = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
            return address
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.fixture
def pg_ledger(url: str) -> Iterator[Ledger]:
    with Ledger.open(url, origin=ORIGIN) as ledger:
        yield ledger


def test_a_server_without_a_ledger_has_none(url: str) -> None:
    """Looking makes none, by either way in."""
    for look in (lambda: Ledger.open(url, origin=ORIGIN, create=False), lambda: verify_ledger(url, None)):
        with pytest.raises(Unavailable, match="There is no ledger"):
            look()


def test_four_processes_lose_nothing_and_fork_nothing(url: str, log_key: VerifierKey, repository: Path) -> None:
    """Writers that start at once, on a server without a schema, take turns on the head row."""
    command = (sys.executable, "-m", "tests.ledger.writers", url)
    writers = [subprocess.Popen([*command, str(n * 10_000), "250", "1"], cwd=repository, stdout=subprocess.DEVNULL) for n in range(4)]
    assert [writer.wait(timeout=240) for writer in writers] == [0] * 4
    result = verify_ledger(url, log_key)
    assert (result.ok, result.size) == (True, 1_000), result.findings


def test_a_life_is_signed_proven_and_verified(pg_ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """Append, number, keep, sign in the signer's process, prove offline, verify at L2."""
    commitment, opening = commit({"age": 41})
    with pg_ledger.writing() as writer:
        writer.append_all([trained(writer.next_version("credit")), happening(0)])
        writer.keep(opening, "applicant-1")
        assert writer.next_version("credit") == 2
    note = request_checkpoint(pg_ledger.url, key_file, ORIGIN)
    assert (pg_ledger.checkpoint(), pg_ledger.opening(commitment)) == (note, opening)
    assert proven_leaf(pg_ledger.proof(1), [log_key])[0] == pg_ledger.stored(1)
    assert verify_ledger(pg_ledger, log_key, note).level == "L2"


def test_a_block_that_raises_leaves_no_gap(pg_ledger: Ledger) -> None:
    """An index that was given in a transaction that failed is given again."""
    pg_ledger.append(happening(0, event_id="same"))

    def append_in_two_steps() -> None:
        with pg_ledger.writing() as writer:
            writer.append_all([happening(1), happening(2)])
            writer.append(happening(3, event_id="same"))

    with pytest.raises(Tampered):
        append_in_two_steps()
    assert pg_ledger.append(happening(4)).index == 1


def test_a_reader_sees_one_moment(pg_ledger: Ledger) -> None:
    """What is committed while a reader looks is not in what it sees."""
    with pg_ledger._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 0
        pg_ledger.append(happening(0))
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET type = 'x'",
        "UPDATE events SET stored = NULL, type = 'x'",
        "UPDATE events SET stored = ''",
        "DELETE FROM events",
        "TRUNCATE events",
        "DELETE FROM checkpoints",
    ],
)
def test_the_triggers_keep_honest_hands_off(pg_ledger: Ledger, url: str, statement: str) -> None:
    """The past can't be changed, deleted or emptied without dropping them first."""
    pg_ledger.append(happening(0))
    with psycopg.connect(url) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(statement)


def test_bytes_can_be_pruned_and_nothing_else(pg_ledger: Ledger, url: str) -> None:
    """Once and whole: what went does not come back."""
    pg_ledger.append(happening(0))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE events SET stored = NULL")
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute("UPDATE events SET stored = ''")


def test_an_altered_record_is_named(pg_ledger: Ledger, log_key: VerifierKey, url: str) -> None:
    """Verification and reading both find what the owner of the database changed."""
    for number in range(6):
        pg_ledger.append(happening(number))
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        lost_to_fine = "convert_to(replace(convert_from(stored, 'utf8'), 'lost', 'fine'), 'utf8')"
        connection.execute(f"UPDATE events SET stored = {lost_to_fine} WHERE leaf_index = 4")
    assert [finding.index for finding in verify_ledger(url, log_key).findings] == [4]
    with pytest.raises(Tampered, match="Record 4 of the ledger"):
        pg_ledger.events()


def test_the_schema_is_what_the_migrations_make(pg_ledger: Ledger) -> None:
    """The tables of the code and those of the server are the same."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from lifecycle.ledger.schema import LedgerTable

    with pg_ledger._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, LedgerTable.metadata) == []

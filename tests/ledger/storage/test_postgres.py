"""What only a Postgres server has: turns on the head row, a snapshot for readers, statements of triggers, a schema of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.errors import Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signer import request_checkpoint
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, happening, trained
from tests.ledger.places import POSTGRES_ONLY, Place

pytestmark = POSTGRES_ONLY


def test_a_server_without_a_ledger_has_none(place: Place) -> None:
    """Looking makes none, by either way in."""
    for look in (lambda: Ledger.open(place.url, origin=ORIGIN, create=False), lambda: verify_ledger(place.url, None)):
        with pytest.raises(Unavailable, match="There is no ledger"):
            look()


def test_four_processes_lose_nothing_and_fork_nothing(place: Place, log_key: VerifierKey, repository: Path) -> None:
    """Writers that start at once, on a server without a schema, take turns on the head row."""
    command = (sys.executable, "-m", "tests.ledger.writers", place.url)
    writers = [subprocess.Popen([*command, str(n * 10_000), "250", "1"], cwd=repository, stdout=subprocess.DEVNULL) for n in range(4)]
    assert [writer.wait(timeout=240) for writer in writers] == [0] * 4
    result = verify_ledger(place.url, log_key)
    assert (result.ok, result.size) == (True, 1_000), result.findings


def test_a_life_is_signed_proven_and_verified(ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """Append, number, keep, sign in the signer's process, prove offline, verify at L2."""
    commitment, opening = commit({"age": 41})
    with ledger.writing() as writer:
        writer.append_all([trained(writer.next_version("credit")), happening(0)])
        writer.keep(opening, "applicant-1")
        assert writer.next_version("credit") == 2
    note = request_checkpoint(ledger.url, key_file, ORIGIN)
    assert (ledger.checkpoint(), ledger.opening(commitment)) == (note, opening)
    assert proven_leaf(ledger.proof(1), [log_key])[0] == ledger.stored(1)
    assert verify_ledger(ledger, log_key, note).level == "L2"


def test_a_block_that_raises_leaves_no_gap(ledger: Ledger) -> None:
    """An index that was given in a transaction that failed is given again, and so is a place in a stream."""
    ledger.append(happening(0, event_id="same"))

    def append_in_two_steps() -> None:
        with ledger.writing() as writer:
            writer.append_all([happening(1), happening(2)])
            writer.append(happening(3, event_id="same"))

    with pytest.raises(Tampered):
        append_in_two_steps()
    receipt = ledger.append(happening(4))
    assert (receipt.index, ledger.events(since=1)[0].event.sequence) == (1, 2)


def test_a_reader_sees_one_moment(ledger: Ledger) -> None:
    """What is committed while a reader looks is not in what it sees."""
    with ledger._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 0
        ledger.append(happening(0))
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == 0


@pytest.mark.parametrize("table", ["events", "checkpoints", "anchors", "head"])
def test_no_table_of_the_past_can_be_emptied(ledger: Ledger, place: Place, table: str) -> None:
    """TRUNCATE fires no trigger of a row; there is one for it."""
    ledger.append(happening(0))
    with pytest.raises(place.error, match="append-only"):
        place.change(f"TRUNCATE {table}")


def test_the_schema_is_what_the_migrations_make(ledger: Ledger) -> None:
    """The tables of the code and those of the server are the same."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from lifecycle.ledger.storage.schema import LedgerTable

    with ledger._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, LedgerTable.metadata) == []


def test_a_ledger_of_the_first_schema_is_brought_up_to_date(place: Place, log_key: VerifierKey) -> None:
    """Records of before there were places and functions keep their bytes; projections are made, and appends go on through the functions."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    import lifecycle.ledger.storage.migrations as migrations
    from lifecycle.ledger.address import Address
    from lifecycle.proofs.merkle import Frontier, leaf_hash

    engine = create_engine(Address.parse(place.url).url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    event, frontier = trained(1), Frontier()
    frontier.append(leaf_hash(event.canonical()))
    names = "leaf_index, event_id, type, environment, occurred_at_us, actor_id, subject_kind, subject_name, subject_version, subject_digest"
    values = (0, event.id, event.type, event.environment, event.occurred_at_us, event.actor.id, "model", "credit", 1, event.subject.digest)
    place.change(
        f"INSERT INTO events ({names}, leaf_hash, stored) VALUES ({', '.join('?' * 12)})",
        (*values, leaf_hash(event.canonical()), event.canonical()),
    )
    place.change("INSERT INTO head VALUES (1, ?, 1, ?)", (ORIGIN, frontier.to_bytes()))
    with Ledger.open(place.url, origin=ORIGIN) as ledger:
        assert ledger.stored(0) == event.canonical()
        assert ledger.states("local") == {("credit", 1): "trained"}
        ledger.append(trained(2))
        assert [recorded.event.sequence for recorded in ledger.events()] == [None, 2]
    result = verify_ledger(place.url, log_key)
    assert (result.ok, result.size) == (True, 2), result.findings

"""What is deleted leaves no trace in the files of the database."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.ledger.keeping.erasing import openings_about, wipe_traces
from lifecycle.ledger.ledger import Ledger
from lifecycle.records.identity import commit
from lifecycle.records.record import Digest
from tests.ledger.happenings import ORIGIN
from tests.ledger.places import EVERY_DATABASE, POSTGRES_ONLY, Place


def files_of(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(file.parent.glob(file.name + "*")))


def keep(ledger: Ledger, count: int) -> list[tuple[Digest, str]]:
    """So many values of different lengths, by their commitments; each has a text that occurs nowhere else."""
    chance, kept = random.Random(7), []
    for start in range(0, count, 50):
        with ledger.writing() as writer:
            for number in range(start, start + 50):
                name = f"Person-{number:05d}-" + "x" * chance.randrange(900)
                commitment, opening = commit({"display_name": name})
                writer.keep(opening, f"person-{number}")
                kept.append((commitment.digest, f"Person-{number:05d}-"))
    return kept


def test_a_deleted_value_is_in_no_page_of_the_file(ledger: Ledger, ledger_file: Path) -> None:
    """Also where pages were split, merged and freed before, and while the write-ahead log had the old ones."""
    kept = keep(ledger, 600)
    gone, stay = kept[::2], kept[1::2]
    with ledger.writing() as writer:
        writer.drop_openings([commitment for commitment, _ in gone])
    wipe_traces(ledger.url)
    content = files_of(ledger_file)
    assert [name for _, name in gone if name.encode() in content] == []
    assert all(name.encode() in content for _, name in stay)
    assert openings_about(ledger.url, "person-0") == ()
    assert openings_about(ledger.url, "person-1") == (kept[1][0],)


def test_what_a_careless_program_deleted_before_goes_with_it(ledger: Ledger, ledger_file: Path) -> None:
    """A SQLite that does not overwrite what it frees has left values in free pages: writing the file anew takes them away."""
    kept = keep(ledger, 200)
    ledger.close()
    with closing(sqlite3.connect(ledger_file)) as connection, connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("DELETE FROM openings")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    traces = [name for _, name in kept if name.encode() in files_of(ledger_file)]
    assert traces
    wipe_traces(ledger.url)
    assert [name for name in traces if name.encode() in files_of(ledger_file)] == []


def test_a_reader_that_keeps_the_old_pages_is_told(ledger_file: Path) -> None:
    """The write-ahead log can't be emptied under it; nothing is said to be gone that is not."""
    with Ledger.open(f"sqlite:///{ledger_file}?timeout=0.1", origin=ORIGIN) as ledger:
        keep(ledger, 50)
        with closing(sqlite3.connect(ledger_file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM openings").fetchall()
            with pytest.raises(Unavailable, match="keeps its write-ahead log from being emptied"):
                wipe_traces(f"sqlite:///{ledger_file}?timeout=0.1")
        wipe_traces(f"sqlite:///{ledger_file}?timeout=0.1")


@EVERY_DATABASE
def test_values_are_found_by_their_subject_and_dropped(ledger: Ledger) -> None:
    """On both databases; what was dropped twice is dropped."""
    kept = keep(ledger, 50)
    for _ in range(2):
        with ledger.writing() as writer:
            writer.drop_openings([kept[3][0]])
        wipe_traces(ledger.url)
    assert openings_about(ledger.url, "person-3") == ()
    assert openings_about(ledger.url, "person-4") == (kept[4][0],)


@POSTGRES_ONLY
def test_the_file_of_the_table_is_another_one(ledger: Ledger, place: Place) -> None:
    """The server's file that had the values is gone."""
    keep(ledger, 50)
    before = place.fetch("SELECT pg_relation_filenode('openings')")
    wipe_traces(ledger.url)
    assert place.fetch("SELECT pg_relation_filenode('openings')") != before


@POSTGRES_ONLY
def test_a_role_that_is_no_keeper_is_told(ledger: Ledger, place: Place) -> None:
    """Deleting rows alone leaves the values in the file."""
    keep(ledger, 50)
    place.change("CREATE ROLE somebody LOGIN")
    place.change("GRANT SELECT, DELETE ON openings TO somebody")
    place.change("GRANT SELECT ON head TO somebody")
    try:
        with pytest.raises(Unavailable, match="may not do this"):
            wipe_traces(ledger.url.replace("ledger@", "somebody@", 1))
    finally:
        place.change("REVOKE ALL ON openings, head FROM somebody")
        place.change("DROP ROLE somebody")

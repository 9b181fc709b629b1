"""Everything beside the leaves is made again from them: each difference is found, and written anew where nothing is hidden by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.mending import mend
from lifecycle.ledger.verifying.verification import verify_ledger
from tests.ledger.happenings import ORIGIN, happening, tamper
from tests.ledger.victim import ALTER_FIVE, Victim


def dumped(file: Path) -> list[str]:
    """Everything that a database holds, as SQL."""
    with closing(sqlite3.connect(file)) as connection:
        return sorted(connection.iterdump())


def change(file: Path, script: str) -> None:
    """Any SQL that the triggers let through."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(script)


DIFFERENCES = [
    ("UPDATE head SET frontier = x'00'", "head", "not the frontier of a tree"),
    ("UPDATE head SET size = 11", "head", "the head says that there are 11 records, but there are 12"),
    (
        "UPDATE states SET state = 'allowed' WHERE version = 2",
        "states",
        "credit:2 in every environment is allowed since record 3, the records say trained",
    ),
    ("DELETE FROM states WHERE version = 1", "states", "credit:1 in local is unknown, the records say revoked since record 2"),
    (
        "INSERT INTO states VALUES ('ghost', 1, 'local', 'serving', 0)",
        "states",
        "ghost:1 in local is serving since record 0, the records say unknown",
    ),
    ("UPDATE streams SET position = 3 WHERE stream = 'key/keys'", "streams", "key/keys has 3 records, but it has 8"),
    ("DELETE FROM streams", "streams", "model/credit has 0 records, but it has 4"),
    (
        "UPDATE events SET subject_name = 'other' WHERE leaf_index = 5",
        "events",
        "the column subject_name of record 5 says 'other', its bytes say 'keys'",
    ),
    (
        "UPDATE events SET run_id = 'run', type = 'RolledBack' WHERE leaf_index = 0",
        "events",
        "the column type of record 0 says 'RolledBack'",
    ),
]


@pytest.mark.parametrize(("script", "table", "told"), DIFFERENCES)
def test_each_difference_is_found_and_mended(victim: Victim, script: str, table: str, told: str) -> None:
    """It is named with its table; writing it anew makes the database what it was, to the last byte, triggers included."""
    before = dumped(victim.file)
    keep_triggers(victim.file, script)
    found = examine(victim.url)
    assert found.differences
    assert {difference.table for difference in found.differences} == {table}
    assert told in "\n".join(difference.what for difference in found.differences)
    assert found.mendable
    assert mend(victim.url).differences == found.differences
    assert examine(victim.url).differences == ()
    assert dumped(victim.file) == before
    assert victim.verify().level == "L2"


def keep_triggers(file: Path, script: str) -> None:
    """Changes what the triggers guard, and puts them back."""
    with closing(sqlite3.connect(file)) as connection:
        triggers = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    tamper(file, script)
    change(file, ";".join(triggers))


def test_nothing_is_different_in_a_ledger_that_nobody_touched(victim: Victim) -> None:
    """Also not after it was mended, which changes nothing then."""
    before = dumped(victim.file)
    assert examine(victim.url).differences == ()
    assert mend(victim.url).differences == ()
    assert dumped(victim.file) == before


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (ALTER_FIVE, "record 5"),
        ("DELETE FROM events WHERE leaf_index = 5", "record 5 is missing"),
        ("UPDATE events SET stored = NULL WHERE leaf_index = 5", "its bytes are gone, and nothing says that they were pruned"),
        ("DELETE FROM events WHERE leaf_index = 11", "the head says that there are 12 records, but there are 11"),
        ("DELETE FROM events WHERE leaf_index >= 9", "covers 10 records, but the ledger has 9"),
        ("UPDATE events SET stored = 7 WHERE leaf_index = 4", "record 4"),
    ],
)
def test_damage_to_the_leaves_is_never_mended(victim: Victim, script: str, told: str) -> None:
    """What was changed or dropped is told, and nothing is written: making the rest fit would hide it."""
    tamper(victim.file, script)
    change(victim.file, "DELETE FROM streams")
    before = dumped(victim.file)
    found = examine(victim.url)
    assert not found.mendable
    assert told in "\n".join(difference.what for difference in found.differences if not difference.mendable)
    with pytest.raises(Tampered, match="which nothing here can mend"):
        mend(victim.url)
    assert dumped(victim.file) == before


def test_a_mended_ledger_goes_on(victim: Victim) -> None:
    """Places, states and the tree go on after what was written anew."""
    change(victim.file, "DELETE FROM streams; DELETE FROM states; UPDATE head SET size = 0, frontier = zeroblob(8)")
    mend(victim.url)
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        assert ledger.append(happening(9)).index == 12
        assert ledger.events(newest_first=True, limit=1)[0].event.sequence == 9
    assert verify_ledger(victim.url, victim.log_key, victim.held).level == "L2"


def test_a_difference_in_a_table_is_a_finding_of_verification(victim: Victim) -> None:
    """Departments believe the tables, so a version that was moved in one breaks L0."""
    change(victim.file, "UPDATE states SET state = 'serving' WHERE version = 2")
    result = victim.verify()
    assert result.level == "none"
    assert "credit:2 in every environment is serving since record 3, the records say trained" in result.findings[0].what


def test_examining_makes_no_ledger(tmp_path: Path) -> None:
    """Where there is none, that is said."""
    with pytest.raises(Unavailable, match="There is no ledger"):
        examine(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(Unavailable, match="There is no ledger"):
        mend(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []

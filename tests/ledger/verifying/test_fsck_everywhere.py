"""What `fsck` finds and mends, on both databases."""

from __future__ import annotations

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.mending import mend
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim

pytestmark = EVERY_DATABASE

TABLES = ("events", "head", "states", "streams")


def held(victim: Victim) -> dict[str, list[tuple[object, ...]]]:
    """Every row of what can be mended."""
    return {table: victim.place.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES if table != "streams"} | {
        "streams": victim.place.fetch("SELECT * FROM streams ORDER BY 1")
    }


def test_what_was_changed_beside_the_leaves_is_written_anew(victim: Victim) -> None:
    """Head, states, streams and columns at once; afterwards every row is what it was."""
    before = held(victim)
    for change in (
        "UPDATE head SET size = 11, frontier = zeroblob(8)",
        "UPDATE states SET state = 'serving'",
        "DELETE FROM streams",
        "UPDATE events SET subject_name = 'other', run_id = 'run' WHERE leaf_index = 5",
    ):
        victim.place.tamper(change)
    assert {difference.table for difference in examine(victim.place.url).differences} == set(TABLES)
    assert examine(victim.place.url).mendable
    mend(victim.place.url)
    assert held(victim) == before
    assert examine(victim.place.url).differences == ()
    assert victim.verify().level == "L2"


def test_damage_to_a_leaf_is_told_and_nothing_is_written(victim: Victim) -> None:
    """Making the rest fit would hide it."""
    victim.place.tamper("DELETE FROM events WHERE leaf_index = 11")
    before = held(victim)
    assert not examine(victim.place.url).mendable
    with pytest.raises(Tampered, match="which nothing here can mend"):
        mend(victim.place.url)
    assert held(victim) == before

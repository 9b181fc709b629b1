"""Attacks on the ledger's rows by somebody who owns the database: each is found, and the record is named."""

from __future__ import annotations

import pytest

from tests.ledger.happenings import happening
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import ALTER_FIVE, Victim, said

pytestmark = EVERY_DATABASE


def test_an_untouched_ledger_holds(victim: Victim) -> None:
    """The attacks below start from a ledger in which everything holds."""
    result = victim.verify()
    assert (result.ok, result.level, result.size, result.signed_size) == (True, "L2", 12, 10)


def test_an_edited_record_is_named_and_nothing_else_is(victim: Victim) -> None:
    """One record altered is one finding: its index, its type and its id. Not even L0 is reached."""
    victim.place.tamper(ALTER_FIVE)
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [5]
    assert f"record 5 (KeyRevoked, id {victim.events[5].id}) was altered" in result.findings[0].what


@pytest.mark.parametrize("index", range(12))
def test_a_changed_leaf_hash_is_named(victim: Victim, index: int) -> None:
    """The hash in the column is no authority over the bytes."""
    victim.place.tamper(f"UPDATE events SET leaf_hash = zeroblob(32) WHERE leaf_index = {index}")
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [index]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_id", "'another'"),
        ("type", "'ModelEvaluated'"),
        ("environment", "'production'"),
        ("occurred_at_us", "occurred_at_us - 1000000"),
        ("actor_id", "'mallory'"),
        ("subject_kind", "'model'"),
        ("subject_name", "'other'"),
        ("subject_version", "7"),
        ("subject_digest", "'sha256:0'"),
        ("run_id", "'run'"),
    ],
)
def test_a_changed_column_is_named(victim: Victim, column: str, value: str) -> None:
    """A record that is hidden from a search by its columns is found by its bytes."""
    victim.place.tamper(f"UPDATE events SET {column} = {value} WHERE leaf_index = 6")
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [6]
    assert f"its column {column} says" in result.findings[0].what


def test_a_deleted_record_leaves_a_gap_that_is_named(victim: Victim) -> None:
    """Deleting from the middle shows at L0."""
    victim.place.tamper("DELETE FROM events WHERE leaf_index IN (5, 6)")
    result = victim.verify()
    assert result.level == "none"
    assert "records 5 to 6 are missing" in said(result)


def test_a_record_deleted_with_its_gap_closed_is_found(victim: Victim) -> None:
    """Renumbering the rest and fitting the head hides the gap; the places in its stream name what comes after it, and no signature fits."""
    victim.place.tamper(
        "DELETE FROM events WHERE leaf_index = 5;"
        "UPDATE events SET leaf_index = leaf_index + 1000 WHERE leaf_index > 5;"
        "UPDATE events SET leaf_index = leaf_index - 1001 WHERE leaf_index > 5",
    )
    victim.rehash()
    result = victim.verify()
    assert result.level == "none"
    assert "is number 3 of key/keys, but 1 record of it stands before it" in said(result)
    assert "records 4 to 7 are not what" in said(result)


def test_reordered_records_are_found(victim: Victim) -> None:
    """Two records that changed places: each is whole; neither the tree nor their places in the stream are."""
    victim.place.tamper(
        "UPDATE events SET leaf_index = -1 WHERE leaf_index = 4; UPDATE events SET leaf_index = 4 WHERE leaf_index = 5;"
        "UPDATE events SET leaf_index = 5 WHERE leaf_index = -1",
    )
    assert "records 4 to 7 are not what" in said(victim.verify())
    assert victim.verify().level == "none"
    victim.rehash()
    assert victim.verify().level == "none"
    assert "is number 2 of key/keys, but 0 records of it stand before it" in said(victim.verify())


def test_an_inserted_record_is_found(victim: Victim) -> None:
    """A record squeezed in between, with everything renumbered and rehashed, does not fit what was signed."""
    forged = happening(99, event_id="forged")
    make_room = "UPDATE events SET leaf_index = leaf_index + 1001 WHERE leaf_index > 5;"
    victim.place.tamper(make_room + "UPDATE events SET leaf_index = leaf_index - 1000 WHERE leaf_index > 5")
    victim.insert_copy_of_five(6, forged.canonical(), "forged")
    victim.rehash()
    result = victim.verify()
    assert result.level == "none"
    assert "record 6" in said(result)


def test_a_record_appended_past_the_head_is_found(victim: Victim) -> None:
    """An event that was not written by the ledger has no place in its head."""
    victim.insert_copy_of_five(12, happening(99, event_id="forged").canonical(), "forged")
    assert "the head says that there are 12 records, but there are 13" in said(victim.verify())


def test_a_duplicated_record_is_found(victim: Victim) -> None:
    """One event can't have happened twice, not even where the index of ids was dropped."""
    victim.drop_constraints()
    victim.insert_copy_of_five(12, victim.events[5].canonical(), victim.events[5].id)
    victim.rehash()
    result = victim.verify()
    assert result.level == "none"
    assert "stands twice: in record 5 and in record 12" in said(result)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE head SET frontier = zeroblob(72)",
        "UPDATE head SET frontier = 'text'",
        "UPDATE head SET size = 11",
    ],
)
def test_a_changed_head_is_found(victim: Victim, script: str) -> None:
    """The next append would go on from it: a head that does not fit the records is a finding."""
    victim.place.tamper(script)
    result = victim.verify()
    assert result.level == "none"
    assert "the head" in said(result)


def test_a_head_that_was_removed_or_doubled_is_found(victim: Victim) -> None:
    """There is exactly one head."""
    victim.place.tamper("DELETE FROM head")
    assert "has 0 heads" in said(victim.verify())


def test_a_changed_value_beside_the_log_is_found(victim: Victim) -> None:
    """A personal value is not in a leaf, and can't be changed all the same."""
    victim.place.tamper("UPDATE openings SET value = '\"another value\"'")
    assert "is not the one that was committed to" in said(victim.verify())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET type = 'x'",
        "UPDATE events SET stored = NULL, type = 'x'",
        "UPDATE events SET stored = bytes_of('{}')",
        "DELETE FROM events",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints",
        "UPDATE head SET origin = 'x'",
        "DELETE FROM head",
    ],
)
def test_the_triggers_keep_honest_hands_off(victim: Victim, statement: str) -> None:
    """Without dropping them nothing can be changed or deleted; they are a seat belt and not the proof."""
    with pytest.raises(victim.place.error, match="append-only"):
        victim.place.change(statement)
    assert victim.verify().level == "L2"

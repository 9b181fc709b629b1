"""Damage to any byte: of a record, or of the database's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError
from lifecycle.ledger.verifying.verification import verify_ledger
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, checkpointed, said, victim_in


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """One ledger to damage copies of."""
    return victim_in(tmp_path_factory.mktemp("victim"))


@EVERY_DATABASE
@pytest.mark.parametrize("value", ["NULL", "zeroblob(0)", "bytes_of('{}')", "bytes_of('null')", "zeroblob(70000)"])
def test_other_bytes_are_a_finding_and_no_crash(victim: Victim, value: str) -> None:
    """Whatever stands where the record stood is reported."""
    victim.drop_constraints()
    victim.place.tamper(f"UPDATE events SET stored = {value} WHERE leaf_index = 5")
    result = victim.verify()
    assert result.level == "none"
    assert 5 in [finding.index for finding in result.findings]


@pytest.mark.parametrize("value", ["'text'", "12", "1.5", "CAST(x'ff00fe' AS TEXT)"])
@pytest.mark.parametrize("column", ["stored", "leaf_hash", "event_id", "type", "occurred_at_us", "subject_kind"])
def test_a_value_of_another_kind_is_a_finding_and_no_crash(victim: Victim, column: str, value: str) -> None:
    """SQLite takes a value of any kind in any column; the verifier reads them all."""
    victim.drop_constraints()
    victim.place.tamper(f"UPDATE events SET {column} = {value} WHERE leaf_index = 5")
    result = victim.verify()
    assert result.level == "none"
    assert 5 in [finding.index for finding in result.findings]


def test_a_head_of_another_kind_is_a_finding_and_no_crash(victim: Victim) -> None:
    """Neither the size nor the frontier has to be what a head holds."""
    victim.place.tamper("UPDATE head SET size = 'many', frontier = 12")
    result = victim.verify()
    assert result.level == "none"
    assert "the head" in said(result)


@pytest.mark.parametrize("damage", ["root_hash = 'text'", "note = 12", "note = CAST(x'ff00fe' AS TEXT)", "tree_size = 4096"])
def test_a_ledger_checkpoint_of_another_kind_is_a_finding_and_no_crash(victim: Victim, damage: str) -> None:
    """What its columns hold is told as it stands there."""
    victim.drop_constraints()
    victim.place.tamper(f"UPDATE checkpoints SET {damage} WHERE tree_size = (SELECT max(tree_size) FROM checkpoints)")
    result = victim.verify()
    assert "ledger checkpoint" in said(result)
    assert result.level not in ("L1", "L2")


def test_a_table_made_anew_with_a_word_for_an_index_is_a_finding_and_no_crash(victim: Victim) -> None:
    """Its owner can take the key from the table; then any value stands there, and no check can count with it."""
    victim.place.tamper(
        "CREATE TABLE another AS SELECT * FROM events; UPDATE another SET leaf_index = 'five' WHERE leaf_index = 5;"
        "DROP TABLE events; ALTER TABLE another RENAME TO events"
    )
    result = victim.verify()
    assert result.level == "none"
    assert "has a record whose index is 'five'" in said(result)


@pytest.mark.slow
@EVERY_DATABASE
def test_no_flipped_byte_of_a_record_goes_unnoticed(victim: Victim) -> None:
    """Every byte position of a sampled record, one bit of it turned: each time that record is named, and not even L0 is reached."""
    index = 5
    ((whole,),) = victim.place.fetch(f"SELECT stored FROM events WHERE leaf_index = {index}")
    victim.place.tamper("")
    unnoticed = []
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        victim.place.change("UPDATE events SET stored = ? WHERE leaf_index = ?", (bytes(flipped), index))
        result = victim.verify()
        if result.level != "none" or index not in [finding.index for finding in result.findings]:
            unnoticed.append(position)
    assert unnoticed == []
    victim.place.change("UPDATE events SET stored = ? WHERE leaf_index = ?", (whole, index))
    assert victim.verify().level == "L2"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(index=st.integers(0, 11), data=st.data())
def test_no_changed_byte_of_any_record_goes_unnoticed(template: Victim, tmp_path: Path, index: int, data: st.DataObject) -> None:
    """Whatever byte of whatever record is changed to whatever else: that record is named."""
    file = tmp_path / "flipped.db"
    file.unlink(missing_ok=True)
    file.write_bytes(checkpointed(template))
    with closing(sqlite3.connect(file)) as connection:
        stored = bytearray(connection.execute("SELECT stored FROM events WHERE leaf_index = ?", (index,)).fetchone()[0])
        at = data.draw(st.integers(0, len(stored) - 1))
        stored[at] ^= data.draw(st.integers(1, 255))
        connection.execute("DROP TRIGGER events_refuse_update")
        connection.execute("UPDATE events SET stored = ? WHERE leaf_index = ?", (bytes(stored), index))
        connection.commit()
    result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    assert result.level == "none"
    assert index in [finding.index for finding in result.findings]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_ends_in_a_finding_or_in_an_error_of_ours(template: Victim, tmp_path: Path, data: st.DataObject) -> None:
    """Random damage to the file itself never crashes the verifier, and never makes it say that other records hold."""
    content = bytearray(checkpointed(template))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.db"
    file.write_bytes(content)
    try:
        result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    except LifecycleError:
        return
    if result.ok:
        # The damage missed everything that is read: free space, an index, a statistic.
        assert (result.size, result.root) == (12, verify_ledger(template.url, template.log_key).root)

"""Attacks that make everything fit again: only signatures, and checkpoints that others hold, show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signing import sign_ledger
from lifecycle.ledger.verification import verify_ledger
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from tests.ledger.happenings import ORIGIN, happening, tamper
from tests.ledger.victim import ALTER_FIVE, Victim, checkpointed, said


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path)


def test_a_record_edited_with_its_hash_is_narrowed_down_by_the_checkpoints(victim: Victim) -> None:
    """Bytes, hash and head were made to fit: the signatures do not, and say between which records to look."""
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "records 4 to 7 are not what the ledger checkpoint of 8 records covers" in said(result)


def test_a_log_rebuilt_without_the_key_is_found(victim: Victim) -> None:
    """Checkpoints signed by a key of the attacker's own do not count."""
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(SigningKey.generate(ORIGIN))
    result = victim.verify()
    assert result.level == "L0"
    assert "not signed by a known key" in said(result)


def test_a_log_rebuilt_with_the_stolen_key_passes_l1_and_fails_l2(victim: Victim) -> None:
    """Whoever has the key can rewrite everything that nobody else holds; what the auditor held shows it."""
    key = SigningKey.parse((victim.keys / "ledger.key").read_text(encoding="utf-8"))
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(key)
    assert verify_ledger(victim.url, victim.log_key).level == "L1"
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "not what the ledger checkpoint that you hold covers" in said(result)


def test_a_truncated_tail_is_named(victim: Victim) -> None:
    """Dropping the last records under a kept checkpoint fails L1, with the number of records that are gone."""
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 9")
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "covers 10 records, but the ledger has 9: the last 1 were dropped" in said(result)


def test_a_tail_truncated_with_its_checkpoints_needs_a_held_one(victim: Victim) -> None:
    """The rest is a whole and signed ledger; only what the auditor held tells of more."""
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 6; DELETE FROM checkpoints WHERE tree_size > 6")
    victim.rehash()
    assert verify_ledger(victim.url, victim.log_key).ok
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold covers 8 records, but the ledger has 6: the last 2 were dropped" in said(result)


def test_records_that_no_checkpoint_covers_can_be_dropped_unseen_and_it_says_how_many(victim: Victim) -> None:
    """The honest limit: the unsigned tail is counted in every result, so that nobody relies on it."""
    assert victim.verify().unsigned == 2
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 10")
    victim.rehash()
    assert (victim.verify().ok, victim.verify().unsigned) == (True, 0)


def test_a_restored_old_backup_is_found_by_what_was_held(victim: Victim, tmp_path: Path) -> None:
    """An old copy put in the place of the ledger is whole, and too short."""
    old = Victim(tmp_path / "old")
    tamper(old.file, "DELETE FROM events WHERE leaf_index >= 4; DELETE FROM checkpoints WHERE tree_size > 4")
    old.rehash()
    result = verify_ledger(old.url, old.log_key, old.held)
    assert (result.ok, result.level) == (False, "L1")
    assert "were dropped" in said(result)


def test_two_views_of_one_log_are_told_apart(victim: Victim, tmp_path: Path) -> None:
    """A fork: both views are signed by the log, and neither goes on from the other's checkpoint."""
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        view = ledger.copy_to(tmp_path / "view.db")
        ledger.append(happening(100))
    with Ledger.open(view, origin=ORIGIN) as other:
        other.append(happening(200))
    shown_to_others = victim.sign()
    forked_key = tmp_path / "forked" / "ledger.key"
    forked_key.parent.mkdir()
    forked_key.touch(mode=0o600)
    forked_key.write_bytes((victim.keys / "ledger.key").read_bytes())
    shown_to_the_auditor = sign_ledger(view, forked_key, ORIGIN)
    assert verify_ledger(victim.url, victim.log_key, shown_to_others).level == "L2"
    assert verify_ledger(view, victim.log_key, shown_to_the_auditor).level == "L2"
    assert not verify_ledger(victim.url, victim.log_key, shown_to_the_auditor).ok
    assert not verify_ledger(view, victim.log_key, shown_to_others).ok


def test_a_checkpoint_of_another_log_is_not_accepted(victim: Victim) -> None:
    """A note of another log, signed by its own key, does not stand in for the one that was held."""
    other = SigningKey.generate("example.org/other")
    result = verify_ledger(victim.url, victim.log_key, sign(Checkpoint(other.name, 8, bytes(32)), other))
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold does not count" in said(result)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE checkpoints SET note = 'nothing' WHERE tree_size = 8",
        "UPDATE checkpoints SET root_hash = zeroblob(32) WHERE tree_size = 8",
        "UPDATE checkpoints SET tree_size = 7 WHERE tree_size = 8",
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE tree_size = 4) WHERE tree_size = 8",
        "UPDATE checkpoints SET note = replace(note, char(10) || '8' || char(10), char(10) || '9' || char(10)) WHERE tree_size = 8",
    ],
)
def test_a_changed_checkpoint_is_named(victim: Victim, script: str) -> None:
    """Note, root and size of every kept checkpoint are held against each other and against the tree."""
    tamper(victim.file, script)
    result = verify_ledger(victim.url, victim.log_key)
    assert (result.ok, result.level) == (False, "L0")
    assert "ledger checkpoint of" in said(result)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """One ledger to copy for many attacks."""
    victim = Victim(tmp_path_factory.mktemp("template"))
    checkpointed(victim)
    return victim


def move(*moves: tuple[int, int]) -> str:
    """Puts records in other places, one after the other."""
    return "".join(f"UPDATE events SET leaf_index = {to} WHERE leaf_index = {here};" for here, to in moves)


def close_gap(index: int) -> str:
    """Deletes a record and moves those behind it up."""
    behind = f"UPDATE events SET leaf_index = leaf_index + 1000 WHERE leaf_index > {index};"
    return (
        f"DELETE FROM events WHERE leaf_index = {index}; {behind} UPDATE events SET leaf_index = leaf_index - 1001 WHERE leaf_index > 999;"
    )


#: What can be done to a record that the auditor's checkpoint covers.
CHANGES = st.one_of(
    st.integers(0, 7).map(
        lambda index: f"UPDATE events SET stored = CAST(CAST(stored AS TEXT) || ' ' AS BLOB) WHERE leaf_index = {index};"
    ),
    st.integers(0, 7).map(lambda index: f"DELETE FROM events WHERE leaf_index = {index};"),
    st.integers(0, 7).map(close_gap),
    st.tuples(st.integers(0, 7), st.integers(8, 11)).map(lambda pair: move((pair[0], -1), (pair[1], pair[0]), (-1, pair[1]))),
    st.integers(0, 7).map(
        lambda length: f"DELETE FROM events WHERE leaf_index >= {length}; DELETE FROM checkpoints WHERE tree_size > {length};"
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.lists(CHANGES, min_size=1, max_size=3), careful=st.booleans(), thief=st.booleans())
def test_no_change_of_what_was_held_goes_unnoticed(
    template: Victim, tmp_path: Path, changes: list[str], careful: bool, thief: bool
) -> None:
    """Any mix of edits, deletions, moves and cuts, made to fit or not, signed anew with the stolen key or not: L2 is not reached."""
    victim = template.copy_to(tmp_path / "copy")
    tamper(victim.file, "".join(changes))
    assume(victim.held_records() != template.held_records())
    if careful or thief:
        victim.rehash()
    if thief:
        victim.rebuild_checkpoints(SigningKey.parse((victim.keys / "ledger.key").read_text(encoding="utf-8")))
    result = victim.verify()
    assert not result.ok
    assert result.level != "L2"

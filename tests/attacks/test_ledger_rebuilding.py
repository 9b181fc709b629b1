"""Attacks that make everything fit again: only signatures, and checkpoints that others hold, show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import ALTER_FIVE, Victim, said

pytestmark = EVERY_DATABASE


def test_a_record_edited_with_its_hash_is_narrowed_down_by_the_checkpoints(victim: Victim) -> None:
    """Bytes, hash and head were made to fit: the signatures do not, and say between which records to look."""
    victim.place.tamper(ALTER_FIVE)
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "records 4 to 7 are not what the ledger checkpoint of 8 records covers" in said(result)


def test_a_log_rebuilt_without_the_key_is_found(victim: Victim) -> None:
    """Checkpoints signed by a key of the attacker's own do not count."""
    victim.place.tamper(ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(SigningKey.generate(ORIGIN))
    result = victim.verify()
    assert result.level == "L0"
    assert "not signed by a known key" in said(result)


def test_a_log_rebuilt_with_the_stolen_key_passes_l1_and_fails_l2(victim: Victim) -> None:
    """Whoever has the key can rewrite everything that nobody else holds; what the auditor held shows it."""
    victim.place.tamper(ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(victim.stolen_key)
    assert verify_ledger(victim.url, victim.log_key).level == "L1"
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "not what the ledger checkpoint that you hold covers" in said(result)


def test_a_truncated_tail_is_named(victim: Victim) -> None:
    """Dropping the last records under a kept checkpoint fails L1, with the number of records that are gone."""
    victim.place.tamper("DELETE FROM events WHERE leaf_index >= 9")
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "covers 10 records, but the ledger has 9: the last 1 were dropped" in said(result)


def test_a_tail_truncated_with_its_checkpoints_needs_a_held_one(victim: Victim) -> None:
    """The rest is a whole and signed ledger; only what the auditor held tells of more."""
    victim.place.tamper("DELETE FROM events WHERE leaf_index >= 6; DELETE FROM checkpoints WHERE tree_size > 6")
    victim.rehash()
    assert verify_ledger(victim.url, victim.log_key).ok
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold covers 8 records, but the ledger has 6: the last 2 were dropped" in said(result)


def test_records_that_no_checkpoint_covers_can_be_dropped_unseen_and_it_says_how_many(victim: Victim) -> None:
    """The honest limit: the unsigned tail is counted in every result, so that nobody relies on it."""
    assert victim.verify().unsigned == 2
    victim.place.tamper("DELETE FROM events WHERE leaf_index >= 10")
    victim.rehash()
    assert (victim.verify().ok, victim.verify().unsigned) == (True, 0)


def test_a_restored_old_backup_is_found_by_what_was_held_and_by_the_signer(victim: Victim) -> None:
    """An old copy put in the place of the ledger is whole and signed, and too short; the signer gives it no signature."""
    old = victim.twin()
    for number in range(3):
        with Ledger.open(victim.url, origin=ORIGIN) as ledger:
            ledger.append(happening(number))
    later = victim.sign()
    assert verify_ledger(old.url, old.log_key).ok
    result = verify_ledger(old.url, old.log_key, later)
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold covers 15 records, but the ledger has 12: the last 3 were dropped" in said(result)
    with pytest.raises(Tampered, match="its tail was dropped"):
        old.sign()
    assert old.place.fetch("SELECT max(tree_size) FROM checkpoints") == [(10,)]


def test_an_old_backup_that_went_on_otherwise_is_found(victim: Victim) -> None:
    """A restored copy that was appended to until it is long enough has another past than the one that was held."""
    old = victim.twin()
    for place, first in ((victim, 0), (old, 100)):
        with Ledger.open(place.url, origin=ORIGIN) as ledger, ledger.writing() as writer:
            writer.append_all([happening(first + number) for number in range(3)])
    later = victim.sign()
    result = verify_ledger(old.url, old.log_key, later)
    assert (result.ok, result.level) == (False, "L1")
    assert "one or more of the records 10 to 14 are not what the ledger checkpoint that you hold covers" in said(result)
    with pytest.raises(Tampered):
        old.sign()


def test_two_views_of_one_log_are_told_apart(victim: Victim, tmp_path: Path) -> None:
    """A fork: both views are signed by the log, and neither goes on from the other's checkpoint."""
    view = victim.twin()
    for one, number in ((victim, 100), (view, 200)):
        with Ledger.open(one.url, origin=ORIGIN) as ledger:
            ledger.append(happening(number))
    shown_to_others = victim.sign()
    forked_key = tmp_path / "forked" / "ledger.key"
    forked_key.parent.mkdir()
    forked_key.touch(mode=0o600)
    forked_key.write_bytes((victim.keys / "ledger.key").read_bytes())
    shown_to_the_auditor = sign_ledger(view.url, forked_key, ORIGIN)
    assert verify_ledger(victim.url, victim.log_key, shown_to_others).level == "L2"
    assert verify_ledger(view.url, victim.log_key, shown_to_the_auditor).level == "L2"
    for url, note in ((victim.url, shown_to_the_auditor), (view.url, shown_to_others)):
        result = verify_ledger(url, victim.log_key, note)
        assert (result.ok, result.level) == (False, "L1")
        assert "not what the ledger checkpoint that you hold covers" in said(result)


def test_a_checkpoint_of_another_log_is_not_accepted(victim: Victim) -> None:
    """A note of another log, signed by its own key, does not stand in for the one that was held."""
    other = SigningKey.generate("example.org/other")
    result = verify_ledger(victim.url, victim.log_key, sign(Checkpoint(other.name, 8, bytes(32)), other))
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold does not count" in said(result)


def test_a_checkpoint_of_another_log_under_the_same_name_and_key_is_found(victim: Victim, tmp_path: Path) -> None:
    """A note that the same key signed over other records of the same name does not fit these."""
    note = sign(Checkpoint(ORIGIN, 8, bytes(32)), victim.stolen_key)
    result = verify_ledger(victim.url, victim.log_key, note)
    assert (result.ok, result.level) == (False, "L1")
    assert "not what the ledger checkpoint that you hold covers" in said(result)


def test_a_checkpoint_of_another_log_laid_into_the_ledger_is_found(victim: Victim) -> None:
    """Replayed among the kept ones, it breaks L1: it is not signed by this log, or is not over these records."""
    other = SigningKey.generate("example.org/other")
    for key, told in ((other, "does not count"), (victim.stolen_key, "not what the ledger checkpoint of 9 records covers")):
        replayed = victim.twin()
        note = sign(Checkpoint(key.name, 9, bytes(32)), key)
        replayed.place.change("INSERT INTO checkpoints VALUES (?, ?, ?)", (9, bytes(32), note))
        result = replayed.verify()
        assert (result.ok, result.level) == (False, "L0")
        assert told in said(result)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE checkpoints SET note = 'nothing' WHERE tree_size = 8",
        "UPDATE checkpoints SET root_hash = zeroblob(32) WHERE tree_size = 8",
        "UPDATE checkpoints SET tree_size = 7 WHERE tree_size = 8",
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE tree_size = 4) WHERE tree_size = 8",
        "UPDATE checkpoints SET note = replace(note, '\n8\n', '\n9\n') WHERE tree_size = 8",
    ],
)
def test_a_changed_checkpoint_is_named(victim: Victim, script: str) -> None:
    """Note, root and size of every kept checkpoint are held against each other and against the tree."""
    victim.place.tamper(script)
    result = verify_ledger(victim.url, victim.log_key)
    assert (result.ok, result.level) == (False, "L0")
    assert "ledger checkpoint of" in said(result)

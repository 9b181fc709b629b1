"""Backup and restore, on both databases: the backup is a ledger, the restore is a record, and what was lost is named."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, UnknownName
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.gates.standing import body_of
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.erasure import erase
from lifecycle.life.keeping.holding import holds_of, place_hold
from lifecycle.life.keeping.restoring import restore
from lifecycle.life.people.enrolment import enrol
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.bodies.keeping import LedgerRestored
from tests.ledger.happenings import revoked
from tests.ledger.places import EVERY_DATABASE, place, server
from tests.life.restorable import REASON, RestorableHome, file, findings, restorable

__all__ = ["file", "place", "restorable", "server"]

pytestmark = EVERY_DATABASE


def test_a_backup_is_a_ledger_that_verifies(restorable: RestorableHome, file: Path) -> None:
    """A SQLite file with every record, ledger checkpoint, projection and value, wholly signed, for its owner alone."""
    done = back_up(restorable.departments, file)
    departments = restorable.departments
    result = verify_ledger(f"sqlite:///{file}", departments.ledger_key, done.note)
    assert (result.ok, result.level, result.size, result.unsigned) == (True, "L2", 4, 0)
    assert done.size == 4
    assert Checkpoint.parse(done.note).size == 4
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with Ledger.open(f"sqlite:///{file}", origin=departments.settings.origin) as copy:
        assert copy.events() == departments.ledger.events()
        assert copy.states("local") == departments.ledger.states("local")


def test_a_backup_never_overwrites(restorable: RestorableHome, file: Path) -> None:
    """Whatever lies there is worth more than a mistyped name."""
    file.parent.mkdir()
    file.write_text("an older backup")
    with pytest.raises(InvalidDeclaration, match="stands already"):
        back_up(restorable.departments, file)
    assert file.read_text() == "an older backup"


def test_a_damaged_ledger_makes_no_backup(restorable: RestorableHome, file: Path) -> None:
    """A backup that would not verify is no backup; nothing of it is left."""
    restorable.place.tamper("UPDATE events SET subject_name = 'other' WHERE leaf_index = 2")
    with pytest.raises(Tampered, match="can't be relied on"):
        back_up(restorable.departments, file)
    assert list(file.parent.iterdir()) == []


def test_whoever_can_have_no_backup_is_told_what_to_do_instead(restorable: RestorableHome, file: Path) -> None:
    """The refusal is for good, so it says how what there is can be kept, and from where the ledger can go on."""
    restorable.place.tamper("UPDATE events SET subject_name = 'other' WHERE leaf_index = 2")
    with pytest.raises(Tampered, match="makes no backup that a restore would take") as refused:
        back_up(restorable.departments, file)
    assert "record 2 " in refused.value.what
    copied = "pg_dump" if restorable.place.file is None else ".backup COPY.db"
    for said in (copied, "lifecycle ledger restore", "every later backup"):
        assert said in refused.value.next_step


def test_a_restore_is_the_next_record_and_names_what_is_lost(restorable: RestorableHome, file: Path) -> None:
    """It holds the last ledger checkpoint that was known, and the signer goes on from it."""
    back_up(restorable.departments, file)
    last = restorable.happen(5)
    done = restore(restorable.departments, file, reason=REASON)
    departments = restorable.departments
    body = body_of(departments.ledger.events(since=4, limit=1)[0], LedgerRestored)
    assert (done.index, done.lost, done.backup_size, done.before_is_known) == (4, 5, 4, True)
    assert (body.backup_size, body.lost, body.last_known, body.reason) == (4, 5, last, REASON)
    assert findings(restorable) == []
    assert Checkpoint.parse(done.note).size == 5
    restorable.happen(2)
    assert findings(restorable, done.note) == []


def test_a_restore_at_the_very_size_of_what_was_signed_goes_on(restorable: RestorableHome, file: Path) -> None:
    """One record was lost and one says so: two heads of one size, and only the one that declares it is signed."""
    back_up(restorable.departments, file)
    restorable.happen(1)
    done = restore(restorable.departments, file, reason=REASON)
    assert (done.lost, Checkpoint.parse(done.note).size) == (1, 5)
    restorable.happen(1)
    assert findings(restorable, done.note) == []


def test_a_restore_without_a_loss_says_so(restorable: RestorableHome, file: Path) -> None:
    """Nothing came after the backup."""
    held = back_up(restorable.departments, file).note
    done = restore(restorable.departments, file, reason=REASON)
    assert done.lost == 0
    assert findings(restorable, held) == []


def test_whoever_held_a_later_checkpoint_sees_the_loss_and_that_it_was_declared(restorable: RestorableHome, file: Path) -> None:
    """At L2 the ledger does not go on from what they held; that record 4 says so is told beside it."""
    back_up(restorable.departments, file)
    held = restorable.happen(5)
    restore(restorable.departments, file, reason=REASON)
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key, held)
    assert (result.ok, result.level) == (False, "L1")
    assert {found.breaks for found in result.findings} == {"L2"}
    assert "records 4 to 8 are lost" in " ".join(found.what for found in result.notices)


def test_the_ledger_before_is_kept_aside(restorable: RestorableHome, file: Path) -> None:
    """With everything that it held, as evidence."""
    back_up(restorable.departments, file)
    last = restorable.happen(5)
    done = restore(restorable.departments, file, reason=REASON)
    assert done.replaced is not None
    departments = restorable.departments
    result = verify_ledger(f"sqlite:///{done.replaced}", departments.ledger_key, last)
    assert (result.ok, result.level, result.size) == (True, "L2", 9)


def test_what_was_erased_after_the_backup_stays_erased(restorable: RestorableHome, file: Path) -> None:
    """The backup still has the value; the restored ledger does not, and says so again."""
    back_up(restorable.departments, file)
    assert b"Quillfeather" in file.read_bytes()
    erase(restorable.departments, "ann", reason="Request 4711.")
    restorable.sign()
    done = restore(restorable.departments, file, reason=REASON)
    assert done.repeated == ("SubjectErased",)
    assert findings(restorable) == []
    with pytest.raises(UnknownName):
        erase(restorable.departments, "ann", reason="Again.")
    kept = [path for path in restorable.home.rglob("*") if path.is_file() and b"Quillfeather" in path.read_bytes()]
    assert kept == []


def test_what_is_held_and_whose_key_is_revoked_stays_so(restorable: RestorableHome, file: Path) -> None:
    """A restore releases no hold, also not one on somebody whom the ledger does not name."""
    back_up(restorable.departments, file)
    place_hold(restorable.departments, "customer-7", reason="Case 12/2026.")
    place_hold(restorable.departments, None, reason="Case 13/2026.")
    restore(restorable.departments, file, reason=REASON)
    assert [hold.name for hold in holds_of(restorable.departments)] == ["customer-7", None]
    assert findings(restorable) == []


def test_a_version_that_was_revoked_stays_revoked(restorable: RestorableHome, file: Path) -> None:
    """Unless it came after the backup, and is gone itself."""
    back_up(restorable.departments, file)
    restorable.happen(1)
    departments = restorable.departments
    for version in (2, 4):
        departments.ledger.append(revoked(version, model="fraud"))
    restorable.sign()
    assert restore(restorable.departments, file, reason=REASON).repeated == ("VersionRevoked",)
    states = restorable.departments.ledger.states("local")
    assert (states["fraud", 2], states["fraud", 1], states.get(("fraud", 4))) == ("revoked", "trained", None)
    assert findings(restorable) == []


def test_a_restore_of_a_ledger_that_is_damaged_says_what_it_can_not_know(restorable: RestorableHome, file: Path) -> None:
    """What it held after the backup is not believed; the loss is counted all the same, by the signer's memory."""
    back_up(restorable.departments, file)
    restorable.happen(5)
    restorable.place.tamper("UPDATE events SET stored = bytes_of('{}') WHERE leaf_index = 6")
    done = restore(restorable.departments, file, reason=REASON)
    assert (done.lost, done.before_is_known, done.repeated) == (5, False, ())
    assert findings(restorable) == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("UPDATE events SET stored = CAST(replace(CAST(stored AS TEXT), 'cpu', 'gpu') AS BLOB) WHERE leaf_index = 2", "was altered"),
        ("DELETE FROM checkpoints WHERE tree_size = 4", "never signed"),
        ("DELETE FROM checkpoints", "no signature of this log covers it"),
    ],
    ids=["a record was altered", "its end is not signed", "nothing of it is signed"],
)
def test_a_backup_that_can_not_be_relied_on_is_refused(restorable: RestorableHome, file: Path, script: str, told: str) -> None:
    """Before anything is touched."""
    restorable.happen(1)
    back_up(restorable.departments, file)
    with closing(sqlite3.connect(file)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript(script.replace("tree_size = 4", "tree_size = 5"))
    before = restorable.departments.ledger.head()
    with pytest.raises(Tampered, match=told):
        restore(restorable.departments, file, reason=REASON)
    assert restorable.departments.ledger.head() == before


def test_the_backup_of_another_ledger_is_refused(restorable: RestorableHome, file: Path, tmp_path: Path) -> None:
    """It has another key and another past."""
    from tests.ledger.places import SqlitePlace

    (tmp_path / "other").mkdir()
    other = RestorableHome(tmp_path / "other", SqlitePlace(tmp_path / "other" / "ledger.db"))
    back_up(other.departments, file)
    other.close()
    with pytest.raises(Tampered, match="can't be relied on"):
        restore(restorable.departments, file, reason=REASON)


def test_a_checkpoint_from_elsewhere_counts_where_this_home_has_lost_its_own(restorable: RestorableHome, file: Path) -> None:
    """The signer's memory is gone with the disk; what an auditor kept says how much was lost."""
    back_up(restorable.departments, file)
    kept_elsewhere = restorable.happen(5)
    (restorable.home / "keys" / "ledger.state").unlink()
    restorable.place.tamper("DELETE FROM events WHERE leaf_index > 2; DELETE FROM checkpoints")
    for beside in (restorable.place.file.parent if restorable.place.file else restorable.home).glob("checkpoint"):
        beside.unlink()
    done = restore(restorable.departments, file, reason=REASON, last_known=kept_elsewhere)
    assert (done.lost, done.last_known) == (5, kept_elsewhere)


def test_a_signer_whose_memory_was_set_back_is_told(restorable: RestorableHome, file: Path) -> None:
    """It would sign a second past; nothing is touched."""
    back_up(restorable.departments, file)
    restorable.happen(1)
    state = (restorable.home / "keys" / "ledger.state").read_bytes()
    restorable.happen(4)
    (restorable.home / "keys" / "ledger.state").write_bytes(state)
    with pytest.raises(Tampered, match="its memory was set back"):
        restore(restorable.departments, file, reason=REASON)


def test_a_note_that_this_log_did_not_sign_is_refused(restorable: RestorableHome, file: Path) -> None:
    """What the operator passes by hand counts only under the log's key."""
    note = back_up(restorable.departments, file).note
    head, _, signature = note.partition("\n\n")
    forged = head.replace("\n4\n", "\n9\n") + "\n\n" + signature
    with pytest.raises(Tampered):
        restore(restorable.departments, file, reason=REASON, last_known=forged)
    assert base64.b64encode(restorable.departments.ledger.head().root).decode() in note


def test_enrolling_goes_on_after_a_restore(restorable: RestorableHome, file: Path) -> None:
    """The restored ledger takes the next record, at the next place of its stream."""
    back_up(restorable.departments, file)
    restore(restorable.departments, file, reason=REASON)
    enrol(restorable.departments, "cy", display_name="Cy Later")
    assert findings(restorable) == []

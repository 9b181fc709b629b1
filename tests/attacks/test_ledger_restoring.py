"""An old copy is put back, in silence or with a lie: the signer refuses it, and whoever held a later ledger checkpoint sees it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.restoring import restore
from lifecycle.life.recording import COMMAND_LINE
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.records.bodies.keeping import LedgerRestored
from lifecycle.records.events import Event, Subject
from tests.ledger.happenings import trained
from tests.ledger.places import place
from tests.life.restorable import REASON, RestorableHome, file, restorable

__all__ = ["file", "place", "restorable"]


def put_back(restorable: RestorableHome, file: Path) -> None:
    """What an operator does who wants the latest records gone: the old file in the place of the new."""
    restorable.close()
    standing = restorable.place.file
    assert standing is not None
    for beside in standing.parent.glob("ledger.db*"):
        beside.unlink()
    shutil.copyfile(file, standing)


def say_restored(restorable: RestorableHome, **said: object) -> None:
    """Appends a LedgerRestored of one's own making."""
    settings = restorable.departments.settings
    root = restorable.departments.ledger.head().root
    body = LedgerRestored.model_validate({"backup_root": f"sha256:{root.hex()}", "reason": "trust me", **said})
    event = Event.happened(body, subject=Subject(kind="ledger", name="ledger"), actor=COMMAND_LINE, environment="local")
    with Ledger.open(settings.ledger_url, origin=settings.origin) as ledger:
        ledger.append(event)


def refused(restorable: RestorableHome, held: str) -> str:
    """Why the signer refuses; and that an auditor who holds `held` sees it at L2 and reaches no more than L1."""
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key, held)
    assert not result.ok
    assert "L2" in {found.breaks for found in result.findings}
    assert result.level in ("none", "L0", "L1")
    checkpoints = restorable.place.fetch("SELECT tree_size FROM checkpoints")
    with pytest.raises(Tampered) as caught:
        restorable.sign()
    assert restorable.place.fetch("SELECT tree_size FROM checkpoints") == checkpoints
    return caught.value.what


def test_an_old_copy_put_back_in_silence_is_refused(restorable: RestorableHome, file: Path) -> None:
    """Its tail is missing, and nothing says why."""
    back_up(restorable.departments, file)
    held = restorable.happen(5)
    put_back(restorable, file)
    assert "its tail was dropped" in refused(restorable, held)


def test_an_old_copy_that_grew_past_what_was_signed_is_refused(restorable: RestorableHome, file: Path) -> None:
    """Other records in the place of those that were signed."""
    back_up(restorable.departments, file)
    held = restorable.happen(2)
    put_back(restorable, file)
    settings = restorable.departments.settings
    with Ledger.open(settings.ledger_url, origin=settings.origin) as ledger:
        for version in range(50, 55):
            ledger.append(trained(version, model="fraud"))
    assert "not what its records hash to" in refused(restorable, held)


@pytest.mark.parametrize("lie", ["fewer are lost", "nothing was known", "a note of its own", "it was another backup", "an older note"])
def test_a_restore_that_lies_about_the_loss_is_refused(restorable: RestorableHome, file: Path, lie: str) -> None:
    """Only what names exactly the tree that the signer remembers is taken for a restore."""
    older = back_up(restorable.departments, file).note
    held = restorable.happen(5)
    forger = SigningKey.generate(restorable.departments.settings.origin)
    forged = sign(Checkpoint(forger.name, 9, Checkpoint.parse(held).root_hash), forger)
    put_back(restorable, file)
    said: dict[str, dict[str, object]] = {
        "fewer are lost": {"backup_size": 4, "last_known": held, "lost": 1},
        "nothing was known": {"backup_size": 4, "last_known": None, "lost": 0},
        "a note of its own": {"backup_size": 4, "last_known": forged, "lost": 5},
        "it was another backup": {"backup_size": 3, "last_known": held, "lost": 6},
        "an older note": {"backup_size": 4, "last_known": older, "lost": 0},
    }
    say_restored(restorable, **said[lie])
    refused(restorable, held)


@pytest.mark.parametrize("said", [{"backup_size": 3, "lost": 6}, {"backup_size": 4, "lost": 1}], ids=["another size", "another loss"])
def test_a_restore_that_contradicts_itself_is_named(restorable: RestorableHome, file: Path, said: dict[str, object]) -> None:
    """Nobody needs an older ledger checkpoint to see that its numbers are not those of its place and of its note."""
    back_up(restorable.departments, file)
    held = restorable.happen(5)
    put_back(restorable, file)
    say_restored(restorable, last_known=held, **said)
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key)
    assert [(found.index, "says of a restore what can't be" in found.what) for found in result.findings] == [(4, True)]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE events SET stored = CAST(replace(CAST(stored AS TEXT), 'cpu', 'gpu') AS BLOB) WHERE leaf_index = 2",
        "DELETE FROM checkpoints",
    ],
    ids=["a record of the backup was edited", "the backup is not signed"],
)
def test_a_declared_restore_of_what_was_never_signed_is_refused(restorable: RestorableHome, file: Path, edit: str) -> None:
    """The loss is declared in full, but the backup is not what this log signed."""
    back_up(restorable.departments, file)
    held = restorable.happen(5)
    put_back(restorable, file)
    restorable.place.tamper(edit)
    say_restored(restorable, backup_size=4, last_known=held, lost=5)
    assert "what it holds of that is not what was signed" in refused(restorable, held)


def test_a_declared_restore_can_not_be_played_again(restorable: RestorableHome, file: Path) -> None:
    """What was recorded after an honest restore can't be dropped by putting the restored copy back."""
    back_up(restorable.departments, file)
    restorable.happen(5)
    restore(restorable.departments, file, reason=REASON)
    restorable.close()
    after = file.with_name("after.db")
    standing = restorable.place.file
    assert standing is not None
    with closing(sqlite3.connect(standing)) as connection:
        connection.execute("VACUUM INTO ?", (str(after),))
    held = restorable.happen(7)
    put_back(restorable, after)
    assert "its tail was dropped" in refused(restorable, held)


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("DELETE FROM openings", "is missing, and no erasure says why"),
        ("UPDATE openings SET value = replace(value, 'Quill', 'Drill')", "is not the one that was committed to"),
    ],
    ids=["taken away", "changed"],
)
def test_a_value_taken_away_without_an_erasure_is_named(restorable: RestorableHome, attack: str, told: str) -> None:
    """Whoever may write the database can delete the value; only an erasure makes that right."""
    restorable.place.tamper(attack)
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key)
    assert [(found.breaks, told in found.what) for found in result.findings] == [("L0", True)]


def test_a_value_that_was_erased_and_is_put_back_is_named(restorable: RestorableHome, tmp_path: Path) -> None:
    """An erasure is not undone in silence either."""
    from lifecycle.life.keeping.erasure import erase

    kept = restorable.place.fetch("SELECT commitment, subject, salt_hex, value FROM openings")
    erase(restorable.departments, "ann", reason="Request 4711.")
    restorable.place.change("INSERT INTO openings VALUES (?, ?, ?, ?)", kept[0])
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key)
    assert [(found.index, "was erased, but it is kept again" in found.what) for found in result.findings] == [(4, True)]

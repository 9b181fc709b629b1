"""Restoring a ledger that is a file: under nobody who uses it, and where nothing is left of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.looking import LookingLedger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.erasure import erase
from lifecycle.life.keeping.restoring import restore
from lifecycle.life.people.enrolment import enrol
from tests.ledger.happenings import revoked
from tests.ledger.places import place
from tests.life.restorable import REASON, RestorableHome, file, findings, restorable

__all__ = ["file", "place", "restorable"]


def test_a_ledger_that_is_in_use_is_not_replaced(restorable: RestorableHome, file: Path) -> None:
    """Whoever has it open would go on writing into the file that was put aside."""
    back_up(restorable.departments, file)
    with closing(sqlite3.connect(restorable.place.file or "")) as somebody:
        somebody.execute("SELECT * FROM head").fetchall()
        with pytest.raises(Unavailable, match="is in use"):
            restore(restorable.departments, file, reason=REASON)
    assert restorable.departments.ledger.head().size == 4


@pytest.mark.parametrize("loss", ["it is gone", "it is no database any more"])
def test_a_ledger_that_is_gone_is_restored(restorable: RestorableHome, file: Path, loss: str) -> None:
    """That is what a backup is for; what lay there is kept as it is."""
    back_up(restorable.departments, file)
    restorable.happen(5)
    standing = restorable.place.file
    assert standing is not None
    for beside in standing.parent.glob("ledger.db-*"):
        beside.unlink()
    if loss == "it is gone":
        standing.unlink()
    else:
        standing.write_bytes(b"\x00" * 4_096 + b"no database")
    done = restore(restorable.departments, file, reason=REASON)
    assert (done.lost, done.before_is_known) == (5, False)
    assert (done.replaced is None) == (loss == "it is gone")
    assert findings(restorable) == []


def test_an_erasure_reaches_the_ledger_that_is_kept_aside(restorable: RestorableHome, file: Path) -> None:
    """Its leaves stay as evidence; the value that it holds beside them goes, also where the ledger in use never had it."""
    back_up(restorable.departments, file)
    enrol(restorable.departments, "dee", display_name="Dee Later-Than-The-Backup")
    restorable.sign()
    done = restore(restorable.departments, file, reason=REASON)
    assert done.replaced is not None
    assert b"Dee Later" in done.replaced.read_bytes()
    for person in ("dee", "ann"):
        erase(restorable.departments, person, reason="Request 4711.")
    left = [path for path in restorable.home.parent.rglob("*") if path.is_file() and path != file]
    assert not [path for path in left for name in (b"Dee Later", b"Quillfeather") if name in path.read_bytes()]
    assert findings(restorable) == []
    departments = restorable.departments
    aside = verify_ledger(f"sqlite:///{done.replaced}", departments.ledger_key, structure_only=True)
    assert aside.ok


def test_an_erasure_takes_what_a_killed_restore_left(restorable: RestorableHome, file: Path) -> None:
    """A copy of the backup, with every value in it."""
    back_up(restorable.departments, file)
    standing = restorable.place.file
    assert standing is not None
    (standing.parent / ".restoring-x1").mkdir()
    (standing.parent / ".restoring-x1" / "ledger.db").write_bytes(file.read_bytes())
    erase(restorable.departments, "ann", reason="Request 4711.")
    assert not (standing.parent / ".restoring-x1").exists()


def test_a_ledger_aside_that_can_not_be_read_is_told(restorable: RestorableHome) -> None:
    """What it holds is out of reach, and whoever erases learns where it lies."""
    standing = restorable.place.file
    assert standing is not None
    damaged = standing.with_name("replaced-20260101T000000.000000Z.db")
    damaged.write_bytes(b"\x00" * 5_000)
    done = erase(restorable.departments, "ann", reason="Request 4711.")
    assert str(damaged) in " ".join(done.beyond_reach)


def test_the_backup_is_asked_once_however_much_was_revoked(restorable: RestorableHome, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can happen to each version is read out of it together."""
    back_up(restorable.departments, file)
    ledger = restorable.departments.ledger
    for version in (1, 2, 3):
        ledger.append(revoked(version, model="fraud"))
    restorable.sign()
    opened = list[str]()

    class Counted(LookingLedger):
        def __init__(self, url: str, *, origin: str) -> None:
            opened.append(url)
            super().__init__(url, origin=origin)

    monkeypatch.setattr("lifecycle.ledger.looking.LookingLedger", Counted)
    assert restore(restorable.departments, file, reason=REASON).repeated == ("VersionRevoked",) * 3
    assert opened.count(Address.of_file(file).url) == 1

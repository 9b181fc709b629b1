"""Who has this home's ledger signed, and what never makes a ledger or a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.life import signing
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.erasure import erase
from lifecycle.life.keeping.holding import place_hold, release_hold
from lifecycle.life.keeping.restoring import restore
from lifecycle.life.keeping.retention import prune
from lifecycle.life.people.enrolment import enrol
from lifecycle.proofs.notes import Checkpoint
from lifecycle.wiring import Departments
from tests.scenarios.homes import departments_at

#: What needs a ledger that stands.
NEEDS_A_LEDGER: tuple[Callable[[Departments], object], ...] = (
    lambda departments: back_up(departments, departments.settings.home / "backup.db"),
    lambda departments: prune(departments, dry_run=True),
    prune,
    lambda departments: erase(departments, "ann", reason="x", dry_run=True),
    lambda departments: erase(departments, "ann", reason="x"),
    lambda departments: place_hold(departments, "credit", reason="x"),
    lambda departments: release_hold(departments, "credit", reason="x"),
    signing.signed_now,
    lambda departments: signing.change_key(departments, "x", 0),
)


@pytest.mark.parametrize("step", NEEDS_A_LEDGER)
def test_nothing_is_made_where_there_is_no_ledger(tmp_path: Path, step: Callable[[Departments], object]) -> None:
    """No empty ledger, and no key of one: a home that was mistyped stays as it is."""
    with pytest.raises(Unavailable, match="no ledger"):
        step(departments_at(tmp_path / "home"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def signed_home(folder: Path) -> Departments:
    """A home with one record, signed."""
    departments = departments_at(folder)
    enrol(departments, "ann", display_name="Ann Other")
    signing.sign(departments)
    return departments


def fresh(departments: Departments) -> Departments:
    """The same home, as the next command finds it."""
    departments.ledger.close()
    return departments_at(departments.settings.home)


@pytest.mark.parametrize("step", [signing.sign, signing.signed_now, *NEEDS_A_LEDGER[:1]])
def test_a_signed_ledger_gets_no_second_first_key(tmp_path: Path, step: Callable[[Departments], object]) -> None:
    """Where its key is gone, that is said: a fresh one would sign another log."""
    departments = signed_home(tmp_path / "home")
    for file in (tmp_path / "home" / "keys").iterdir():
        file.unlink()
    with pytest.raises(UnknownName, match="no log key"):
        step(fresh(departments))
    assert list((tmp_path / "home" / "keys").iterdir()) == []


def test_a_restore_makes_no_key(tmp_path: Path) -> None:
    """With keys gone there is nothing to hold a backup against."""
    departments, file = signed_home(tmp_path / "home"), tmp_path / "backup.db"
    back_up(departments, file)
    departments.ledger.close()
    empty = departments_at(tmp_path / "empty")
    with pytest.raises(UnknownName) as caught:
        restore(empty, file, reason="The disk failed.")
    assert "ledger.pub" in caught.value.next_step
    assert [path.name for path in (tmp_path / "empty").rglob("*") if path.is_file()] == []


def another_users_key(departments: Departments, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """The same home, whose private key is a signer's of its own and is out of this process's reach."""

    def no_signer(*_: object, **__: object) -> str:
        raise AssertionError("a signer was started by who may not read the key")

    monkeypatch.setattr(signing, "may_sign", lambda _: False)
    monkeypatch.setattr("lifecycle.ledger.signer.request_checkpoint", no_signer)
    monkeypatch.setattr("lifecycle.ledger.signer.request_remembered", no_signer)
    return fresh(departments)


def test_pruning_and_backups_work_where_the_signer_is_a_user_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the latest ledger checkpoint that it signed."""
    departments = another_users_key(signed_home(tmp_path / "home"), monkeypatch)
    assert prune(departments).prunings == ()
    backed_up = back_up(departments, tmp_path / "backup.db")
    assert backed_up.note == departments.ledger.checkpoint()
    place_hold(departments, "credit", reason="Case 12/2026.")
    assert Checkpoint.parse(signing.signed_now(departments)).size == backed_up.size


def test_a_proof_waits_for_the_signer_s_own_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is given, and no longer."""
    departments = another_users_key(signed_home(tmp_path / "home"), monkeypatch)
    assert signing.proof_of(departments, 0).index == 0
    place_hold(departments, "credit", reason="Case 12/2026.")
    monkeypatch.setattr(signing, "SIGNER_PATIENCE_SECONDS", 0.05)
    with pytest.raises(LifecycleError):
        signing.proof_of(departments, 1)


def test_without_a_signature_there_is_nothing_to_go_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says to start the signer."""
    departments = departments_at(tmp_path / "home")
    enrol(departments, "ann", display_name="Ann Other")
    _ = departments.ledger_key
    departments = another_users_key(departments, monkeypatch)
    with pytest.raises(Unavailable, match="No ledger checkpoint"):
        signing.signed_now(departments)

"""Verification of ledgers that nobody tampered with: what holds, to what level, and what states may follow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import JsonValue

from lifecycle.errors import IllegalTransition, InvalidDeclaration, Unavailable
from lifecycle.ledger.appending.legality import Legality
from lifecycle.ledger.keeping.copies import back_up
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.events import Event
from lifecycle.records.identity import commit
from tests.ledger.happenings import evaluated, happening, retired, revoked, trained


def test_an_empty_ledger_holds(ledger: Ledger, log_key: VerifierKey) -> None:
    """Nothing is wrong with nothing; nothing is signed either."""
    result = verify_ledger(ledger, log_key)
    assert (result.ok, result.level, result.size, result.findings) == (True, "L0", 0, ())
    assert result.root == ledger.head().root


def test_the_levels_are_reached_one_after_the_other(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """Without a key L0, without a signature L0, signed L1, against a held checkpoint L2."""
    ledger.append(happening(0))
    assert verify_ledger(ledger, log_key).level == "L0"
    held = signed()
    ledger.append(happening(1))
    assert verify_ledger(ledger, None).level == "L0"
    assert verify_ledger(ledger, log_key).level == "L1"
    result = verify_ledger(ledger.url, log_key, held)
    assert (result.ok, result.level, result.held_size, result.signed_size, result.unsigned) == (True, "L2", 1, 1, 1)


def test_every_checkpoint_of_a_grown_ledger_is_checked(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """Any note that was ever signed can be the one that is held."""
    held = []
    for number in range(12):
        ledger.append(happening(number))
        held.append(signed())
    for size, note in enumerate(held, start=1):
        result = verify_ledger(ledger, log_key, note)
        assert (result.ok, result.level, result.held_size) == (True, "L2", size)


def test_the_root_is_written_as_a_checkpoint_writes_it(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """The root that verification and head print can be compared with the note by eye."""
    ledger.append(happening(0))
    note = signed()
    assert note.split("\n")[2] == verify_ledger(ledger, log_key).root_text == ledger.head().root_text


def test_a_held_checkpoint_needs_a_key(ledger: Ledger, signed: Callable[[], str]) -> None:
    """A note that nobody can check is not silently ignored."""
    with pytest.raises(InvalidDeclaration, match="Pass the verifier key"):
        verify_ledger(ledger, None, signed())


def test_verifying_makes_no_ledger(tmp_path: Path, log_key: VerifierKey) -> None:
    """Where there is none, that is said, and none is there afterwards."""
    with pytest.raises(Unavailable, match="There is no ledger"):
        verify_ledger(f"sqlite:///{tmp_path}/none.db", log_key)
    assert not (tmp_path / "none.db").exists()


def test_a_legal_life_has_no_findings(ledger: Ledger, log_key: VerifierKey) -> None:
    """States are folded per environment; what is about bytes counts in all of them, also in one that comes later."""
    with ledger.writing() as writer:
        writer.append_all([trained(1), evaluated(1), revoked(1), trained(2), retired(1)])
        writer.append_all([revoked(1, environment="production"), evaluated(2)])
    assert verify_ledger(ledger, log_key).findings == ()


@pytest.mark.parametrize(
    ("events", "guilty"),
    [
        ([trained(1), retired(1)], 1),
        ([evaluated(1)], 0),
        ([trained(1), trained(1)], 1),
        ([trained(1), evaluated(1), revoked(1), revoked(1)], 3),
        ([trained(1), revoked(1), revoked(1, environment="production"), revoked(1)], 3),
    ],
)
def test_an_event_that_could_not_happen_is_named(
    ledger: Ledger, log_key: VerifierKey, monkeypatch: pytest.MonkeyPatch, events: list[Event], guilty: int
) -> None:
    """A recorded step that no state permits is a finding, by index, id and type; the rest is judged as if it had not been."""
    # Our writer takes no such event; somebody else's might.
    require = Legality.require

    def shrug(legality: Legality, index: int, event: Event) -> None:
        with suppress(IllegalTransition):
            require(legality, index, event)

    with monkeypatch.context() as patched, ledger.writing() as writer:
        patched.setattr(Legality, "require", shrug)
        writer.append_all(events)
    findings = verify_ledger(ledger, log_key).findings
    assert [finding.index for finding in findings] == [guilty]
    event = ledger.events(since=guilty, limit=1)[0].event
    assert f"record {guilty} ({event.type}, id {event.id}) can't have happened" in findings[0].what


def test_kept_values_that_open_their_commitments_are_no_finding(ledger: Ledger, log_key: VerifierKey) -> None:
    """Values beside the log are held against the commitments that they are kept for."""
    values: list[JsonValue] = ["Ω", 41, None, {"a": [1, 2]}]
    for value in values:
        _, opening = commit(value)
        with ledger.writing() as writer:
            writer.keep(opening, "applicant-1")
    assert verify_ledger(ledger, log_key).ok


def test_a_ledger_on_a_read_only_medium_can_be_verified(
    ledger: Ledger, tmp_path: Path, log_key: VerifierKey, signed: Callable[[], str]
) -> None:
    """A copy without a write-ahead log beside it is verified as it lies."""
    ledger.append(happening(0))
    note = signed()
    medium = tmp_path / "medium"
    medium.mkdir()
    back_up(ledger.url, medium / "copy.db")
    url = f"sqlite:///{medium}/copy.db"
    medium.chmod(0o500)
    try:
        assert verify_ledger(url, log_key, note).level == "L2"
    finally:
        medium.chmod(0o700)


def test_verification_does_not_rest_on_the_code_that_writes(ledger: Ledger, repository: Path) -> None:
    """The verifier reads rows with the bare driver: neither SQLAlchemy nor SQLModel is imported."""
    ledger.append(happening(0))
    script = f"""
import sys
from lifecycle.ledger.verifying.verification import verify_ledger
assert verify_ledger({ledger.url!r}, None).ok
heavy = {{"sqlalchemy", "sqlmodel", "alembic"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], cwd=repository, check=True, timeout=60)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_ledger(ledger: Ledger, log_key: VerifierKey) -> None:
    """Twenty thousand records are verified in a few megabytes: rows are streamed."""
    import tracemalloc

    with ledger.writing() as writer:
        writer.append_all(happening(number) for number in range(20_000))
    tracemalloc.start()
    try:
        assert verify_ledger(ledger, log_key).ok
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000

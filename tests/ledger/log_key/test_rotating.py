"""The log changes its key: both agree, both sign for a while, and a crash anywhere is made good."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key import rotating
from lifecycle.ledger.log_key.key_ring import rotations_in
from lifecycle.ledger.log_key.keys import read_log_key, read_signing_key
from lifecycle.ledger.log_key.rotating import rotate_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.signer import request_rotation
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.notes import SigningKey, VerifierKey, open_note
from lifecycle.proofs.rotation import follow
from lifecycle.proofs.signature_lines import taken_apart
from lifecycle.records.bodies import LogKeyRotated
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import EVERY_DATABASE, Place


def fill(ledger: Ledger, count: int) -> None:
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(count)])


def changed(ledger: Ledger, key_file: Path, overlap: int = 3) -> str:
    return rotate_key(ledger.url, key_file, ORIGIN, reason="The yearly change.", environment="local", overlap=overlap)


def leaves(ledger: Ledger) -> list[tuple[int, bytes]]:
    return [(recorded.index, ledger.stored(recorded.index)) for recorded in ledger.events(types=("LogKeyRotated",))]


def known(ledger: Ledger, key: VerifierKey) -> tuple[VerifierKey, ...]:
    """The keys that somebody knows who trusts one of them, and has read the ledger."""
    return follow([key], leaves(ledger)).keys


def signers(note: str) -> int:
    return len(taken_apart(note)[1])


@EVERY_DATABASE
def test_during_the_overlap_both_keys_sign(ledger: Ledger, log_key: VerifierKey, key_file: Path, signed: Callable[[], str]) -> None:
    """Whoever knows either key opens the note; past the overlap only the new key signs, and the old one is destroyed."""
    fill(ledger, 2)
    before = signed()
    first = changed(ledger, key_file)
    new = read_log_key(key_file.parent)
    assert new != log_key
    assert (signers(before), signers(first)) == (1, 2)
    assert open_note(first, [log_key]) == open_note(first, [new])
    assert (key_file.with_name("ledger.key.old")).exists()
    fill(ledger, 3)
    late = signed()
    assert signers(late) == 1
    with pytest.raises(Tampered, match="not signed by a known key"):
        open_note(late, [log_key])
    assert not (key_file.with_name("ledger.key.old")).exists()


def test_whoever_trusts_either_key_follows_the_ledger_to_the_other(ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """Forwards and backwards, over several changes, each key for the sizes that were its own."""
    fill(ledger, 2)
    keys = [log_key]
    for _ in range(3):
        changed(ledger, key_file, overlap=1)
        keys.append(read_log_key(key_file.parent))
        fill(ledger, 4)
        sign_ledger(ledger.url, key_file, ORIGIN)
    for key in keys:
        found = {bound.public: (bound.from_size, bound.until_size) for bound in known(ledger, key)}
        assert [found[key.public] for key in keys] == [(0, 3), (3, 8), (8, 13), (13, None)]


def test_the_event_says_what_was_signed(ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """Both keys, from and until which sizes, and why."""
    fill(ledger, 5)
    changed(ledger, key_file, overlap=10)
    (recorded,) = ledger.events(types=("LogKeyRotated",))
    body = recorded.event.body
    assert isinstance(body, LogKeyRotated)
    assert (body.old_key, body.new_key) == (str(log_key), str(read_log_key(key_file.parent)))
    assert (body.from_size, body.old_until_size, body.reason) == (6, 15, "The yearly change.")


def test_an_old_checkpoint_still_opens_and_a_new_one_under_the_old_key_does_not(
    ledger: Ledger, log_key: VerifierKey, key_file: Path, signed: Callable[[], str]
) -> None:
    """A thief of the old key signs nothing past its end that anybody believes who follows the ledger."""
    fill(ledger, 2)
    old_secret = read_signing_key(key_file)
    before = signed()
    changed(ledger, key_file, overlap=0)
    fill(ledger, 4)
    checkpoint = open_note(signed(), known(ledger, log_key))
    assert open_note(before, known(ledger, read_log_key(key_file.parent))).size == 2
    forged = _signed_by(old_secret, checkpoint.size, checkpoint.root_hash)
    with pytest.raises(Tampered, match="does not sign checkpoints of that size"):
        open_note(forged, known(ledger, log_key))


def test_one_change_at_a_time(ledger: Ledger, key_file: Path) -> None:
    """A second change waits until the first is over."""
    changed(ledger, key_file)
    with pytest.raises(InvalidDeclaration, match="changing its key already"):
        changed(ledger, key_file)


@pytest.mark.parametrize("step", ["the key was made", "the event stands", "the old key was kept"])
def test_a_crash_at_any_step_is_made_good_by_running_it_again(
    ledger: Ledger, log_key: VerifierKey, key_file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """One event, one new key, and a signature by both."""
    fill(ledger, 2)
    crash = RuntimeError("killed")

    def killed(*_: object, **__: object) -> None:
        raise crash

    with monkeypatch.context() as dying:
        if step == "the key was made":
            dying.setattr(rotating, "_record", killed)
        elif step == "the event stands":
            dying.setattr("lifecycle.ledger.log_key.key_ring._keep_as_old", killed)
        else:
            dying.setattr(Path, "replace", _refuse_the_next_key(Path.replace))
        with pytest.raises(RuntimeError):
            changed(ledger, key_file)
    note = changed(ledger, key_file)
    assert len(ledger.events(types=("LogKeyRotated",))) == 1
    assert signers(note) == 2
    open_note(note, known(ledger, log_key))
    assert not key_file.with_name("ledger.key.next").exists()


def test_a_signer_goes_on_after_a_crash_without_being_told(
    ledger: Ledger, log_key: VerifierKey, key_file: Path, monkeypatch: pytest.MonkeyPatch, signed: Callable[[], str]
) -> None:
    """The next signature puts the new key in office where the ledger says so."""

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as dying:
        dying.setattr("lifecycle.ledger.log_key.key_ring._keep_as_old", killed)
        with pytest.raises(RuntimeError):
            changed(ledger, key_file)
    assert signers(signed()) == 2
    assert read_log_key(key_file.parent) != log_key


def test_an_old_key_that_was_put_back_signs_nothing_more(ledger: Ledger, key_file: Path, tmp_path: Path, signed: Callable[[], str]) -> None:
    """A restored folder of keys is refused, and the error says which key the ledger names."""
    shutil.copy(key_file, tmp_path / "kept")
    changed(ledger, key_file, overlap=0)
    key_file.unlink()
    shutil.copy(tmp_path / "kept", key_file)
    fill(ledger, 2)
    with pytest.raises(InvalidDeclaration, match="the log has changed its key"):
        signed()


def test_the_signer_of_its_own_changes_the_key(ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """As a process; what it refuses comes back as the error that it is."""
    ledger.append(happening(0))
    note = request_rotation(ledger.url, key_file, ORIGIN, reason="Stolen.", environment="local", overlap=5)
    assert signers(note) == 2
    with pytest.raises(InvalidDeclaration, match="changing its key already"):
        request_rotation(ledger.url, key_file, ORIGIN, reason="Again.", environment="local", overlap=5)
    with pytest.raises(Unavailable):
        request_rotation(ledger.url, key_file, ORIGIN, reason="", environment="local", overlap=5)


def test_the_kept_checkpoints_of_both_keys_are_the_signers_own(ledger: Ledger, key_file: Path, signed: Callable[[], str]) -> None:
    """A signer that lost its memory holds the ledger against the notes of the key before as well."""
    fill(ledger, 2)
    signed()
    changed(ledger, key_file, overlap=0)
    key_file.with_suffix(".state").unlink()
    fill(ledger, 1)
    assert signers(signed()) == 1


def _signed_by(key: SigningKey, size: int, root: bytes) -> str:
    from lifecycle.proofs.notes import Checkpoint, sign

    return sign(Checkpoint(key.name, size, root), key)


def _refuse_the_next_key(replace: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
    def replacing(self: Path, target: Path) -> Path:
        if self.name == "ledger.key.next":
            raise RuntimeError("killed")
        return replace(self, target)

    return replacing


def test_a_change_that_was_made_a_text_says_nothing(ledger: Ledger, key_file: Path, place: Place) -> None:
    """In SQLite any column holds any type; whoever lays the changes beside the keys must not fall over it."""
    fill(ledger, 2)
    changed(ledger, key_file)
    place.tamper("UPDATE events SET stored = replace(stored, 'a', 'b') WHERE type = 'LogKeyRotated'")
    with LedgerRows(ledger.url) as rows:
        assert rotations_in(rows) == [(2, b"")]

"""The signer signs what it recomputed, once per size, and refuses a ledger with another past."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable, UnknownName
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key, ensure_log_key, read_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.proofs.notes import VerifierKey, open_note
from tests.ledger.happenings import ORIGIN, happening, tamper


def fill(ledger: Ledger, count: int) -> None:
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(count)])


def test_the_note_is_over_the_head_and_is_kept(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """What is signed is what the ledger holds; the database and the file beside it keep the note."""
    fill(ledger, 5)
    note = signed()
    checkpoint = open_note(note, [log_key])
    assert (checkpoint.size, checkpoint.root_hash) == (5, ledger.head().root)
    assert ledger.checkpoint() == note
    beside = Path(ledger.url.removeprefix("sqlite:///")).with_name("checkpoint")
    assert beside.read_text(encoding="utf-8") == note


def test_an_empty_ledger_can_be_signed(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """The first checkpoint of a log may be of nothing."""
    assert open_note(signed(), [log_key]).size == 0


def test_signing_again_without_appends_gives_the_same_note(ledger: Ledger, signed: Callable[[], str]) -> None:
    """One size, one note."""
    fill(ledger, 3)
    assert signed() == signed()


def test_signing_again_without_appends_writes_nothing(ledger: Ledger, key_file: Path, signed: Callable[[], str]) -> None:
    """A signer that looks every second does not wear the disk out; a note that was lost beside the ledger comes back."""
    fill(ledger, 3)
    note = signed()
    beside = Path(ledger.url.removeprefix("sqlite:///")).with_name("checkpoint")
    before = [file.stat().st_mtime_ns for file in (beside, key_file.with_suffix(".state"))]
    signed()
    assert [file.stat().st_mtime_ns for file in (beside, key_file.with_suffix(".state"))] == before
    beside.unlink()
    signed()
    assert beside.read_text(encoding="utf-8") == note


def test_checkpoints_follow_one_another(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """Each signature goes on from the tree of the last."""
    sizes = []
    for count in (1, 4, 2, 9):
        fill(ledger, count)
        sizes.append(open_note(signed(), [log_key]).size)
    assert sizes == [1, 5, 7, 16]


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        ("DELETE FROM events WHERE leaf_index = 5", "Record 5 of the ledger is missing"),
        ("UPDATE events SET stored = 'x' WHERE leaf_index = 5", "Record 5 of the ledger is missing"),
        ("UPDATE events SET stored = CAST('x' AS BLOB) WHERE leaf_index = 5", "not what its records hash to"),
        ("UPDATE head SET frontier = zeroblob(40)", "not what its records hash to"),
        ("UPDATE head SET size = 2", "its tail was dropped"),
        ("UPDATE head SET origin = 'elsewhere'", "that of 'elsewhere'"),
        ("DELETE FROM head", "has 0 heads"),
    ],
)
def test_a_ledger_that_is_not_what_its_records_say_gets_no_signature(
    ledger: Ledger, ledger_file: Path, signed: Callable[[], str], attack: str, named: str
) -> None:
    """The head is no authority: the records since the last signature are hashed, and must lead to it."""
    fill(ledger, 4)
    before = signed()
    fill(ledger, 4)
    tamper(ledger_file, attack)
    with pytest.raises((Tampered, InvalidDeclaration), match=named):
        signed()
    assert ledger.checkpoint() == before


def test_a_rebuilt_ledger_gets_no_signature(ledger: Ledger, tmp_path: Path, key_file: Path, signed: Callable[[], str]) -> None:
    """A longer log with another past, self-consistent in every part, does not fit what the signer remembers."""
    fill(ledger, 4)
    signed()
    with Ledger.open(f"sqlite:///{tmp_path}/rebuilt.db", origin=ORIGIN) as rebuilt:
        fill(rebuilt, 9)
        with pytest.raises(Tampered, match="after the 4 that were signed"):
            sign_ledger(rebuilt.url, key_file, ORIGIN)
        assert rebuilt.checkpoint() is None


def test_a_signer_that_lost_its_memory_holds_the_ledger_against_the_kept_checkpoints(
    ledger: Ledger, ledger_file: Path, key_file: Path, signed: Callable[[], str]
) -> None:
    """Without its file it goes on where the kept notes fit, and refuses where they do not."""
    fill(ledger, 4)
    signed()
    fill(ledger, 2)
    key_file.with_suffix(".state").unlink()
    signed()
    key_file.with_suffix(".state").unlink()
    tamper(ledger_file, "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE tree_size = 6) WHERE tree_size = 4")
    with pytest.raises(Tampered, match="does not fit the ledger checkpoint"):
        signed()


def test_a_damaged_memory_is_not_taken_for_none(ledger: Ledger, key_file: Path, signed: Callable[[], str]) -> None:
    """A signer that can't read what it signed last does not start anew."""
    fill(ledger, 1)
    signed()
    key_file.with_suffix(".state").write_text("{", encoding="utf-8")
    with pytest.raises(Tampered, match="can't be read"):
        signed()


def test_a_crash_before_the_note_is_kept_is_made_good(ledger: Ledger, ledger_file: Path, signed: Callable[[], str]) -> None:
    """Remembered but not kept: the next signature keeps the very same note."""
    fill(ledger, 3)
    note = signed()
    tamper(ledger_file, "DELETE FROM checkpoints")
    assert signed() == note
    assert ledger.checkpoint() == note


def test_the_key_must_be_that_of_the_log(ledger: Ledger, tmp_path: Path, key_file: Path) -> None:
    """A key of another name, and a key that is not there, sign nothing."""
    create_log_key(tmp_path / "other", "example.org/other")
    with pytest.raises(InvalidDeclaration, match="Pass the key of this log"):
        sign_ledger(ledger.url, tmp_path / "other" / "ledger.key", ORIGIN)
    with pytest.raises(Unavailable, match="can't be read"):
        sign_ledger(ledger.url, tmp_path / "nowhere" / "ledger.key", ORIGIN)


def test_a_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    """0600, in a folder of 0700, and never overwritten."""
    key = create_log_key(tmp_path / "keys", ORIGIN)
    private = tmp_path / "keys" / "ledger.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    before = private.read_bytes()
    with pytest.raises(InvalidDeclaration, match="stands already"):
        create_log_key(tmp_path / "keys", ORIGIN)
    assert private.read_bytes() == before
    assert read_log_key(tmp_path / "keys") == key


def test_a_key_that_others_can_read_signs_nothing(ledger: Ledger, key_file: Path, signed: Callable[[], str]) -> None:
    """A key that may have been copied is not used; the error says how to close it."""
    key_file.chmod(0o640)
    with pytest.raises(InvalidDeclaration, match="chmod 600"):
        signed()


def test_ensuring_a_key_makes_it_once(tmp_path: Path) -> None:
    """The second call gives the first one's key; under another origin it is refused."""
    key = ensure_log_key(tmp_path / "keys", ORIGIN)
    assert ensure_log_key(tmp_path / "keys", ORIGIN) == key
    with pytest.raises(InvalidDeclaration, match="every log has a key of its own"):
        ensure_log_key(tmp_path / "keys", "example.org/other")


def test_a_key_that_is_not_there_is_said_to_be_absent(tmp_path: Path) -> None:
    """Looking for a key makes none."""
    with pytest.raises(UnknownName, match="There is no log key"):
        read_log_key(tmp_path)
    assert list(tmp_path.iterdir()) == []

"""Signed notes: what is signed is read, what is not is refused, and keys are spelt one way."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, open_note, sign

KEY = SigningKey(name="example.org/ledger", seed=bytes(range(32)))
CHECKPOINT = Checkpoint("example.org/ledger", 7, EMPTY_ROOT)
NOTE = sign(CHECKPOINT, KEY)


def test_a_signed_checkpoint_opens_to_what_was_signed() -> None:
    """Origin, size and root come back from a note that its log signed."""
    assert open_note(NOTE, [KEY.verifier]) == CHECKPOINT


def test_the_note_has_the_form_of_c2sp() -> None:
    """Three lines, an empty line, and one signature line under an em dash."""
    lines = NOTE.split("\n")
    assert lines[:4] == ["example.org/ledger", "7", base64.b64encode(EMPTY_ROOT).decode(), ""]
    assert lines[4].startswith("— example.org/ledger ")
    assert lines[5:] == [""]


@given(at=st.integers(0, len(NOTE) - 1), change=st.integers(1, 120))
def test_a_note_with_any_character_changed_is_refused(at: int, change: int) -> None:
    """Text, name, key id or signature: no single character can be another."""
    forged = NOTE[:at] + chr(ord(NOTE[at]) + change) + NOTE[at + 1 :]
    with pytest.raises(LifecycleError):
        open_note(forged, [KEY.verifier])


@given(end=st.integers(0, len(NOTE) - 1))
def test_a_truncated_note_is_refused(end: int) -> None:
    """No beginning of a note passes for the note."""
    with pytest.raises(LifecycleError):
        open_note(NOTE[:end], [KEY.verifier])


@given(text=st.text(max_size=300))
def test_text_that_is_no_note_is_refused_and_never_crashes(text: str) -> None:
    """Anything at all, from anybody, ends in an error of ours."""
    with pytest.raises(LifecycleError):
        open_note(text, [KEY.verifier])


def test_a_note_by_another_key_of_the_same_name_is_refused() -> None:
    """A name is not an identity: the key is."""
    with pytest.raises(Tampered, match="not signed by a known key"):
        open_note(NOTE, [SigningKey.generate(KEY.name).verifier])


def test_a_note_that_only_a_witness_signed_is_refused() -> None:
    """A known key that is not the log's does not stand in for the log's own signature."""
    witness = SigningKey.generate("witness.example.org")
    line = NOTE.split("\n\n")[1]
    text = CHECKPOINT.text()
    signature = base64.b64encode(witness.verifier.key_id + witness.sign(text)).decode()
    by_witness = f"{text}\n— {witness.name} {signature}\n"
    with pytest.raises(Tampered, match="not signed by a known key of that log"):
        open_note(by_witness, [KEY.verifier, witness.verifier])
    assert open_note(by_witness + line, [KEY.verifier, witness.verifier]) == CHECKPOINT


def test_signatures_by_unknown_keys_are_passed_over() -> None:
    """A cosignature that nobody here knows does not spoil the log's own."""
    stranger = SigningKey.generate("stranger")
    signature = base64.b64encode(stranger.verifier.key_id + stranger.sign("x")).decode()
    assert open_note(NOTE + f"— stranger {signature}\n", [KEY.verifier]) == CHECKPOINT


def test_a_wrong_signature_by_a_known_key_voids_the_note() -> None:
    """A right signature beside a wrong one of the same key is not good enough."""
    wrong = base64.b64encode(KEY.verifier.key_id + bytes(64)).decode()
    with pytest.raises(Tampered, match="does not hold"):
        open_note(NOTE + f"— {KEY.name} {wrong}\n", [KEY.verifier])


def test_a_key_signs_only_for_the_log_of_its_name() -> None:
    """A checkpoint of another origin gets no signature."""
    with pytest.raises(MalformedRecord, match="can't sign for"):
        sign(Checkpoint("elsewhere", 7, EMPTY_ROOT), KEY)


@pytest.mark.parametrize("size", ["07", "-1", "+7", "7.0", " 7", "٧", ""])
def test_a_size_has_one_spelling(size: str) -> None:
    """Leading zeros, signs, points, spaces and other alphabets' digits are refused."""
    with pytest.raises(MalformedRecord):
        Checkpoint.parse(CHECKPOINT.text().replace("\n7\n", f"\n{size}\n"))


def test_base64_has_one_spelling() -> None:
    """Unused bits that are not zero would give one root two texts."""
    text = CHECKPOINT.text()
    assert "VSU=\n" in text or "FU=\n" in text
    with pytest.raises(MalformedRecord):
        Checkpoint.parse(text.replace("U=\n", "V=\n"))


def test_keys_survive_their_text() -> None:
    """Verifier and signing key read back as they were written."""
    assert VerifierKey.parse(str(KEY.verifier)) == KEY.verifier
    assert SigningKey.parse(KEY.secret_text()) == KEY


def test_the_secret_of_a_key_is_in_no_repr() -> None:
    """Neither repr nor str of a signing key shows the seed."""
    shown = f"{KEY!r} {KEY}"
    assert KEY.seed.hex() not in shown
    assert base64.b64encode(KEY.seed).decode() not in shown
    assert repr(KEY.seed) not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        f"other+{KEY.verifier.key_id.hex()}+{str(KEY.verifier).split('+', 2)[2]}",
        str(KEY.verifier)[:-4] + "AAAA",
        "n+0+AA==",
    ],
)
def test_a_damaged_verifier_key_is_refused(text: str) -> None:
    """A key whose id is not its own, or that is no key, is not used."""
    with pytest.raises(MalformedRecord):
        VerifierKey.parse(text)


@pytest.mark.parametrize("name", ["", "with space", "with+plus", "tab\t", "no\u2028break"])
def test_a_name_that_c2sp_forbids_is_refused(name: str) -> None:
    """Spaces of any alphabet and plus signs would make a note ambiguous."""
    with pytest.raises(MalformedRecord):
        SigningKey.generate(name)

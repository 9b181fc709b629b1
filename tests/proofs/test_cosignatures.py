"""Cosignatures: what a witness signed is read with its time, what it did not is refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.cosignatures import ML_DSA_44, Cosignature, WitnessKey, WitnessSigner, cosignatures
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, open_note, sign
from lifecycle.proofs.signature_lines import SignatureLine, taken_apart, with_signatures

LOG = SigningKey("example.org/ledger", bytes(range(32)))
WITNESS = WitnessSigner("witness.example.org/w1", bytes(range(1, 33)))
CHECKPOINT = Checkpoint(LOG.name, 7, EMPTY_ROOT)
AT = 1_679_315_147
NOTE = with_signatures(sign(CHECKPOINT, LOG), [WITNESS.cosign(CHECKPOINT.text(), AT)])


def test_a_cosignature_opens_to_its_witness_and_its_time() -> None:
    """The log's own signature still holds beside it."""
    assert cosignatures(NOTE, [WITNESS.verifier]) == (Cosignature(WITNESS.verifier, AT),)
    assert cosignatures(NOTE, [WITNESS.verifier])[0].at_us == AT * 1_000_000
    assert open_note(NOTE, [LOG.verifier]) == CHECKPOINT


def test_the_signed_message_is_that_of_c2sp() -> None:
    """A header line, a time line, and the text of the note, under a key of type 4."""
    line = taken_apart(NOTE)[1][1]
    assert int.from_bytes(line.signature[:8], "big") == AT
    message = f"cosignature/v1\ntime {AT}\n{CHECKPOINT.text()}"
    assert VerifierKey("x", WITNESS.verifier.public).holds(message, line.signature[8:])
    assert line.key_id != VerifierKey(WITNESS.name, WITNESS.verifier.public).key_id


@given(at=st.integers(0, len(NOTE) - 1), change=st.integers(1, 120))
def test_no_changed_character_leaves_the_cosignature_standing(at: int, change: int) -> None:
    """Text, time, name or signature: what was changed is refused, or is a line of somebody unknown."""
    forged = NOTE[:at] + chr(ord(NOTE[at]) + change) + NOTE[at + 1 :]
    try:
        found = cosignatures(forged, [WITNESS.verifier])
    except LifecycleError:
        return
    text, lines = taken_apart(forged)
    assert found == () or (text == CHECKPOINT.text() and lines[1] == taken_apart(NOTE)[1][1])


def test_a_witness_that_is_not_known_is_passed_over() -> None:
    """Its line neither counts nor spoils the note."""
    assert cosignatures(NOTE, [WitnessSigner.generate("stranger").verifier]) == ()


def test_another_time_under_the_same_signature_is_refused() -> None:
    """The time is signed."""
    line = taken_apart(NOTE)[1][1]
    later = SignatureLine(line.name, line.key_id, (AT + 1).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(Tampered, match="does not hold"):
        cosignatures(with_signatures(sign(CHECKPOINT, LOG), [later]), [WITNESS.verifier])


def test_a_truncated_cosignature_is_refused() -> None:
    """A line of the right key that is too short holds nothing."""
    line = taken_apart(NOTE)[1][1]
    short = SignatureLine(line.name, line.key_id, line.signature[:-1])
    with pytest.raises(Tampered):
        cosignatures(with_signatures(sign(CHECKPOINT, LOG), [short]), [WITNESS.verifier])


def test_of_two_cosignatures_of_one_witness_the_later_counts() -> None:
    """A witness that is asked again signs the same tree at another time."""
    both = with_signatures(NOTE, [WITNESS.cosign(CHECKPOINT.text(), AT + 60)])
    assert cosignatures(both, [WITNESS.verifier]) == (Cosignature(WITNESS.verifier, AT + 60),)


def test_keys_are_read_back_as_they_are_written() -> None:
    """Both halves, and neither passes for a log's key."""
    assert WitnessKey.parse(str(WITNESS.verifier)) == WITNESS.verifier
    assert WitnessSigner.parse(WITNESS.secret_text()) == WITNESS
    assert repr(WITNESS.seed) not in repr(WITNESS)
    with pytest.raises(MalformedRecord, match="not an Ed25519 key of a log"):
        VerifierKey.parse(str(WITNESS.verifier))
    with pytest.raises(MalformedRecord, match="not the key of a witness"):
        WitnessKey.parse(str(LOG.verifier))
    with pytest.raises(MalformedRecord, match="not the private key of a witness"):
        WitnessSigner.parse(LOG.secret_text())


@given(text=st.text(max_size=200))
def test_text_that_is_no_key_is_refused_and_never_crashes(text: str) -> None:
    """Anything at all ends in an error of ours."""
    with pytest.raises(LifecycleError):
        WitnessKey.parse(text)
    with pytest.raises(LifecycleError):
        WitnessSigner.parse(text)


def test_a_cosignature_by_ml_dsa_is_read_as_c2sp_writes_it() -> None:
    """Over the structure of the specification, put together here by hand; another time, size or witness voids it."""
    private = MLDSA44PrivateKey.generate()
    witness = WitnessKey("pq.example", private.public_key().public_bytes_raw(), ML_DSA_44)
    assert WitnessKey.parse(str(witness)) == witness
    names = bytes([10]) + b"pq.example", bytes([18]) + b"example.org/ledger"
    numbers = AT.to_bytes(8, "big"), bytes(8), (7).to_bytes(8, "big")
    message = b"subtree/v1\n\x00" + names[0] + numbers[0] + names[1] + numbers[1] + numbers[2] + EMPTY_ROOT
    signature = private.sign(message)

    def note(seconds: int, text: str = CHECKPOINT.text()) -> str:
        line = SignatureLine(witness.name, witness.key_id, seconds.to_bytes(8, "big") + signature)
        return with_signatures(sign(Checkpoint.parse(text), LOG), [line])

    assert cosignatures(note(AT), [witness]) == (Cosignature(witness, AT),)
    for forged in (note(AT + 1), note(0), note(AT, Checkpoint(LOG.name, 8, EMPTY_ROOT).text())):
        with pytest.raises(Tampered, match="does not hold"):
            cosignatures(forged, [witness])

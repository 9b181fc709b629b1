"""What a witness cosigns, and each of its refusals, by the statuses of C2SP's tlog-witness."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import Tampered, Unavailable
from lifecycle.proofs.cosignatures import WitnessSigner, cosignatures
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, SigningKey, open_note, sign
from lifecycle.proofs.signature_lines import SignatureLine, encode, with_signatures
from lifecycle.witness.deciding import SIZE_TYPE, Witness
from lifecycle.witness.memory import WitnessMemory, origin_hash
from tests.witness.logs import LOG, NOW, SIGNER, GrowingLog, witness_at


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return witness_at(tmp_path)


def cosigned(text: str, note: str) -> bool:
    """Whether these are the witness's cosignature on this note."""
    lines = [SignatureLine.parse(line) for line in text.splitlines()]
    (found,) = cosignatures(with_signatures(note, lines), [SIGNER.verifier])
    return found.at_seconds == NOW


def test_a_log_that_continues_is_cosigned_step_by_step(witness: Witness) -> None:
    """From nothing on, whatever the steps."""
    log, old = GrowingLog(30), 0
    for size in (1, 2, 3, 7, 8, 9, 16, 30):
        answer = witness.add_checkpoint(log.request(old, size))
        assert answer.status == 200, answer.text
        assert cosigned(answer.text, log.note(size))
        old = size


def test_the_same_checkpoint_is_cosigned_again(witness: Witness) -> None:
    """A client that lost the answer asks again, without a proof."""
    log = GrowingLog(5)
    witness.add_checkpoint(log.request(0, 5))
    assert witness.add_checkpoint(log.request(5, 5)).status == 200


def test_an_empty_log_can_be_cosigned(witness: Witness) -> None:
    """Its root must be that of the empty tree."""
    assert witness.add_checkpoint(GrowingLog(0).request(0, 0)).status == 200
    assert witness.add_checkpoint("old 0\n\n" + sign(Checkpoint(LOG.name, 0, bytes(32)), LOG)).status == 422


def test_an_old_size_that_is_not_the_last_one_is_answered_with_the_last(witness: Witness) -> None:
    """409, in a type of its own, so that the client can prove from there."""
    log = GrowingLog(9)
    witness.add_checkpoint(log.request(0, 4))
    for old in (0, 3, 5):
        answer = witness.add_checkpoint(log.request(old, 9))
        assert (answer.status, answer.text, answer.content_type) == (409, "4\n", SIZE_TYPE)


@pytest.mark.parametrize("size", [4, 5, 9])
def test_a_log_with_another_past_is_refused(witness: Witness, size: int) -> None:
    """Whether it has grown or not; and what was cosigned stays what it was."""
    honest, rewritten = GrowingLog(9), GrowingLog(9, past="forged")
    witness.add_checkpoint(honest.request(0, 4))
    assert witness.add_checkpoint(rewritten.request(4, size)).status == 422
    assert witness.add_checkpoint(honest.request(4, 9)).status == 200


def test_a_log_that_was_shortened_is_refused(witness: Witness) -> None:
    """It can't go on from more than it has."""
    log = GrowingLog(9)
    witness.add_checkpoint(log.request(0, 9))
    assert witness.add_checkpoint(f"old 9\n\n{log.note(4)}").status == 400
    assert witness.add_checkpoint(f"old 4\n\n{log.note(4)}").status == 409


def test_a_proof_from_nothing_must_be_empty(witness: Witness) -> None:
    """There is nothing to prove."""
    log = GrowingLog(4)
    assert witness.add_checkpoint(f"old 0\n{encode(bytes(32))}\n\n{log.note(4)}").status == 422


def test_an_unknown_log_is_not_found(witness: Witness) -> None:
    """By its origin, whoever signed."""
    other = GrowingLog(3, key=SigningKey("example.org/other", bytes(32)))
    assert witness.add_checkpoint(other.request(0, 3)).status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_forbidden(witness: Witness) -> None:
    """Another key of that name, or a signature that does not hold."""
    stranger = GrowingLog(3, key=SigningKey(LOG.name, bytes(32)))
    assert witness.add_checkpoint(stranger.request(0, 3)).status == 403
    log = GrowingLog(3)
    assert witness.add_checkpoint(log.request(0, 3).replace("\n3\n", "\n2\n")).status == 403


def test_a_log_that_changed_its_key_is_known_by_both(tmp_path: Path) -> None:
    """A witness is told the new key beside the old one."""
    new = SigningKey(LOG.name, bytes(32))
    witness = witness_at(tmp_path, LOG.verifier, new.verifier)
    assert witness.add_checkpoint(GrowingLog(3).request(0, 3)).status == 200
    assert witness.add_checkpoint(GrowingLog(6, key=new).request(3, 6)).status == 200


@pytest.mark.parametrize(
    "body", ["", "old 0", "old x\n\n", "old 00\n\nx\n", "old 0\nAAAA\n\nx\n", "old 0\n" + f"{encode(bytes(32))}\n" * 64 + "\nx\n"]
)
def test_what_is_no_request_is_bad(witness: Witness, body: str) -> None:
    """400, whatever follows."""
    assert witness.add_checkpoint(body).status == 400


@given(body=st.text(max_size=300))
def test_anything_is_answered(body: str) -> None:
    """No request crashes a witness; none of these is cosigned."""
    assert witness_at(Path("/nonexistent")).add_checkpoint(body).status in {400, 403, 404}


def test_what_was_cosigned_outlives_the_process(tmp_path: Path) -> None:
    """A second witness on the same folder goes on from there, and shows the note with both signatures."""
    log = GrowingLog(9)
    witness_at(tmp_path).add_checkpoint(log.request(0, 5))
    again = witness_at(tmp_path)
    assert again.add_checkpoint(log.request(0, 9)).text == "5\n"
    note = again.latest_note(origin_hash(LOG.name)).text
    assert open_note(note, [LOG.verifier]) == log.checkpoint(5)
    assert cosignatures(note, [SIGNER.verifier])[0].at_seconds == NOW


def test_only_the_logs_own_signature_and_the_witnesses_are_shown(witness: Witness) -> None:
    """Whatever else the client sent is not republished."""
    log = GrowingLog(2)
    stranger = WitnessSigner.generate("stranger").cosign(log.checkpoint(2).text(), 1)
    witness.add_checkpoint(f"old 0\n\n{with_signatures(log.note(2), [stranger])}")
    note = witness.latest_note(origin_hash(LOG.name)).text
    assert "stranger" not in note
    assert note.count("\u2014 ") == 2


def test_a_log_that_was_never_cosigned_is_not_found(witness: Witness) -> None:
    """There is nothing to show."""
    assert witness.latest_note(origin_hash(LOG.name)).status == 404


def test_a_witness_that_cant_remember_cosigns_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk comes before the answer; and a damaged memory is not taken for none."""
    log, witness = GrowingLog(5), witness_at(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("os.fsync", _no_space)
        with pytest.raises(Unavailable):
            witness.add_checkpoint(log.request(0, 3))
    assert witness.latest_note(origin_hash(LOG.name)).status == 404
    (tmp_path / f"{origin_hash(LOG.name)}.note").write_text("{", encoding="utf-8")
    with pytest.raises(Tampered, match="can't be read"):
        witness.add_checkpoint(log.request(0, 3))


def test_two_requests_at_once_do_not_roll_each_other_back(tmp_path: Path) -> None:
    """Of several that go on from one size one is cosigned, and what is remembered is its size."""
    log, witness = GrowingLog(40), witness_at(tmp_path)
    statuses: dict[int, int] = {}
    threads = [
        threading.Thread(target=lambda size=size: statuses.update({size: witness.add_checkpoint(log.request(0, size)).status}))
        for size in range(1, 41)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [size for size, status in statuses.items() if status == 200]
    assert WitnessMemory(tmp_path).latest(LOG.name).size == won
    assert set(statuses.values()) == {200, 409}


def test_a_memory_of_another_log_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    """A file that was swapped is named."""
    WitnessMemory(tmp_path).keep(LOG.name, sign(Checkpoint("example.org/other", 0, EMPTY_ROOT), SigningKey("example.org/other", bytes(32))))
    with pytest.raises(Tampered, match="can't be read"):
        WitnessMemory(tmp_path).latest(LOG.name)


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")

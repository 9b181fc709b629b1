"""Witnesses as anchors, over HTTP: a cosignature comes back that holds, and a ledger with another past is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from lifecycle.anchors.anchor import Submission
from lifecycle.anchors.witness import WitnessAnchor
from lifecycle.errors import LifecycleError, MalformedRecord, Tampered, Unavailable, UnknownName
from lifecycle.proofs.cosignatures import WitnessSigner, cosignatures
from lifecycle.proofs.notes import SigningKey
from lifecycle.proofs.signature_lines import SignatureLine, with_signatures
from lifecycle.witness.server import WitnessServer
from tests.anchors.authority import serving
from tests.witness.logs import NOW, SIGNER, GrowingLog, witness_at


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with WitnessServer("127.0.0.1", 0, witness_at(tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


def submission(log: GrowingLog, size: int) -> Submission:
    def consistency(old: int) -> tuple[bytes, ...]:
        if old > size:
            raise UnknownName(f"A ledger of {old} is no beginning of one of {size}.", "")
        return log.tree.consistency_path(old, size)

    return Submission(log.note(size), consistency)


def test_a_growing_log_is_cosigned_without_remembering_anything(url: str) -> None:
    """The witness says from where it wants the proof; the cosignature holds, and its time is the witness's."""
    log, anchor = GrowingLog(30), WitnessAnchor("w1", url, SIGNER.verifier)
    for size in (1, 7, 7, 30):
        seen = anchor.take(submission(log, size))
        line = SignatureLine.parse(seen.receipt.decode().rstrip("\n"))
        assert len(cosignatures(with_signatures(log.note(size), [line]), [SIGNER.verifier])) == 1
        assert seen.at_us == NOW * 1_000_000


def test_a_log_with_another_past_is_refused(url: str) -> None:
    """The witness finds the proof wanting, and that is told as what it is."""
    anchor = WitnessAnchor("w1", url, SIGNER.verifier)
    anchor.take(submission(GrowingLog(9), 5))
    with pytest.raises(Tampered, match="does not continue what the witness w1 has seen at 5"):
        anchor.take(submission(GrowingLog(9, past="forged"), 9))


def test_a_log_whose_tail_was_dropped_is_refused(url: str) -> None:
    """It has seen more than the ledger has."""
    anchor = WitnessAnchor("w1", url, SIGNER.verifier)
    anchor.take(submission(GrowingLog(9), 9))
    with pytest.raises(Tampered, match="its tail was dropped"):
        anchor.take(submission(GrowingLog(9), 5))


def test_a_log_that_the_witness_does_not_know_says_what_to_do(url: str) -> None:
    """Its operator needs the key."""
    other = GrowingLog(3, key=SigningKey("example.org/other", bytes(32)))
    with pytest.raises(Unavailable, match="does not know this log"):
        WitnessAnchor("w1", url, SIGNER.verifier).take(submission(other, 3))


def test_a_witness_with_another_key_than_the_declared_one_does_not_count(url: str) -> None:
    """What it signs is nothing that anybody believes."""
    with pytest.raises(Unavailable, match="another key than the declared one"):
        WitnessAnchor("w1", url, WitnessSigner.generate("w1").verifier).take(submission(GrowingLog(3), 3))


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""),
        (200, b"hello\n"),
        (409, b"many\n"),
        (409, b"3\n"),
        (409, b"99\n"),
        (418, b"tea"),
        (200, b"\xff\xfe"),
        (409, "³\n".encode()),
    ],
)
def test_a_witness_that_answers_nonsense_is_no_witness(status: int, content: bytes) -> None:
    """Every answer ends, in an error of ours."""

    class Nonsense(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *said: object) -> None:
            pass

    with serving(Nonsense) as address, pytest.raises((Unavailable, MalformedRecord, Tampered)) as refused:
        WitnessAnchor("w1", address, SIGNER.verifier).take(submission(GrowingLog(5), 5))
    assert isinstance(refused.value, LifecycleError)


def test_a_witness_that_is_down_is_said_to_be() -> None:
    """Nobody listens there."""
    with pytest.raises(Unavailable, match="does not answer"):
        WitnessAnchor("w1", "http://127.0.0.1:9", SIGNER.verifier).take(submission(GrowingLog(1), 1))

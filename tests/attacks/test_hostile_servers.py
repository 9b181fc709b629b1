"""Servers that are not ours: slow, huge, redirecting, lying, and with escapes for a terminal in what they say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from lifecycle import outbound
from lifecycle.anchors.anchor import Submission
from lifecycle.anchors.posting import post
from lifecycle.anchors.witness import WitnessAnchor
from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.lineage import receiver
from lifecycle.lineage.receiver import Receiver
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign

ORIGIN = "example.org/ledger"
Behaviour = Callable[[socket.socket], None]


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """The address of a server that behaves so to every connection, after it has read the request."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            behaviour(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


def says(text: str, content: bytes = b"") -> Behaviour:
    """Sends these headers and this content, and hangs up."""
    return lambda connection: connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n\r\n" + content)


def dripping(start: bytes) -> Behaviour:
    """Begins an answer and then sends a byte every tenth of a second, so that no socket's timeout is ever reached."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"x")
            time.sleep(0.1)

    return drip


def _submission() -> Submission:
    """A signed note over an empty log."""
    note = sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT), SigningKey.generate(ORIGIN))
    return Submission(note, lambda old: ())


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"], ids=["header", "body"])
def test_a_server_that_drips_is_left_at_the_deadline(start: bytes) -> None:
    """The whole exchange has a deadline; a byte now and then does not move it."""
    with serving(dripping(start)) as url, pytest.raises(Unavailable, match="has not answered within"):
        outbound.post(url, b"{}", {}, seconds=0.5, most_bytes=1_000_000)


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/internal", "http://[::bad/", "file:///etc/passwd", ""])
def test_a_redirect_is_followed_nowhere(location: str) -> None:
    """Neither the body nor the key goes to whoever a server names, and an address that is none breaks nothing."""
    with serving(says(f"HTTP/1.1 302 Found\nLocation: {location}\nContent-Length: 0")) as url:
        assert post(url, b"note", content_type="text/plain").status == 302
        assert Receiver(url, "key").post(b"{}", "once").verdict == "wrong_address"


@pytest.mark.parametrize(
    "behaviour",
    [
        says("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"ZZZ\r\nfoo"),
        says("HTTP/1.1 9999 OK"),
        says("HTTP/1.1 200 OK\nX: " + "a" * 200_000),
        says("HTTP/1.1 200 OK" + "\nX: y" * 500),
        lambda connection: None,
    ],
    ids=["bad chunk", "bad status", "long header", "many headers", "nothing"],
)
def test_what_is_no_http_is_an_error_of_ours(behaviour: Behaviour) -> None:
    """No exception of a library gets out, and the sender tries again later."""
    with serving(behaviour) as url:
        with pytest.raises(Unavailable):
            post(url, b"note", content_type="text/plain", patience=5.0)
        assert Receiver(url).post(b"{}", "once").verdict in ("later", "accepted")


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """An anchor that sends more than a receipt can be is left; of a receiver's answer only the beginning is read."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    with serving(flood) as url:
        with pytest.raises(Unavailable, match="more than"):
            post(url, b"note", content_type="text/plain")
        answer = Receiver(url).post(b"{}", "once")
        assert answer.verdict == "refused"
        assert len(answer.says) <= receiver._LONGEST_ANSWER


def test_what_a_witness_says_does_nothing_to_a_terminal() -> None:
    """Escapes in a refusal are shown as spaces."""
    said = b"\x1b]0;pwned\x07\x1b[2Jevil"
    witness = WitnessSigner.generate("example.org/witness").verifier
    with serving(says(f"HTTP/1.1 403 No\nContent-Length: {len(said)}", said)) as url, pytest.raises(LifecycleError) as refused:
        WitnessAnchor("wit", url, witness).take(_submission())
    assert "evil" in refused.value.what
    assert "\x1b" not in refused.value.what


def test_a_witness_that_answers_with_something_else_is_named() -> None:
    """A web page in place of a signature: the error is about the witness, and not about a note of ours."""
    with serving(says("HTTP/1.1 200 OK\nContent-Length: 5", b"hello")) as url, pytest.raises(Unavailable, match="something else"):
        WitnessAnchor("wit", url, WitnessSigner.generate("example.org/witness").verifier).take(_submission())

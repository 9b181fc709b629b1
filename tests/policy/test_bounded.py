"""The session that an OPA server is asked through: connections that are kept, and whole answers from them or none."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from lifecycle.policy.bounded import BoundedSession

Connections = list[socket.socket]


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[tuple[BoundedSession, Connections]]:
    """A session with a server that answers each request so, and every connection that the server has seen."""
    listening = socket.create_server(("127.0.0.1", 0))
    seen: Connections = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                seen.append(connection)
                threading.Thread(target=answer_all, args=(connection,), daemon=True).start()

    def answer_all(connection: socket.socket) -> None:
        with suppress(OSError):
            while asked := connection.recv(65_536):
                connection.sendall(answer(asked))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield BoundedSession(listening.getsockname(), {}, 5.0), seen
    finally:
        listening.close()
        for connection in seen:
            connection.close()


def echoed(asked: bytes) -> bytes:
    body = asked.partition(b"\r\n\r\n")[2]
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_one_connection_takes_one_question_after_the_other() -> None:
    """Nothing is paid for a connection but by the first question."""
    with answering(echoed) as (session, seen):
        assert [session.post("http://opa/v1/data", json={"number": number}).json() for number in range(5)] == [
            {"number": number} for number in range(5)
        ]
        assert len(seen) == 1


def test_a_connection_that_the_server_ended_is_not_asked_again() -> None:
    """A server may close what is idle; the next question finds another way."""
    with answering(echoed) as (session, seen):
        session.post("http://opa/v1/data", json={})
        seen[0].shutdown(socket.SHUT_RDWR)
        assert session.post("http://opa/v1/data", json={"number": 2}).json() == {"number": 2}
        assert len(seen) == 2


def test_what_comes_unasked_is_no_answer() -> None:
    """A second answer on a kept connection is not believed as that to the next question."""
    with answering(lambda asked: echoed(asked)) as (session, seen):
        session.post("http://opa/v1/data", json={})
        seen[0].sendall(echoed(b"\r\n\r\n[]"))
        assert session.post("http://opa/v1/data", json={"number": 2}).json() == {"number": 2}
        assert len(seen) == 2


def test_threads_get_their_own_answers() -> None:
    """Each the answer to its question, whoever asks at the same time."""
    wrong: list[int] = []

    def ask(session: BoundedSession, number: int) -> None:
        wrong.extend(number for _ in range(50) if session.post("http://opa/v1/data", json=[number]).json() != [number])

    with answering(echoed) as (session, seen):
        threads = [threading.Thread(target=ask, args=(session, number)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) <= len(threads)
    assert wrong == []


def test_a_fork_asks_over_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over one connection two processes would read each other's answers."""
    with answering(echoed) as (session, seen):
        session.post("http://opa/v1/data", json={})
        monkeypatch.setattr(os, "getpid", lambda: 0)
        session.post("http://opa/v1/data", json={})
        assert len(seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}",
        b"HTTP/1.1 nonsense\r\n\r\n",
        b"",
    ],
    ids=["cut off", "bad chunk", "bad status", "nothing"],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    """An error of the system's kind, and the connection is not asked again."""
    with answering(lambda _: answer) as (session, seen):

        def ask() -> None:
            session.post("http://opa/v1/data", json={})

        def hang_up() -> None:
            for connection in seen:
                connection.shutdown(socket.SHUT_RDWR)

        ending = threading.Timer(0.2, hang_up)
        ending.start()
        with pytest.raises(OSError):
            ask()
        ending.join()
        assert session._idle == []


def test_a_token_that_would_be_two_headers_is_refused() -> None:
    """Neither a line end nor anything else that a header does not hold."""
    for token in ("a\r\nX: y", "a\nb", "ü", "\x00"):
        with pytest.raises(ValueError, match="printable"):
            BoundedSession(("127.0.0.1", 1), {"Authorization": token}, 1.0)

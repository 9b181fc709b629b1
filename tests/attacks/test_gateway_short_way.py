"""Attacks on the short way of a prediction: to pass a check that the long way makes, or to be two requests where one was looked at."""

from __future__ import annotations

import json
import socket
from typing import BinaryIO

import pytest

from lifecycle.serving.answering import paths
from lifecycle.serving.failures import RequestRefused
from tests.attacks.closed_gateway import KEY, OTHER_KEY, PATH, body, granted
from tests.serving.granted import book
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway

LONG, SHORT = "Connection: close", "Connection: keep-alive"
AUTHORIZATION = f"Authorization: Bearer {KEY}"


def connect(gateway: RunningGateway) -> socket.socket:
    host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30.0)


def head(*headers: str) -> bytes:
    return "\r\n".join((f"POST {PATH} HTTP/1.1", "Host: x", *headers)).encode("latin-1") + b"\r\n\r\n"


def request(*headers: str, content: bytes | None = None) -> bytes:
    said = body() if content is None else content
    return head(f"Content-Length: {len(said)}", *headers) + said


def chunked(*trailers: str) -> bytes:
    said = body()
    return b"%x\r\n%b\r\n0\r\n" % (len(said), said) + "".join(f"{line}\r\n" for line in trailers).encode() + b"\r\n"


def first_line(gateway: RunningGateway, sent: bytes) -> bytes:
    with connect(gateway) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").readline()


def next_answer(answers: BinaryIO) -> tuple[int, bytes]:
    """The status and the body of the next answer on a connection."""
    status = int(answers.readline().split()[1])
    lines = dict(line.strip().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
    return status, answers.read(int(lines[b"content-length"]))


@pytest.mark.parametrize("way", [LONG, SHORT])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 401),
        ((AUTHORIZATION,), 200),
        ((f"Authorization: Bearer {OTHER_KEY}",), 401),
        ((AUTHORIZATION, AUTHORIZATION), 400),
        (("Authorization: Basic b3BlcjpvcGVy",), 401),
        ((AUTHORIZATION, "Inference-Header-Content-Length: 4"), 400),
    ],
)
def test_who_asks_is_looked_at_on_both_ways(closed: RunningGateway, way: str, headers: tuple[str, ...], status: int) -> None:
    """No key, one that was not granted, one that is shown twice: each is refused by either way, as the granted one is answered."""
    assert first_line(closed, request(way, *headers)).startswith(b"HTTP/1.1 %d" % status)


@pytest.mark.parametrize("way", [LONG, SHORT])
def test_a_key_behind_the_body_is_no_key(closed: RunningGateway, way: str) -> None:
    """A proxy that takes credentials away, or counts by them, never sees a trailer: what stands there counts for nothing."""
    transfer = "Transfer-Encoding: chunked"
    assert first_line(closed, head(way, transfer, AUTHORIZATION) + chunked()).startswith(b"HTTP/1.1 200")
    assert first_line(closed, head(way, transfer) + chunked(AUTHORIZATION)).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: +4",),
        ("Content-Length: 4, 4",),
        ("Transfer-Encoding: chunked, identity",),
    ],
)
def test_a_request_of_two_lengths_is_no_request(closed: RunningGateway, lengths: tuple[str, ...]) -> None:
    """What one server takes for the end of a body and another for its middle is answered by neither way."""
    with connect(closed) as connection:
        connection.sendall(head(AUTHORIZATION, *lengths) + b"0\r\n\r\n" + request(AUTHORIZATION))
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b" 200 " not in answer


def test_a_key_that_is_taken_away_is_refused_on_the_connection_that_it_opened(closed: RunningGateway) -> None:
    """A kept connection keeps no leave: who may ask is looked at with every request."""
    with connect(closed) as connection:
        answers = connection.makefile("rb")

        def ask() -> int:
            connection.sendall(request(AUTHORIZATION))
            return next_answer(answers)[0]

        assert ask() == 200
        closed.say_who_may_ask(book())
        assert ask() == 401
        closed.say_who_may_ask(book(granted(closed)))
        assert ask() == 200


def test_a_thousand_requests_in_one_piece_are_each_answered_and_logged_once(closed: RunningGateway) -> None:
    """In their order, none of them twice, and whoever else asks meanwhile is answered."""
    count = 1_000
    with connect(closed) as connection:
        said = json.loads(body())
        sent = b"".join(request(AUTHORIZATION, content=json.dumps(said | {"id": f"call-{one}"}).encode()) for one in range(count))
        connection.sendall(sent)
        assert closed.caller().infer(key=KEY)[0] == 200
        answers, ids = connection.makefile("rb"), []
        for one in range(count):
            status, content = next_answer(answers)
            answer = json.loads(content)
            assert status == 200
            assert answer["id"] == f"call-{one}"
            ids.append(answer["parameters"]["prediction_id"])
    logged = [row["request_id"] for row in closed.client.predictions.rows(MODEL) if row["id"] in set(ids)]
    assert sorted(logged) == sorted(f"call-{one}" for one in range(count))


def test_long_paths_are_not_remembered() -> None:
    """Whoever asks for paths without end is told that there is nothing, and fills no memory."""
    before = paths._place_of.cache_info().currsize + paths._is_plain_prediction.cache_info().currsize
    for number in range(10):
        path = f"/v2/models/{'m' * 2_000}{number}/infer"
        with pytest.raises(RequestRefused, match="nothing") as refused:
            paths.place_of(path)
        assert refused.value.status == 404
        assert not paths.is_plain_prediction(path.encode())
    assert paths._place_of.cache_info().currsize + paths._is_plain_prediction.cache_info().currsize == before

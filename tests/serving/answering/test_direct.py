"""The short way of a plain prediction: what takes it, what does not, and that nobody can tell the two apart by their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httptools
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from lifecycle.serving.answering.connections import BEGUN, MOST_HEAD_BYTES, protocol_with_deadline
from lifecycle.serving.answering.direct import DirectProtocol
from lifecycle.serving.answering.replies import Receive, Reply, Scope, Send

PATH = b"/v2/models/credit/infer"


class Pipe(asyncio.Transport):
    """What a connection was sent, and whether it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closing = False

    def write(self, data: Any) -> None:
        # What is written behind its end goes nowhere.
        if not self.closing:
            self.sent += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Echo:
    """An application that says by which way it was asked, if it is to, and sends back the body."""

    def __init__(self, *, begins: bool = False) -> None:
        self.ways: list[str] = []
        self._begins = begins

    def answer_at_once(self, scope: Scope, body: bytes, write: Callable[[Reply], None]) -> bool:
        if self._begins:
            scope[BEGUN] = self._later(body)
            return False
        self.ways.append("short")
        write(Reply(body))
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if BEGUN in scope:
            self.ways.append("begun")
            body = await cast("Awaitable[bytes]", scope[BEGUN])
        else:
            body = await self._taken(receive)
            self.ways.append("long")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async def _later(self, body: bytes) -> bytes:
        await asyncio.sleep(0)
        return body

    async def _taken(self, receive: Receive) -> bytes:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


def connected(application: Echo, keep_alive: float = 75) -> tuple[DirectProtocol, Pipe]:
    """A connection to it."""
    config = uvicorn.Config(cast("Any", application), log_level="critical", ws="none", timeout_keep_alive=cast("int", keep_alive))
    config.load()
    protocol = protocol_with_deadline(application, 10.0)(config, ServerState(), {})
    pipe = Pipe()
    protocol.connection_made(pipe)
    return cast("DirectProtocol", protocol), pipe


def request(body: bytes, *headers: bytes, target: bytes = PATH, method: bytes = b"POST", version: bytes = b"1.1") -> bytes:
    """One request, as it goes over the wire."""
    lines = [b"%b %b HTTP/%b" % (method, target, version), b"host: here", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Answers:
    """The bodies of the answers that a connection was sent."""

    def __init__(self, sent: bytes) -> None:
        self.bodies: list[bytes] = []
        httptools.HttpResponseParser(self).feed_data(sent)

    def on_message_begin(self) -> None:
        self.bodies.append(b"")

    def on_body(self, body: bytes) -> None:
        self.bodies[-1] += body


async def settled(protocol: DirectProtocol, done: Callable[[], bool]) -> None:
    """Until something is so, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not done() and time.monotonic() < deadline:
        await asyncio.sleep(0.001)
    assert done()


def ways_of(*reads: bytes, application: Echo | None = None, before: Callable[[DirectProtocol], None] = lambda _: None) -> list[str]:
    """By which way each request in these reads was answered."""
    echo = application or Echo()

    async def run() -> None:
        protocol, pipe = connected(echo)
        before(protocol)
        for read in reads:
            protocol.data_received(read)
        if pipe.closing:
            return
        asked = b"".join(reads).count(b"HTTP/1.")
        await settled(protocol, lambda: len(echo.ways) == asked)

    asyncio.run(run())
    return echo.ways


def test_a_plain_prediction_takes_the_short_way() -> None:
    """It is answered before the loop turns again."""
    echo = Echo()

    async def run() -> bytes:
        protocol, pipe = connected(echo)
        protocol.data_received(request(b"{}"))
        await asyncio.sleep(0)
        return pipe.sent

    sent = asyncio.run(run())
    assert echo.ways == ["short"]
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    "unusual",
    [
        request(b"", method=b"GET"),
        request(b"{}", target=b"/v2/feedback"),
        request(b"{}", target=PATH + b"?a=1"),
        request(b"{}", target=b"/v2/models/cr%65dit/infer"),
        request(b"{}", target=b"http://here" + PATH),
        request(b"{}", target=b"/v2/models/credit/ready"),
        request(b"{}", target=b"/v2/models/" + 1_024 * b"m" + b"/infer"),
        request(b"{}", b"expect: 100-continue"),
        request(b"{}", b"connection: close"),
        request(b"{}", version=b"1.0"),
        request(b"{}", b"connection: keep-alive", version=b"1.0"),
        request(b"{}", b"connection: upgrade", b"upgrade: h2c"),
    ],
)
def test_what_is_unusual_goes_the_way_of_any_other_request(unusual: bytes) -> None:
    """The server's own cycle knows how: it is not done twice."""
    assert ways_of(unusual) == ["long"]


def test_a_body_that_is_still_coming_goes_the_other_way() -> None:
    """Whoever sends slowly is waited for by a task with an end to its patience."""
    whole = request(b"0123456789")
    for cut in range(1, len(whole)):
        # A head in parts may be whole in the last read, with all of its body.
        assert ways_of(whole[:cut], whole[cut:]) == (["short"] if cut <= len(whole) - 10 - 1 else ["long"]), cut


def test_many_requests_in_one_read_keep_nobody_else_from_an_answer() -> None:
    """One of a read is answered at once; each of the others waits for its turn in the loop."""
    assert ways_of(request(b"1") + request(b"2") + request(b"3")) == ["short", "long", "long"]


def test_a_request_behind_one_that_is_being_answered_waits_for_it() -> None:
    """Answers come in the order of their requests, whichever way they take."""
    assert ways_of(request(b"1", target=b"/v2/feedback"), request(b"2")) == ["long", "long"]


def test_a_caller_who_does_not_read_is_waited_for() -> None:
    """What can't be written is not kept in memory without end."""
    echo = Echo()

    async def run() -> None:
        protocol, pipe = connected(echo)
        protocol.pause_writing()
        protocol.data_received(request(b"1"))
        await settled(protocol, lambda: echo.ways == ["long"])
        assert pipe.sent == b""
        protocol.resume_writing()
        await settled(protocol, lambda: Answers(pipe.sent).bodies == [b"1"])

    asyncio.run(run())


def test_what_was_begun_is_finished_by_a_task_and_not_begun_again() -> None:
    """Where another process must be asked, the same request goes on, with the arm that was drawn for it."""
    assert ways_of(request(b"1"), application=Echo(begins=True)) == ["begun"]


def test_nothing_is_answered_behind_what_is_no_request() -> None:
    """A connection that has sent nonsense is told so, and is over."""
    assert ways_of(request(b"1") + b"nonsense\r\n\r\n" + request(b"2")) == ["short"]


@pytest.mark.parametrize("then", ["nonsense", "half_close", "end", "head_without_end"])
def test_an_answer_leaves_before_anything_else_happens_to_its_connection(then: str) -> None:
    """Whatever ends the connection in the same turn of the loop: nonsense, a caller who sends no more, a gateway that ends."""

    async def run() -> bytes:
        protocol, pipe = connected(Echo())
        protocol.data_received(request(b"1"))
        match then:
            case "nonsense":
                protocol.data_received(b"nonsense\r\n\r\n")
            case "half_close":
                protocol.eof_received()
                pipe.close()
            case "end":
                protocol.shutdown()
            case _:
                protocol.data_received(b"POST /v2 HTTP/1.1\r\nx: " + b"x" * MOST_HEAD_BYTES)
        assert pipe.closing
        return pipe.sent

    assert Answers(asyncio.run(run())).bodies[0] == b"1"


STREAMS = st.lists(
    st.tuples(st.binary(max_size=12).map(bytes.hex).map(str.encode), st.sampled_from([PATH, b"/v2/feedback"])), min_size=1, max_size=6
)


@given(STREAMS, st.lists(st.integers(1, 60), max_size=12), st.booleans())
def test_however_a_stream_is_cut_each_request_has_its_own_answer_in_its_turn(
    stream: list[tuple[bytes, bytes]], cuts: list[int], begins: bool
) -> None:
    """By whichever way: no answer is lost, doubled, mixed up or out of order."""
    whole = b"".join(request(body, target=target) for body, target in stream)

    async def run() -> list[bytes]:
        protocol, pipe = connected(Echo(begins=begins))
        rest = whole
        for cut in cuts:
            protocol.data_received(rest[:cut])
            rest = rest[cut:]
            if not cut % 3:
                await asyncio.sleep(0)
        protocol.data_received(rest)
        await settled(protocol, lambda: len(Answers(pipe.sent).bodies) == len(stream))
        return Answers(pipe.sent).bodies

    assert asyncio.run(run()) == [body for body, _ in stream]


@pytest.mark.parametrize("target", [PATH, b"/v2/feedback"])
def test_a_connection_that_asks_nothing_ends(target: bytes) -> None:
    """Blank lines are no request: who sends them after an answer keeps no connection open by it."""

    async def run() -> None:
        protocol, pipe = connected(Echo(), keep_alive=0.2)
        protocol.data_received(request(b"1", target=target))
        await settled(protocol, lambda: pipe.sent != b"")
        protocol.data_received(b"\r\n")
        await settled(protocol, lambda: pipe.closing)

    asyncio.run(run())


def test_a_request_under_way_is_not_idleness() -> None:
    """The end of a connection's patience with silence does not cut off a body that is coming."""

    async def run() -> None:
        protocol, pipe = connected(Echo(), keep_alive=0.05)
        protocol.data_received(request(b"1"))
        slow = request(b"0123456789")
        protocol.data_received(slow[:-1])
        await settled(protocol, lambda: protocol._idle_timer is None)
        assert not pipe.closing
        protocol.data_received(slow[-1:])
        await settled(protocol, lambda: Answers(pipe.sent).bodies == [b"1", b"0123456789"])

    asyncio.run(run())


@pytest.mark.parametrize("reads", [(), (request(b"1"),), (request(b"1"), b"POST /v2/mo")])
def test_a_gateway_that_ends_closes_connections_that_wait_for_nothing(reads: tuple[bytes, ...]) -> None:
    """Whether nothing was asked yet, or all that was asked is answered, or a head has only begun."""

    async def run() -> None:
        protocol, pipe = connected(Echo())
        for read in reads:
            protocol.data_received(read)
        protocol.shutdown()
        assert pipe.closing

    asyncio.run(run())


def test_a_gateway_that_ends_finishes_what_it_was_asked() -> None:
    """A request whose answer is waited for is answered; then its connection ends."""

    async def run() -> None:
        protocol, pipe = connected(Echo(begins=True))
        protocol.data_received(request(b"1"))
        protocol.shutdown()
        await settled(protocol, lambda: pipe.closing)
        assert Answers(pipe.sent).bodies == [b"1"]
        assert b"connection: close" in pipe.sent

    asyncio.run(run())


def test_a_caller_who_leaves_in_the_middle_leaves_nothing_behind() -> None:
    """Neither a timer nor a request that somebody would answer later."""
    echo = Echo()

    async def run() -> None:
        protocol, _ = connected(echo)
        protocol.data_received(request(b"1"))
        protocol.data_received(request(b"0123456789")[:-1])
        protocol.connection_lost(None)
        # Let go of by its owner only if no timer of the loop holds it.
        await settled(protocol, lambda: not protocol.server_state.tasks)
        assert protocol._idle_timer is None or protocol._idle_timer.cancelled()

    asyncio.run(run())
    assert echo.ways == ["short", "long"]


def test_a_body_in_ten_thousand_chunks_of_one_byte_is_whole() -> None:
    """None of them is lost, in however many calls the parser brings them."""
    chunks = b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n"
    echo = Echo()

    async def run() -> bytes:
        protocol, pipe = connected(echo)
        protocol.data_received(b"POST %b HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n%b" % (PATH, chunks))
        await asyncio.sleep(0)
        return pipe.sent

    assert Answers(asyncio.run(run())).bodies == [b"x" * 10_000]
    assert echo.ways == ["short"]

"""Predictions that are answered where they are read: without a task, an event and a cycle of messages for each.

Nearly every request is a plain prediction that comes whole, in one read, on a connection that answers nothing else at the moment. Its
answer is made before the next read, and leaves with the others of this turn of the loop (`leaving`). Whatever is unusual about it, it
goes the way of any other request, through the server's own cycle: another method or version of HTTP, a body that is still coming,
`Expect`, an upgrade, the last request of a connection, one behind another, and a caller who does not read. So does the second request
of one read: whoever sends many at once keeps nobody else from an answer. Both ways answer alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from lifecycle.serving.answering.leaving import Leaving
from lifecycle.serving.answering.paths import is_plain_prediction
from lifecycle.serving.answering.replies import Reply, Scope


class AnswersAtOnce(Protocol):
    """What the application can do beside ASGI."""

    def answer_at_once(self, scope: Scope, body: bytes, write: Callable[[Reply], None], /) -> bool: ...


class DirectProtocol(HttpToolsProtocol):
    """The server's protocol, with a short way for plain predictions."""

    #: Who answers; each class of connections has its own.
    application: AnswersAtOnce
    #: Through which the answers of all of these connections leave.
    leaving: Leaving
    #: Whether the request that is being read may be answered here: the first of a read.
    _first = False
    #: The parts of the body, as far as they are here, of a request whose head is read and that nobody was told of yet.
    _held: list[bytes] | None = None
    #: Since when nothing is asked, on the loop's clock; None while something is.
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._first = True
        super().data_received(data)
        held = self._held
        if held is not None and not self.transport.is_closing():
            self._hand_over(b"".join(held))

    def on_message_begin(self) -> None:
        self._idle_since = None
        self.leaving.settle(self.transport)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._is_plain():
            self._held = []
        else:
            super().on_headers_complete()
        self._first = False

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is not None:
            body = b"".join(self._held)
            scope = cast("Scope", self.scope)
            scope["method"], scope["path"] = "POST", self.url.decode("ascii")
            self.leaving.begin()
            if self.application.answer_at_once(scope, body, self._write):
                self._held = None
                return
            self._hand_over(body)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline:
            self._idle()

    def eof_received(self) -> None:
        # Who sends no more still reads.
        self.leaving.settle(self.transport)
        super().eof_received()

    def shutdown(self) -> None:
        self.leaving.settle(self.transport)
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = None
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def _is_plain(self) -> bool:
        parser, cycle = self.parser, cast("RequestResponseCycle | None", self.cycle)
        return (
            self._first
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and parser.get_method() == b"POST"
            and is_plain_prediction(self.url)
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.transport.is_closing()
        )

    def _hand_over(self, body: bytes) -> None:
        """Has the server's own cycle take up a request that was held."""
        self._held = None
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _write(self, reply: Reply) -> None:
        lines = [STATUS_LINE[reply.status]]
        for name, value in (*self.server_state.default_headers, (b"content-type", reply.kind), *reply.headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"content-length: %d\r\n\r\n" % len(reply.body), reply.body)
        self.leaving.take(self.transport, b"".join(lines))
        self.server_state.total_requests += 1
        self._idle()

    def _idle(self) -> None:
        """Nothing is asked from now on. One timer looks after many requests: it looks how long that is, and sets itself again."""
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_for_idleness)

    def _look_for_idleness(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0.0:
            self._idle_timer = self.loop.call_later(left, self._look_for_idleness)
        else:
            self.timeout_keep_alive_handler()

"""Connections of callers who send slowly, without end, or no HTTP: a request's head must be whole in time, and not too long.

Nearly every request comes whole, in one piece. It is given no timer, neither here nor by whoever takes in its body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lifecycle.serving.answering.direct import AnswersAtOnce, DirectProtocol
from lifecycle.serving.answering.leaving import Leaving

#: In the scope of a request: its body was whole when its head was.
WHOLE = "lifecycle.whole"
#: In the scope of a request: what waits for its answer, where answering it was begun before it was given a task.
BEGUN = "lifecycle.begun"
#: The longest head of a request, give or take what one read brings.
MOST_HEAD_BYTES = 64 << 10
_NOT_HTTP = b'{"error":"This is not an HTTP request."}'


def protocol_with_deadline(
    answering: AnswersAtOnce, head_seconds: float, on_left: Callable[[], None] | None = None
) -> type[HttpToolsProtocol]:
    """The server's protocol with a deadline for a head that has begun. A connection that says nothing costs next to nothing.

    `on_left` is called when answers have left that were made at once.
    """

    class DeadlineProtocol(DirectProtocol):
        application = answering
        leaving = Leaving(on_left)
        _deadline: asyncio.TimerHandle | None = None
        _head_bytes = 0
        _in_head = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its parent
            super().connection_made(transport)
            self._expect_head(self.timeout_keep_alive)

        def data_received(self, data: bytes) -> None:
            self._head_bytes += len(data)
            super().data_received(data)
            if not self._in_head:
                return
            if self._head_bytes > MOST_HEAD_BYTES:
                self.transport.close()
            elif self._deadline is None:
                self._expect_head(head_seconds)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head = True
            # The one for the first head, which began with the connection.
            self._forget_deadline()

        def on_header(self, name: bytes, value: bytes) -> None:
            # What stands behind a body is no header of its request: nobody before us has looked at it.
            if self._in_head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._forget_deadline()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._head_bytes = 0
            # Its task has not begun when the body came with the head.
            self.scope[WHOLE] = True  # type: ignore[literal-required]  # a key of our own
            super().on_message_complete()

        def send_400_response(self, msg: str) -> None:
            self.leaving.settle(self.transport)
            head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(_NOT_HTTP)}\r\nconnection: close"
            self.transport.write(head.encode() + b"\r\n\r\n" + _NOT_HTTP)
            self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_deadline()
            super().connection_lost(exc)

        def _expect_head(self, seconds: float) -> None:
            self._forget_deadline()
            self._deadline = self.loop.call_later(seconds, self.transport.close)

        def _forget_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return DeadlineProtocol

"""Connections of callers who send slowly: each request's head must be whole in time, or its connection is closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def protocol_with_deadline(head_seconds: float) -> type[HttpToolsProtocol]:
    """The server's protocol with a deadline for a head that has begun. A connection that says nothing costs next to nothing."""

    class DeadlineProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its parent
            super().connection_made(transport)
            self._expect_head(self.timeout_keep_alive)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._expect_head(head_seconds)

        def on_headers_complete(self) -> None:
            self._forget_deadline()
            super().on_headers_complete()

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

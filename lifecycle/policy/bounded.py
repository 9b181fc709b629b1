"""An HTTP session that no server can hold, flood or send elsewhere: what the OPA client asks through.

The client's own timeout is one of each read, which a server that sends a byte every now and then never trips; what it answers is read to
its end, however long; and it follows redirects, which would take the question to whoever the server names.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import weakref
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

#: No decision is near this.
MOST_BYTES = 16 << 20
_PIECE = 4_096


class BoundedSession:
    """The part of a `requests` session that the client uses, around the one that it made.

    Every exchange ends within `seconds`, from its first byte to its last, and stays at the server that was asked. Raises TimeoutError past
    the deadline, ConnectionError for a redirect and for more than an answer can be, and else what the session raises.
    """

    def __init__(self, session: Any, seconds: float) -> None:
        # Otherwise a proxy of the environment sees the questions, and a ~/.netrc overrides the bearer token.
        session.trust_env = False
        self._session = session
        self._seconds = seconds
        self._idle: list[_Worker] = []
        weakref.finalize(self, _dismiss, self._idle)

    def get(self, url: str, **options: Any) -> Any:
        return self._asked("GET", url, options)

    def post(self, url: str, **options: Any) -> Any:
        return self._asked("POST", url, options)

    def _asked(self, method: str, url: str, options: dict[str, Any]) -> Any:
        deadline = time.monotonic() + self._seconds
        worker = self._worker()
        worker.calls.put(lambda: _read(self._session.request(method, url, **options, stream=True, allow_redirects=False), deadline))
        try:
            found = worker.outcomes.get(timeout=self._seconds)
        except queue.Empty:
            # Never asked again: what it may still say is the answer to another question.
            worker.calls.put(None)
            raise TimeoutError(f"no whole answer within {self._seconds:g} s") from None
        self._idle.append(worker)
        if isinstance(found, Exception):
            raise found
        return found

    def _worker(self) -> _Worker:
        """One that has nothing to do. Those of before a fork did not come along."""
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:
                return _Worker()
            if worker.process == os.getpid():
                return worker


class _Worker:
    """A thread that makes one call after the other. A daemon: one that hangs on a server that never ends must not keep the process."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self.process = os.getpid()
        self.outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            try:
                self.outcomes.put(call())
            # All that `requests` raises is an OSError. What else there may be ends this thread, and so the question at its deadline.
            except (OSError, HTTPException, ValueError) as error:
                self.outcomes.put(error)
            # It holds the session, whose end dismisses this.
            del call


def _dismiss(idle: list[_Worker]) -> None:
    for worker in idle:
        worker.calls.put(None)


def _read(response: Any, deadline: float) -> Any:
    """The response with its whole content in it. Raises ConnectionError where it is a redirect, too long or too late."""
    content = bytearray()
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > MOST_BYTES or time.monotonic() > deadline:
            response.close()
            raise ConnectionError("more is answered, or more slowly, than any decision is")
    if response.is_redirect or 300 <= response.status_code < 400:
        raise ConnectionError("the server sends the question elsewhere")
    response._content = bytes(content)
    return response

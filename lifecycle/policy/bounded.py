"""An HTTP session that no server can hold, flood or send elsewhere: what the OPA client asks through.

The client's own timeout is one of each read, which a server that sends a byte every now and then never trips; what it answers is read to
its end, however long; and it follows redirects, which would take the question to whoever the server names.
"""

from __future__ import annotations

import queue
import threading
import time
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

    def get(self, url: str, **options: Any) -> Any:
        return self._asked("GET", url, options)

    def post(self, url: str, **options: Any) -> Any:
        return self._asked("POST", url, options)

    def _asked(self, method: str, url: str, options: dict[str, Any]) -> Any:
        outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()
        deadline = time.monotonic() + self._seconds

        def exchange() -> None:
            try:
                response = self._session.request(method, url, **options, stream=True, allow_redirects=False)
                outcome.put(_read(response, deadline))
            # All that `requests` raises is an OSError. What else there may be ends this thread, and so the question at its deadline.
            except (OSError, HTTPException, ValueError) as error:
                outcome.put(error)

        # A daemon: one that hangs on a server that never ends must not keep the process.
        threading.Thread(target=exchange, daemon=True).start()
        try:
            found = outcome.get(timeout=self._seconds)
        except queue.Empty:
            raise TimeoutError(f"no whole answer within {self._seconds:g} s") from None
        if isinstance(found, Exception):
            raise found
        return found


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

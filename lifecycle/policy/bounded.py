"""An HTTP session that no server can hold, flood or send elsewhere: what the OPA client asks through.

The session that the client makes for itself has a timeout of each read, which a server that sends a byte every now and then never trips;
it reads an answer to its end, however long; it follows redirects, which take the question to whoever the server names; it sees proxies
and a ~/.netrc of the environment; and it has the answer compressed. A question through it costs five times what one through this does.

`outbound` makes the same promises to who asks now and then: a connection of its own each time, through the proxies of the environment.
"""

from __future__ import annotations

import io
import os
import queue
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import JsonValue

from lifecycle.records.record import parse_json

#: No decision is near this.
MOST_BYTES = 16 << 20


class RefusedQuestion(OSError):
    """A status that says that this is no answer; `response` has the server's own words."""

    def __init__(self, response: Answered) -> None:
        super().__init__(f"status {response.status_code}")
        self.response = response


@dataclass(frozen=True)
class Answered:
    """The part of a `requests` response that the client looks at."""

    status_code: int
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise RefusedQuestion(self)

    def json(self) -> JsonValue:
        """The answer. Raises MalformedRecord for what readers would disagree on."""
        return parse_json(self.content.rstrip())


class BoundedSession:
    """The part of a `requests` session that the client uses, on connections to one server that are kept.

    Every exchange ends within `seconds`, from looking up the server to the last byte, and stays at that server. Raises TimeoutError past
    the deadline, ConnectionError for a redirect, for half an answer and for more than an answer can be, and else an OSError. Safe to use
    from several threads and after a fork.
    """

    def __init__(self, address: tuple[str, int], headers: Mapping[str, str], seconds: float, trusted: ssl.SSLContext | None = None) -> None:
        """`trusted` says who may vouch for the server; plain HTTP without it. Raises ValueError for a header that would be two."""
        self._address = address
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        said = {"Host": f"{host}:{address[1]}", "Accept-Encoding": "identity", **headers}
        if any(not value.isascii() or not value.isprintable() for value in said.values()):
            raise ValueError("a header holds printable ASCII")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self._seconds = seconds
        self._trusted = trusted
        self._idle: list[tuple[int, socket.socket]] = []
        weakref.finalize(self, _close, self._idle)

    def get(self, url: str, **_: Any) -> Answered:
        return self._asked("GET", url, b"")

    def post(self, url: str, *, json: Any, **_: Any) -> Answered:
        return self._asked("POST", url, orjson.dumps(json))

    def _asked(self, method: str, url: str, body: bytes) -> Answered:
        deadline = time.monotonic() + self._seconds
        connection = self._kept() or self._connected(deadline)
        try:
            parts = urlsplit(url)
            head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n"
            _send(connection, f"{head}Content-Type: application/json\r\n\r\n".encode("ascii") + body, deadline)
            response = HTTPResponse(_Watched(connection, deadline), method=method)  # type: ignore[arg-type]  # all of a socket that it uses
            answered = _read(response)
        # A deadline, a broken connection, or no HTTP: what this connection may still say is the answer to another question.
        except HTTPException as error:
            connection.close()
            raise ConnectionError(f"what is answered is no HTTP: {type(error).__name__}") from error
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append((os.getpid(), connection))
        return answered

    def _kept(self) -> socket.socket | None:
        """A connection on which nothing waits. Those of before a fork are of another process, and one that can be read is over."""
        while True:
            try:
                process, connection = self._idle.pop()
            except IndexError:
                return None
            waiting = select.poll()
            waiting.register(connection, select.POLLIN)
            if process == os.getpid() and not waiting.poll(0):
                return connection
            connection.close()

    def _connected(self, deadline: float) -> socket.socket:
        """A new connection, made by a thread of its own: nothing bounds how long looking up a name takes."""
        outcomes: queue.SimpleQueue[socket.socket | Exception] = queue.SimpleQueue()
        late = threading.Event()

        def connect() -> None:
            try:
                made = self._connect()
            except (OSError, ValueError) as error:
                outcomes.put(error)
                return
            if late.is_set():
                made.close()
            else:
                outcomes.put(made)

        threading.Thread(target=connect, daemon=True).start()
        try:
            found = outcomes.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            late.set()
            raise TimeoutError(f"no connection within {self._seconds:g} s") from None
        if isinstance(found, Exception):
            raise found
        return found

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, self._seconds)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection if self._trusted is None else self._trusted.wrap_socket(connection, server_hostname=self._address[0])
        except BaseException:
            connection.close()
            raise


class _Watched(io.RawIOBase):
    """What `HTTPResponse` reads a socket through: each read has what is left until the deadline. Its end is not that of the socket."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 1 << 16)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError past it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer is late")
    return left


def _send(connection: socket.socket, content: bytes, deadline: float) -> None:
    view = memoryview(content)
    while view:
        connection.settimeout(_left(deadline))
        view = view[connection.send(view) :]


def _read(response: HTTPResponse) -> Answered:
    """The whole answer. Raises ConnectionError where it is a redirect, too long or cut off."""
    response.begin()
    if 300 <= response.status < 400:
        raise ConnectionError("the server sends the question elsewhere")
    content = response.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ConnectionError("more is answered than any decision is")
    if response.length:
        raise ConnectionError("the answer is cut off")
    return Answered(response.status, content)


def _close(idle: list[tuple[int, socket.socket]]) -> None:
    for _, connection in idle:
        connection.close()

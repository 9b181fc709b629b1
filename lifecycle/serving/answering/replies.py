"""What a caller is sent: the answer, or what was wrong in the form of the protocol, and when to come again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from lifecycle.serving.access.refusing import AccessRefused
from lifecycle.serving.answering.protocol import as_bytes
from lifecycle.serving.failures import RequestRefused, WrongMethod

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
#: So much more of a body that nobody wants is read, and so long, before its connection ends.
_MOST_DROPPED_BYTES = 8 << 20
_LINGER_SECONDS = 1.0
_CLOSE: Headers = ((b"connection", b"close"),)
_MORE_HEADERS: dict[int, Headers] = {
    408: _CLOSE,
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
}


class Reply(NamedTuple):
    """One answer, whole."""

    body: bytes
    status: int = 200
    kind: bytes = JSON
    headers: Headers = ()
    #: Whether its request's body is not taken in yet, and shall not be: the connection ends.
    unread: bool = False


def refusal(error: RequestRefused, *, unread: bool = False) -> Reply:
    """What a refused caller is told: what is wrong and where, when to come again, and what to show.

    The `unread` rest of a body that is too large, or that a stranger sends, is not taken in: the connection ends.
    """
    ending = unread and error.status in (401, 413)
    return Reply(_error(error.what, error.field), error.status, JSON, (*_more_headers(error), *(_CLOSE if ending else ())), ending)


def failure(status: int, what: str) -> Reply:
    """What a caller is told who is not at fault, and when to come again."""
    return Reply(_error(what), status, JSON, _MORE_HEADERS.get(status, ()))


async def respond(send: Send, receive: Receive, reply: Reply) -> None:
    """Sends it. A caller who still sends has a moment to read it: one whose connection just broke would never know why."""
    headers = [(b"content-type", reply.kind), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.unread:
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await _drop(receive)
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": reply.body})


async def _drop(receive: Receive) -> None:
    """Reads on for a little, and keeps nothing."""
    dropped, more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while more and dropped < _MOST_DROPPED_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                more = message.get("more_body", False)


def _error(what: str, field: str = "") -> bytes:
    said = {"error": what, "field": field} if field else {"error": what}
    return as_bytes({key: text.encode("utf-8", "backslashreplace").decode() for key, text in said.items()})


def _more_headers(error: RequestRefused) -> Headers:
    if isinstance(error, AccessRefused):
        retry = ((b"retry-after", b"%d" % error.retry_seconds),) if error.retry_seconds else ()
        return (*retry, (b"www-authenticate", b"Bearer")) if error.status == 401 else retry
    if isinstance(error, WrongMethod):
        # RFC 9110, 15.5.6: it must say which would do.
        return ((b"allow", error.allowed.encode()),)
    return _MORE_HEADERS.get(error.status, ())

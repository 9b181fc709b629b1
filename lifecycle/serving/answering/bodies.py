"""Taking in the bodies of requests: so much and no more, in time, and not too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from lifecycle.serving.answering.connections import WHOLE
from lifecycle.serving.answering.replies import Receive, Scope
from lifecycle.serving.failures import RequestRefused

#: The largest bodies that one worker takes in at once, in memory.
MOST_ARRIVING = 256


class Bodies:
    """One worker's. Callers who send slowly keep nobody else from an answer."""

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._arriving_bytes = 0

    async def take(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body of a request.

        Raises RequestRefused for one that is too large (413), that is not whole in time (408) or whose caller left (400), and where
        too much is arriving already (503).
        """
        self._look_at_length(scope)
        if WHOLE in scope:
            return self._whole(await receive())
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while await self._takes_more(receive, body):
                    if self._arriving_bytes > MOST_ARRIVING * self._most_bytes:
                        raise RequestRefused("Too much is being sent at once.", status=503)
        except TimeoutError as error:
            raise RequestRefused(f"The body was not whole within {self._seconds:g} s.", status=408) from error
        finally:
            self._arriving_bytes -= len(body)
        return bytes(body)

    def checked(self, scope: Scope, body: bytes) -> bytes:
        """A body that is whole already. Raises RequestRefused for one that is too large (413)."""
        self._look_at_length(scope)
        return self._sized(body)

    def _look_at_length(self, scope: Scope) -> None:
        length = header(scope, b"content-length") or b"0"
        if length.isdigit() and int(length) > self._most_bytes:
            raise self._too_large()

    def _whole(self, message: MutableMapping[str, Any]) -> bytes:
        """A body that is here already: nobody waits for it."""
        if message["type"] == "http.disconnect":
            raise RequestRefused("The caller left before the request was whole.")
        return self._sized(message["body"])

    def _sized(self, body: bytes) -> bytes:
        if len(body) > self._most_bytes:
            raise self._too_large()
        return body

    async def _takes_more(self, receive: Receive, body: bytearray) -> bool:
        """Takes in the next part of a body; whether there is more."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused("The caller left before the request was whole.")
        chunk: bytes = message.get("body", b"")
        body += chunk
        self._arriving_bytes += len(chunk)
        if len(body) > self._most_bytes:
            raise self._too_large()
        more: bool = message.get("more_body", False)
        return more

    def _too_large(self) -> RequestRefused:
        return RequestRefused(f"The body is larger than {self._most_bytes} bytes.", status=413)


def header(scope: Scope, name: bytes) -> bytes | None:
    """A header of a request, by its name in small letters. Of one that stands twice, the last."""
    found = None
    for one, value in scope["headers"]:
        if one == name:
            found = value
    return found

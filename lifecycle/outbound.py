"""One request to a server that is not ours: bounded in time and in size, no redirects, and no error that is not ours.

A server that sends a byte every now and then never trips a socket's timeout, so the whole exchange has a deadline of its
own. A redirect is an answer like any other: following it would take what is sent, and a key beside it, to whoever the
server names.

Each request is a connection of its own, through whatever proxy the environment names: right for what is asked now and then of servers
on the internet. Gates are asked over kept connections, past every proxy: see `policy.bounded`.
"""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable


@dataclass(frozen=True)
class Answered:
    """What came back, whatever its status. Of the content no more than was asked for; `cut` says that there was more."""

    status: int
    content: bytes
    cut: bool
    retry_after: str | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int, authority: Path | None = None) -> Answered:
    """The answer to a POST over http or https, through the proxies of the environment.

    `authority` is the PEM file of who signed the server's certificate, where that is none of the system's. Raises Unavailable where no
    answer comes within the seconds, or what comes is no HTTP.
    """
    return _asked(urllib.request.Request(url, data=body, headers=dict(headers), method="POST"), seconds, most_bytes, authority)


def get(url: str, headers: Mapping[str, str], *, seconds: float, most_bytes: int, authority: Path | None = None) -> Answered:
    """The answer to a GET; the rest as in `post`."""
    return _asked(urllib.request.Request(url, headers=dict(headers), method="GET"), seconds, most_bytes, authority)


def _asked(request: urllib.request.Request, seconds: float, most_bytes: int, authority: Path | None) -> Answered:
    url = request.full_url
    outcome: queue.SimpleQueue[Answered | Exception] = queue.SimpleQueue()

    def exchange() -> None:
        try:
            outcome.put(_answer(request, seconds, most_bytes, authority))
        # ValueError: what a server says is parsed by a library that raises it for a bad port, length or address.
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome.put(error)

    # A daemon: one that hangs on a server that never ends must not keep the process.
    threading.Thread(target=exchange, daemon=True).start()
    try:
        found = outcome.get(timeout=seconds)
    except queue.Empty:
        raise Unavailable(f"{url} has not answered within {seconds:g} s.", "Ask its operator, and try again.") from None
    if isinstance(found, Exception):
        reason = getattr(found, "reason", found)
        raise Unavailable(
            f"{url} does not answer: {plain(str(reason)) or type(found).__name__}.",
            "Check the address, and that it can be reached from here.",
        ) from found
    return found


def plain(text: str) -> str:
    """What a server said, on one line and without what would do something to a terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> None:
        """Not even looked at: the address in it may be none."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _answer(request: urllib.request.Request, seconds: float, most_bytes: int, authority: Path | None) -> Answered:
    handlers: list[Any] = [_NoRedirects]
    if authority is not None:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)))
    try:
        response = urllib.request.build_opener(*handlers).open(request, timeout=seconds)
    except urllib.error.HTTPError as refusal:
        response = refusal
    with response:
        content = response.read(most_bytes + 1)
        return Answered(response.status, content[:most_bytes], len(content) > most_bytes, response.headers.get("Retry-After"))

"""One POST over HTTP, with limits; what goes wrong is an error of ours."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass

from lifecycle.errors import InvalidDeclaration, Unavailable

#: How long an anchor may take to answer, in seconds, and how much.
PATIENCE_SECONDS = 30.0
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Answered:
    status: int
    content: bytes


def post(url: str, body: bytes, *, content_type: str, patience: float = PATIENCE_SECONDS) -> Answered:
    """The answer to a POST, whatever its status. Raises Unavailable where none comes, InvalidDeclaration for a URL that is not HTTP's."""
    require_http(url)
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type}, method="POST")
    try:
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return Answered(answer.status, _within_bounds(answer.read(MOST_BYTES + 1), url))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answered(refusal.code, _within_bounds(refusal.read(MOST_BYTES + 1), url))
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{url} does not answer: {error}.", "Check the address, and that it can be reached from here.") from error


def require_http(url: str) -> None:
    """Raises InvalidDeclaration for anything but http:// and https://."""
    if not url.startswith(("http://", "https://")):
        raise InvalidDeclaration(f"{url!r} is no address of an anchor.", "Give one that begins with https:// or http://.")


def _within_bounds(content: bytes, url: str) -> bytes:
    if len(content) > MOST_BYTES:
        raise Unavailable(f"{url} answers with more than {MOST_BYTES} bytes.", "Ask its operator what it is.")
    return content

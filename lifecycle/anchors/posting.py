"""One POST to an anchor, within its limits."""

from __future__ import annotations

from lifecycle import outbound
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.outbound import Answered

#: How long an anchor may take to answer, in seconds, and how much.
PATIENCE_SECONDS = 30.0
MOST_BYTES = 1_000_000


def post(url: str, body: bytes, *, content_type: str, patience: float = PATIENCE_SECONDS) -> Answered:
    """The answer to a POST, whatever its status. Raises Unavailable where none comes, InvalidDeclaration for a URL that is not HTTP's."""
    require_http(url)
    answered = outbound.post(url, body, {"Content-Type": content_type}, seconds=patience, most_bytes=MOST_BYTES)
    if answered.cut:
        raise Unavailable(f"{url} answers with more than {MOST_BYTES} bytes.", "Ask its operator what it is.")
    return answered


def require_http(url: str) -> None:
    """Raises InvalidDeclaration for anything but http:// and https://."""
    if not url.startswith(("http://", "https://")):
        raise InvalidDeclaration(f"{url!r} is no address of an anchor.", "Give one that begins with https:// or http://.")

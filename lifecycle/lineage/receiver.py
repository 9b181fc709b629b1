"""A receiver of OpenLineage over HTTP: one event a request, and what its answers mean."""

from __future__ import annotations

import http.client
import ipaddress
import urllib.parse
from dataclasses import dataclass
from typing import Literal

from lifecycle import __version__, outbound
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.outbound import Answered, plain

#: Where receivers listen, by the specification of OpenLineage's API, unless the address says otherwise.
PATH = "/api/v1/lineage"
#: How long an answer is waited for.
TIMEOUT_SECONDS = 10.0
#: Answers after which the same request may well be taken a little later.
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Answers that are about the sender or the address, and not about the event.
_ADDRESS = frozenset({401, 403, 404, 405, 407})
#: It stands there already.
_CONFLICT = 409
_LONGEST_ANSWER = 500

Verdict = Literal["accepted", "later", "refused", "wrong_address"]


@dataclass(frozen=True)
class Answer:
    """What came of one request. `retry_after_seconds` is what the receiver asked for, where it did."""

    verdict: Verdict
    status: int
    says: str
    retry_after_seconds: float | None = None


class Receiver:
    """An endpoint that takes OpenLineage events, with the key that it knows us by."""

    def __init__(self, address: str, api_key: str | None = None) -> None:
        """Raises InvalidDeclaration for what is no address of HTTP, or one over which the key could be read."""
        self.url = endpoint(address)
        parts = urllib.parse.urlsplit(self.url)
        if api_key is not None and parts.scheme == "http" and not _is_here(parts.hostname or ""):
            raise InvalidDeclaration(
                "LIFECYCLE_OPENLINEAGE_API_KEY would travel in the clear.", "Give the receiver an https address, or no key."
            )
        self._api_key = api_key

    def post(self, event: bytes, idempotency_key: str) -> Answer:
        """Sends one event. Never raises for what the network or the receiver does: that is the answer."""
        headers = {"Content-Type": "application/json", "User-Agent": f"lifecycle/{__version__}", "Idempotency-Key": idempotency_key}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        try:
            return _meaning(outbound.post(self.url, event, headers, seconds=TIMEOUT_SECONDS, most_bytes=_LONGEST_ANSWER))
        except Unavailable as error:
            return Answer("later", 0, error.what)


def endpoint(address: str) -> str:
    """The URL that events are posted to: the address, with OpenLineage's path where it has none.

    Raises InvalidDeclaration for anything but http or https, and for an address with a name and password in it.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidDeclaration(f"{address!r} is no address of an OpenLineage receiver.", "Write it as https://host[:port][/path].")
    if parts.username is not None:
        raise InvalidDeclaration("The address of the receiver holds a password.", "Give it as LIFECYCLE_OPENLINEAGE_API_KEY.")
    path = parts.path if parts.path.strip("/") else PATH
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _meaning(answered: Answered) -> Answer:
    """What an answer means for the event. A redirect is about the address: the key is carried nowhere else."""
    status = answered.status
    if 200 <= status < 300:
        return Answer("accepted", status, "")
    says = plain(answered.content.decode("utf-8", "replace")) or http.client.responses.get(status, "")
    if status == _CONFLICT:
        return Answer("accepted", status, says)
    if status in _LATER:
        return Answer("later", status, says, _seconds(answered.retry_after))
    if status in _ADDRESS or status < 400:
        return Answer("wrong_address", status, says)
    return Answer("refused" if status < 500 else "later", status, says)


def _seconds(header: str | None) -> float | None:
    """What Retry-After asks for. A date in it is as good as nothing: our own back-off is never far from it."""
    return float(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 6 else None


def _is_here(host: str) -> bool:
    """Whether a host is this machine by its name alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""What may be told of a request once it is answered: to the access log, and to whoever traces. Nothing that a caller could hide a
secret or a name in: no header, no query, no body, and of the path only what it names here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lifecycle.records.record import Microseconds
from lifecycle.serving.answering.paths import Place

#: In the scope of a request: by which grant its caller may ask.
GRANT = "lifecycle.grant"


class Seen(NamedTuple):
    """A request that was answered."""

    at_us: Microseconds
    duration_us: int
    method: str
    #: None where the path names nothing that is here.
    place: Place | None
    status: int
    #: Of the body of the answer.
    answer_bytes: int
    grant_id: str | None
    #: The trace that the caller is in, as W3C Trace Context has it; none where it says none.
    traceparent: bytes | None


class Onlooker(Protocol):
    """Is told of every answered request, after its caller. Raises nothing."""

    def saw(self, seen: Seen, /) -> None: ...

    def close(self) -> None: ...


Onlookers = Sequence[Onlooker]

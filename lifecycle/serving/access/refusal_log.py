"""The log of refused requests, to write: who was refused, why and how often, and never what was asked.

The first refusal of a kind is in its file before the answer leaves. Those of the same kind within the same second are counted, and
stand in one more line when the second is over. So a flood of refusals costs a few lines a second, whatever it sends, and a killed
worker loses the count of one second at most.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lifecycle.errors import Unavailable
from lifecycle.records.bodies.access import RefusalReason
from lifecycle.records.record import SECOND_US
from lifecycle.serving.answering.protocol import as_bytes
from lifecycle.serving.prediction_log.segments import SUFFIX
from lifecycle.serving.prediction_log.writing import Appended

_LOG = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """A kind of refusal. The grant where one is known; a model's name only where it is served here: both are few."""

    reason: RefusalReason
    status: int
    grant_id: str | None
    model: str | None


@dataclass
class _Repeated:
    """How often a kind was refused again within one second, and when last."""

    from_us: int
    requests: int = 0
    to_us: int = 0


class RefusalWriter:
    """One worker's part of the log."""

    def __init__(
        self, folder: Path, worker: int, segment_seconds: float, counted: Callable[[RefusalReason], None] = lambda reason: None
    ) -> None:
        """`counted` is told of each refused request, whatever becomes of its line."""
        self._folder = folder
        self._worker = worker
        self._segment_seconds = segment_seconds
        self._counted = counted
        self._segment: Appended | None = None
        self._opened = 0.0
        self._repeated: dict[Refusal, _Repeated] = {}
        #: Refused requests that no disk took a line for.
        self.lost = 0

    def refused(self, refusal: Refusal, at_us: int) -> None:
        """Counts one refused request. A disk that is full changes no answer: what is lost is counted."""
        self._counted(refusal.reason)
        repeated = self._repeated.get(refusal)
        if repeated is not None and at_us - repeated.from_us < SECOND_US:
            repeated.requests += 1
            repeated.to_us = at_us
            return
        if repeated is not None and repeated.requests:
            self._write(refusal, repeated.requests, repeated.from_us, repeated.to_us)
        self._repeated[refusal] = _Repeated(at_us)
        self._write(refusal, 1, at_us, at_us)

    def settle(self, now_us: int) -> None:
        """Writes what was counted in seconds that are over, and closes a segment that has taken lines for long enough."""
        for refusal, repeated in list(self._repeated.items()):
            if now_us - repeated.from_us >= SECOND_US:
                del self._repeated[refusal]
                if repeated.requests:
                    self._write(refusal, repeated.requests, repeated.from_us, repeated.to_us)
        if self._segment is not None and time.monotonic() - self._opened >= self._segment_seconds:
            self._segment.close()
            self._segment = None

    def close(self) -> None:
        """Writes what is left."""
        self.settle(1 << 62)
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _write(self, refusal: Refusal, requests: int, from_us: int, to_us: int) -> None:
        line = as_bytes({**refusal._asdict(), "requests": requests, "from_us": from_us, "to_us": to_us}) + b"\n"
        try:
            if self._segment is None:
                self._segment = Appended(self._folder / f"{time.time_ns() // 1_000:017d}-{self._worker}-{os.getpid()}{SUFFIX}")
                self._opened = time.monotonic()
            self._segment.append(line)
        except (OSError, Unavailable) as error:
            self.lost += requests
            _LOG.error("%d refused requests are not in the log of refusals: %s", self.lost, error)

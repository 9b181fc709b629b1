"""Verification of claimed times: what happened between two ledger checkpoints that somebody else saw, happened between those times.

An event's time is claimed by whoever wrote it; its place is not. A checkpoint that was seen at a time holds every record before it as old
as that, and the records after it were appended later. So the time that a record claims lies between the times of the two anchors
around it, give or take what a clock may be off and a signature may wait for its stamp.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.events import Event

#: How far a claimed time may lie outside: clocks that are not the same, and the time between a signature and its stamp.
TOLERANCE_SECONDS = 300
#: What the gateway tells of the past: it acts first, on a journal of its own, and enters it when the ledger answers.
ENTERED_LATE = frozenset(
    {
        "RolloutStepReached",
        "RolloutCompleted",
        "RolloutAborted",
        "RollbackRequested",
        "RolledBack",
        "PredictionsSealed",
        "RefusalsSealed",
    }
)

_GATEWAY = "gateway"
_TOLERANCE_US = TOLERANCE_SECONDS * 1_000_000


@dataclass(frozen=True)
class SeenAt:
    """Somebody who is believed saw a ledger checkpoint of this many records at this time."""

    size: int
    at_us: int
    by: str


class TimeCheck(Check):
    """Fed with the events in order; holds each against the anchors around it."""

    def __init__(self, seen: Iterable[SeenAt]) -> None:
        self._seen = _in_time(seen)
        self._sizes = [found.size for found in self._seen]

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Whether this event claims a time that its place allows."""
        following = bisect_right(self._sizes, index)
        before = self._seen[following - 1] if following else None
        after = self._seen[following] if following < len(self._seen) else None
        claimed = event.occurred_at_us
        if after is not None and claimed > after.at_us + _TOLERANCE_US:
            told = f"{_claim(index, event)}, but {after.by} saw it at {_moment(after.at_us)} already: postdated"
            yield Finding(index, told, "L3")
        elif before is not None and claimed < before.at_us - _TOLERANCE_US:
            told = f"{_claim(index, event)}, but came after what {before.by} saw at {_moment(before.at_us)}"
            late = event.type in ENTERED_LATE and event.actor.id == _GATEWAY
            yield Finding(index, f"{told}: {'entered late, as the gateway may' if late else 'backdated'}", None if late else "L3")


def _in_time(seen: Iterable[SeenAt]) -> list[SeenAt]:
    """What was seen before any longer ledger was, the smallest size first.

    A stamp that came later than one on a longer ledger came late: it says nothing about when the records around it were written.
    """
    found: list[SeenAt] = []
    for sight in sorted(seen, key=lambda sight: (-sight.size, sight.at_us)):
        if not found or (sight.size < found[-1].size and sight.at_us <= found[-1].at_us):
            found.append(sight)
    return found[::-1]


def _claim(index: int, event: Event) -> str:
    return f"{named(index, event.type, event.id)} claims to have happened at {_moment(event.occurred_at_us)}"


def _moment(at_us: int) -> str:
    try:
        return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{at_us} µs"

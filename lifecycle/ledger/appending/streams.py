"""The places that are given in streams: a counter for every subject, so that a missing record of one shows.

A record's place is how many records of its subject stand up to it. Records of before there were places have none written
down, and count.
"""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.errors import MalformedRecord
from lifecycle.records.events import Event


class Streams:
    """The last place of each stream that was asked for; `moved` is what changed since they were kept."""

    def __init__(self, kept: Callable[[str], int]) -> None:
        self._kept = kept
        self._last: dict[str, int] = {}
        self.moved: dict[str, int] = {}

    def place(self, event: Event) -> int:
        """The next place of the event's stream, which is its from now on.

        Raises MalformedRecord for an event that was written for another place.
        """
        stream = event.stream
        last = self._last.get(stream)
        place = (self._kept(stream) if last is None else last) + 1
        if event.sequence not in (None, place):
            raise MalformedRecord(
                f"Event {event.id} says that it is number {event.sequence} of {stream}, but the next one is {place}.",
                "Leave `sequence` out: the ledger gives it.",
            )
        self._last[stream] = self.moved[stream] = place
        return place

    def written(self) -> None:
        """What moved is kept now."""
        self.moved.clear()

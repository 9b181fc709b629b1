"""Verification of states and streams: every event could happen, none of its subject is missing before it, and the tables agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle.errors import IllegalTransition
from lifecycle.ledger.appending.projections import Leaf, Projections, different_states, different_streams
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.events import Event


class ProjectionCheck:
    """Folds the events, and holds each one's place in its stream against how many there were; the tables, at the end, against all."""

    def __init__(self, rows: LedgerRows, closed: Mapping[tuple[str, int], int]) -> None:
        """`closed`: see `Projections`."""
        self._rows = rows
        self._made = Projections(closed)
        #: Streams in which a place was given: from there on every record has one.
        self._placed: dict[str, int] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with the place of this event, and with what it does."""
        place = self._made.count(event.stream)
        yield from self._compare(index, event, place)
        try:
            self._made.move(index, event)
        except IllegalTransition as error:
            yield Finding(index, f"{named(index, event.type, event.id)} can't have happened: {error.what}")

    def pass_over(self, row: Leaf) -> None:
        """Takes in a record whose bytes are gone, or are no event."""
        self._made.pass_over(row)

    def end(self) -> Iterator[Finding]:
        """Where the tables say something else. They are no part of the record, but every department believes them."""
        if self._rows.has_projections():
            for told in (*different_states(self._made, self._rows.states()), *different_streams(self._made, self._rows.streams())):
                yield Finding(None, f"{told} (`lifecycle ledger fsck` makes it again)")

    def _compare(self, index: int, event: Event, place: int) -> Iterator[Finding]:
        off = self._placed.get(event.stream)
        if event.sequence is None:
            if off is not None:
                yield Finding(index, f"{named(index, event.type, event.id)} has no place in {event.stream}, though one before it has")
            return
        # One that is missing moves the places of all that follow: that is one finding.
        if event.sequence - place != (off or 0):
            before = "record of it stands" if place == 2 else "records of it stand"
            yield Finding(
                index,
                f"{named(index, event.type, event.id)} is number {event.sequence} of {event.stream}, but {place - 1} {before} before it",
            )
        self._placed[event.stream] = event.sequence - place

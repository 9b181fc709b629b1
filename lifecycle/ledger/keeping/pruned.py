"""Which records' bytes went by an event: what tells pruning from tampering."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self, TypeVar

from lifecycle.errors import MalformedRecord, UnknownName
from lifecycle.ledger.recorded import StoredRow, recorded_in
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.events import Recorded

Row = TypeVar("Row", bound=StoredRow)


class PrunedRanges:
    """The indexes that BodiesPruned events name, and which event names each. An event speaks of records before it only."""

    def __init__(self, ranges: list[tuple[int, int, int]]) -> None:
        self._ranges = sorted(ranges)
        self._starts = [start for start, _, _ in self._ranges]
        #: Ranges of one pruning never overlap, but those of several may: a damaged ledger must not hide behind one.
        self._longest = max((end - start for start, end, _ in ranges), default=0)

    @classmethod
    def of(cls, prunings: Mapping[int, BodiesPruned]) -> Self:
        """By the index of each event."""
        return cls([(some.start, min(some.end, index), index) for index, body in prunings.items() for some in body.ranges])

    @classmethod
    def told_by(cls, rows: Iterable[StoredRow]) -> Self:
        """By rows of BodiesPruned events. Raises Tampered where one was altered."""
        found = _readable(list(rows), lambda: cls([]))
        return cls.of({one.index: one.event.body for one in found if isinstance(one.event.body, BodiesPruned)})

    def by(self, index: int) -> int | None:
        """The index of the event that says that this record was pruned; None where none does."""
        position = bisect_right(self._starts, index) - 1
        while position >= 0 and self._starts[position] > index - self._longest:
            start, end, event = self._ranges[position]
            if start <= index < end:
                return event
            position -= 1
        return None

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and self.by(index) is not None

    def __len__(self) -> int:
        return len(self._ranges)


def those_present(
    fetch: Callable[[int | None], Sequence[StoredRow]], limit: int | None, ranges: Callable[[], PrunedRanges]
) -> list[Recorded]:
    """The events of the first `limit` rows that `fetch` gives (all, for None), without those whose bytes were pruned or are no event.

    Whoever may append can append what nobody can read: that is for verification to name, and keeps no reader from the rest.
    `ranges` is asked only where bytes are gone. Raises Tampered where they are gone and no event says why, or a row was altered.
    """
    rows = fetch(limit)
    found = _readable(rows, ranges)
    if limit is not None and len(found) < len(rows):
        found = _readable(fetch(None), ranges)
    return found[:limit]


def _readable(rows: Sequence[StoredRow], ranges: Callable[[], PrunedRanges]) -> list[Recorded]:
    found: list[Recorded] = []
    pruned: PrunedRanges | None = None
    for row in rows:
        if row.stored is None:
            pruned = ranges() if pruned is None else pruned
            if row.leaf_index in pruned:
                continue
        try:
            found.append(recorded_in(row))
        except MalformedRecord:
            continue
    return found


def require_present(row: Row, ranges: Callable[[], PrunedRanges]) -> Row:
    """The row, unless its bytes were pruned: then raises UnknownName that says by which record."""
    if row.stored is None:
        by = ranges().by(row.leaf_index)
        if by is not None:
            raise UnknownName(
                f"The bytes of record {row.leaf_index} ({row.type}) were pruned after their retention, as record {by} says.",
                "Its leaf hash stands; ask whoever kept an evidence pack of that time for its bytes.",
            )
    return row

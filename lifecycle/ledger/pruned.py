"""Which records' bytes went by an event: what tells pruning from tampering."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Self

from lifecycle.records.bodies.keeping import BodiesPruned


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

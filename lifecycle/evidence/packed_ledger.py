"""The records of a pack, read like a ledger: what is made from them says nothing that the pack does not hold."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from lifecycle.evidence.selection import Row
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Version

#: Of a longer pack records are parsed as often as they are asked for: parsed they take ten times their bytes.
_KEPT_PARSED = 5_000


@dataclass(frozen=True)
class Extent:
    """How far the ledger reached when it was packed."""

    size: int


@dataclass(frozen=True)
class PackedLedger:
    """Events of these rows, which stand in ledger order; those whose bytes were pruned are not among them."""

    rows: tuple[Row, ...]
    size: int
    note: str
    _parsed: dict[int, Recorded] = field(default_factory=dict, repr=False)

    def events(
        self,
        *,
        types: Collection[str] | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: Version | None = None,
        run_id: str | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Recorded]:
        """The events that fit every filter that is given, in ledger order."""
        fitting = (
            row
            for row in self._from(since, types)
            if (kind is None or row.subject_kind == kind)
            and (name is None or row.subject_name == name)
            and (version is None or row.subject_version == version)
            and (run_id is None or row.run_id == run_id)
        )
        return [self._recorded(row) for row in islice(fitting, limit)]

    def latest(self, limit: int) -> list[Recorded]:
        """The last events, in ledger order."""
        return [self._recorded(row) for row in self._present[-limit:]]

    def __len__(self) -> int:
        """How many events there are."""
        return len(self._present)

    def head(self) -> Extent:
        """How far the ledger reached."""
        return Extent(self.size)

    def checkpoint(self) -> str:
        """The signed note that the pack stands under."""
        return self.note

    @cached_property
    def _present(self) -> list[Row]:
        return [row for row in self.rows if row.stored is not None]

    @cached_property
    def _by_type(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._present:
            found.setdefault(row.type, []).append(row)
        return found

    def _from(self, since: int, types: Collection[str] | None) -> Iterator[Row]:
        """The rows of these types from an index on."""
        if types is None:
            rows = self._present
        elif len(set(types)) == 1:
            rows = self._by_type.get(next(iter(types)), [])
        else:
            wanted = set(types)
            rows = sorted((row for one in wanted for row in self._by_type.get(one, ())), key=_index)
        return islice(rows, bisect_left(rows, since, key=_index), None)

    def _recorded(self, row: Row) -> Recorded:
        known = self._parsed.get(row.leaf_index)
        if known is not None:
            return known
        assert row.stored is not None
        recorded = Recorded(index=row.leaf_index, event=Event.parse(row.stored))
        if len(self.rows) <= _KEPT_PARSED:
            self._parsed[row.leaf_index] = recorded
        return recorded


def _index(row: Row) -> int:
    return row.leaf_index

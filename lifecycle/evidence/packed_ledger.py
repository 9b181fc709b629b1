"""The records of a pack, read like a ledger: what is made from them says nothing that the pack does not hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from lifecycle.evidence.selection import Row
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Version


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
            for row in self.rows
            if row.stored is not None
            and row.leaf_index >= since
            and (types is None or row.type in types)
            and (kind is None or row.subject_kind == kind)
            and (name is None or row.subject_name == name)
            and (version is None or row.subject_version == version)
            and (run_id is None or row.run_id == run_id)
        )
        found = [self._recorded(row) for row in fitting]
        return found if limit is None else found[:limit]

    def head(self) -> Extent:
        """How far the ledger reached."""
        return Extent(self.size)

    def checkpoint(self) -> str:
        """The signed note that the pack stands under."""
        return self.note

    def _recorded(self, row: Row) -> Recorded:
        if row.leaf_index not in self._parsed:
            assert row.stored is not None
            self._parsed[row.leaf_index] = Recorded(index=row.leaf_index, event=Event.parse(row.stored))
        return self._parsed[row.leaf_index]

"""What the leaves say, against what is kept beside them so that it is found fast: head, states, streams, and the columns of events.

All of that can be made again from the leaves, and here it is, in memory: each difference is reported. What of it can be written
anew is said; damage to the leaves themselves can't be mended by anything but a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lifecycle.errors import MalformedRecord
from lifecycle.ledger.appending.projections import Projections, different_states, different_streams
from lifecycle.ledger.storage.columns import EVENT_COLUMNS, RecordRow, columns_of
from lifecycle.ledger.storage.rows import HeadEntry, LedgerRows
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.ledger.verifying.pruning_check import PruningCheck
from lifecycle.ledger.verifying.structure import Structure
from lifecycle.ledger.verifying.written_roots import WrittenRoots
from lifecycle.proofs.merkle import Frontier

Table = Literal["leaves", "events", "head", "states", "streams"]
#: The values of EVENT_COLUMNS.
Columns = tuple[str | int | None, ...]


@dataclass(frozen=True)
class Difference:
    """Something that a table says otherwise than the leaves; `mendable` where it can be written anew from them."""

    table: Table
    index: int | None
    what: str
    mendable: bool = True


@dataclass(frozen=True)
class Examination:
    """All differences of one ledger as it stood at one moment, and what the leaves say instead."""

    size: int
    differences: tuple[Difference, ...]
    frontier: Frontier = field(repr=False)
    projections: Projections = field(repr=False)
    #: (index, columns) of rows whose columns are not those of their bytes.
    columns: tuple[tuple[int, Columns], ...] = field(repr=False)
    #: Triggers that should refuse changes and are gone. No leaf is different for it, but somebody took them off.
    missing_guards: tuple[str, ...] = ()

    @property
    def mendable(self) -> bool:
        """Whether every difference can be written anew."""
        return all(difference.mendable for difference in self.differences)


def examine(url: str) -> Examination:
    """Reads a whole ledger, and writes nothing.

    Raises Unavailable where there is none or it does not answer, Tampered where its database can't be read to the end.
    """
    with LedgerRows(url) as rows, rows.snapshot():
        return examine_rows(rows)


def examine_rows(rows: LedgerRows) -> Examination:
    """The same over rows that are open already, in a snapshot or while their writer has its turn."""
    damage: list[Finding] = []
    head = rows.head()
    structure = Structure(WrittenRoots((), (), damage.append).all(rows))
    damage.extend(structure.read(rows.leaves(), rows.name_of))
    damage.extend(structure.compare_roots())
    found = [Difference("leaves", finding.index, finding.what, mendable=False) for finding in damage]
    found += _head(head, structure, mendable=not found)
    pruning = PruningCheck(rows)
    projections = Projections(pruning.closed_versions)
    columns: list[tuple[int, Columns]] = []
    for row in rows.records():
        differing, values = _record(row, projections, pruning)
        found += differing
        if values is not None:
            columns.append((row.leaf_index, values))
    found += _wrongly_gone(pruning.end())
    if rows.has_projections():
        found += (Difference("states", None, told) for told in different_states(projections, rows.states()))
        found += (Difference("streams", None, told) for told in different_streams(projections, rows.streams()))
    return Examination(structure.size, tuple(found), structure.frontier, projections, tuple(columns), rows.missing_guards())


def _head(head: HeadEntry, structure: Structure, *, mendable: bool) -> Iterator[Difference]:
    """A head that covers more than there is tells of records that were dropped: writing it anew would hide that."""
    covers_more = isinstance(head.size, int) and head.size > structure.size
    for finding in structure.compare_head(head):
        yield Difference("head", None, finding.what, mendable=mendable and not covers_more)


def _record(row: RecordRow, projections: Projections, pruning: PruningCheck) -> tuple[list[Difference], Columns | None]:
    """What is different in one row, and the columns that it should have, where it has others."""
    try:
        event = projections.take(row)
    except MalformedRecord:
        # Bytes that do not have the hash of their leaf are told already; what was appended so is for verification to name.
        return [], None
    if event is None:
        return list(_wrongly_gone(pruning.look_at_missing(row))), None
    values = columns_of(event)
    told = [
        Difference("events", row.leaf_index, f"the column {column} of record {row.leaf_index} says {said!r}, its bytes say {value!r}")
        for column, said, value in zip(EVENT_COLUMNS, row[1:-2], values, strict=True)
        if said != value
    ]
    return [*_wrongly_gone(pruning.look_at(row.leaf_index, event)), *told], values if told else None


def _wrongly_gone(findings: Iterator[Finding]) -> Iterator[Difference]:
    """Bytes that are gone against the rules are damage: states that were made again from what is left would hide what went."""
    for finding in findings:
        yield Difference("leaves", finding.index, finding.what, mendable=False)

"""The semantic part of verification, one record at a time: its bytes are an event, and its columns say the same.

What else an event must be, by itself and after those before it, is asked by the checks (`ledger/checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.ledger.checks import Check
from lifecycle.ledger.columns import EVENT_COLUMNS, columns_of
from lifecycle.ledger.findings import Finding, named
from lifecycle.ledger.keeping_check import KeepingCheck
from lifecycle.ledger.projection_check import ProjectionCheck
from lifecycle.ledger.rows import RecordRow
from lifecycle.records.events import Event


class RecordCheck:
    """Fed with the rows in order."""

    def __init__(self, projections: ProjectionCheck, keeping: KeepingCheck, others: Sequence[Check]) -> None:
        self._projections = projections
        self._keeping = keeping
        self._checks: tuple[Check, ...] = (projections, keeping, *others)

    def look_at(self, row: RecordRow) -> Iterator[Finding]:
        """What is wrong with this record by itself, or after those before it."""
        try:
            event = _event_of(row)
        except Tampered as error:
            self._projections.pass_over(row)
            if row.stored is not None or not self._keeping.pruned(row.leaf_index):
                yield Finding(row.leaf_index, f"{_named(row)} {error.what}")
            return
        for column, said, value in zip(EVENT_COLUMNS, row[1:-2], columns_of(event), strict=True):
            if said != value:
                yield Finding(row.leaf_index, f"{_named(row)} was altered: its column {column} says {said!r}, its bytes say {value!r}")
        for check in self._checks:
            yield from check.look_at(row.leaf_index, event)

    def end(self) -> Iterator[Finding]:
        """What shows only after the last record."""
        for check in self._checks:
            yield from check.end()


def _event_of(row: RecordRow) -> Event:
    """The event of a row. Raises LifecycleError, which says what is wrong as the end of a sentence that begins with its name."""
    if row.stored is None:
        raise Tampered("was altered: its bytes are gone, and nothing says that they were pruned", "Restore a backup.")
    if not isinstance(row.stored, bytes):
        raise Tampered("was altered: its bytes are no bytes any more", "Restore a backup.")
    try:
        return Event.parse(row.stored)
    except LifecycleError as error:
        raise Tampered(f"is not an event: {error.what}", error.next_step) from error


def _named(row: RecordRow) -> str:
    return named(row.leaf_index, row.type, row.event_id)

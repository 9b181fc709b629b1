"""The semantic part of verification, one record at a time: its bytes are an event, and its columns say the same.

What else an event must be, by itself and after those before it, is asked by the checks (`ledger/verifying/checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.errors import MalformedRecord
from lifecycle.ledger.appending.projections import event_in
from lifecycle.ledger.storage.columns import EVENT_COLUMNS, RecordRow, columns_of
from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.ledger.verifying.projection_check import ProjectionCheck
from lifecycle.ledger.verifying.pruning_check import PruningCheck


class RecordCheck:
    """Fed with the rows in order."""

    def __init__(self, projections: ProjectionCheck, pruning: PruningCheck, others: Sequence[Check]) -> None:
        self._projections = projections
        self._pruning = pruning
        self._checks: tuple[Check, ...] = (projections, pruning, *others)

    def look_at(self, row: RecordRow) -> Iterator[Finding]:
        """What is wrong with this record by itself, or after those before it."""
        try:
            event = event_in(row.stored)
        except MalformedRecord as error:
            self._projections.pass_over(row)
            yield Finding(row.leaf_index, f"{_named(row)} is not an event: {error.what}")
            return
        if event is None:
            self._projections.pass_over(row)
            yield from self._pruning.look_at_missing(row)
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


def _named(row: RecordRow) -> str:
    return named(row.leaf_index, row.type, row.event_id)

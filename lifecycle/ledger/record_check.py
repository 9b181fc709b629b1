"""Verification of one record at a time: its bytes are an event, its columns say the same, and it could happen."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.errors import IllegalTransition, LifecycleError
from lifecycle.ledger.columns import EVENT_COLUMNS, columns_of
from lifecycle.ledger.findings import Finding
from lifecycle.ledger.rows import RecordRow
from lifecycle.ledger.statement_check import StatementCheck
from lifecycle.records.agreement import disagreements
from lifecycle.records.events import Event
from lifecycle.records.states import EVERYWHERE, Fold, touched

#: No environment goes by this name: here only what counts everywhere has happened.
_NOWHERE = ""


def named(row: RecordRow) -> str:
    """A record as a finding names it."""
    return f"record {row.leaf_index} ({row.type}, id {row.event_id})"


class RecordCheck:
    """Fed with the rows in order; remembers the state of every version in every environment, and what was signed."""

    def __init__(self) -> None:
        #: What events about bytes alone lead to: where every environment begins.
        self._everywhere = Fold(_NOWHERE)
        self._by_environment: dict[str, Fold] = {}
        self._statements = StatementCheck()

    def look_at(self, row: RecordRow) -> Iterator[Finding]:
        """What is wrong with this record by itself, or after those before it."""
        if row.stored is None:
            yield Finding(row.leaf_index, f"{named(row)} was altered: its bytes are gone, and nothing says that they were pruned")
            return
        if not isinstance(row.stored, bytes):
            yield Finding(row.leaf_index, f"{named(row)} was altered: its bytes are no bytes any more")
            return
        try:
            event = Event.parse(row.stored)
        except LifecycleError as error:
            yield Finding(row.leaf_index, f"{named(row)} is not an event: {error.what}")
            return
        for column, said, value in zip(EVENT_COLUMNS, row[1:-2], columns_of(event), strict=True):
            if said != value:
                yield Finding(row.leaf_index, f"{named(row)} was altered: its column {column} says {said!r}, its bytes say {value!r}")
        yield from self._happened(row, event)
        for wrong in (*disagreements(event), *self._statements.look_at(row.leaf_index, event)):
            yield Finding(row.leaf_index, f"{named(row)} {wrong}")

    def _happened(self, row: RecordRow, event: Event) -> Iterator[Finding]:
        if not touched(event):
            return
        if event.type not in EVERYWHERE and event.environment not in self._by_environment:
            self._by_environment[event.environment] = Fold(event.environment, self._everywhere.states)
        impossible = ""
        for folded in (self._everywhere, *self._by_environment.values()):
            try:
                folded.apply(event)
            except IllegalTransition as error:
                impossible = error.what
        if impossible:
            yield Finding(row.leaf_index, f"{named(row)} can't have happened: {impossible}")

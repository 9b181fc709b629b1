"""Verification of what is missing beside the leaves: whatever is gone went by an event that says so.

Bytes of a record that are gone were pruned, and a value that a commitment in a record stands for was erased: an event later in
the ledger names each. What is missing without one was taken away by somebody; what was erased and is there
again was brought back, from a backup or from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from lifecycle.errors import LifecycleError
from lifecycle.ledger.columns import RecordRow
from lifecycle.ledger.findings import Finding, named
from lifecycle.ledger.pruned import PrunedRanges
from lifecycle.ledger.rows import LedgerRows
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.governors import PersonEnrolled
from lifecycle.records.bodies.keeping import BodiesPruned, LedgerRestored, LegalHoldPlaced, SubjectErased
from lifecycle.records.events import Event
from lifecycle.records.record import Digest
from lifecycle.records.retention import OBSERVATIONS

#: The bodies that hold a commitment to a value beside the ledger, and the field that it stands in.
COMMITTED = {PersonEnrolled: attrgetter("directory"), LegalHoldPlaced: attrgetter("subject")}
#: What is read before the pass: it says what later records may lack.
_BEFOREHAND = ("BodiesPruned",)


class KeepingCheck:
    """Fed with the events in order. Made over the rows that are then verified, in the same snapshot."""

    def __init__(self, rows: LedgerRows) -> None:
        self._kept: set[Digest] = {commitment for commitment, _, _ in rows.openings()}
        self._prunings: dict[int, BodiesPruned] = dict(_prunings(rows))
        self._pruned = PrunedRanges.of(self._prunings)
        self._committed: dict[Digest, int] = {}
        self._erased: dict[Digest, int] = {}
        #: Restores that the ledger tells of, by the index of the record.
        self.restores: list[tuple[int, LedgerRestored]] = []

    @property
    def closed_versions(self) -> dict[tuple[str, int], int]:
        """The versions (model, number) whose past may have been pruned, and the last record that says that nothing follows from it."""
        return {(closed.model, closed.version): index for index, body in self._prunings.items() for closed in body.closed_versions}

    @property
    def anything_pruned(self) -> bool:
        """Whether a record says that bytes of others were pruned."""
        return bool(self._prunings)

    def pruned(self, index: int) -> bool:
        """Whether a later record says that the bytes of this one were pruned."""
        return index in self._pruned

    def look_at_missing(self, row: RecordRow) -> Iterator[Finding]:
        """What is wrong with the bytes of this record being gone, by what its columns say: nothing else is left of it."""
        by = self._pruned.by(row.leaf_index) if isinstance(row.leaf_index, int) else None
        name = named(row.leaf_index, row.type, row.event_id)
        if by is None:
            yield Finding(row.leaf_index, f"{name} was altered: its bytes are gone, and nothing says that they were pruned")
            return
        closed = self.closed_versions.get((row.subject_name, row.subject_version))
        if row.type not in OBSERVATIONS and (row.subject_kind != "model" or closed is None or row.leaf_index > closed):
            yield Finding(row.leaf_index, f"{name} was pruned by record {by}, but it is no observation and of no version that is over")
        elif closed is None and row.occurred_at_us >= self._prunings[by].before_us:
            yield Finding(row.leaf_index, f"{name} was pruned by record {by} before its retention had passed")

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes an event in: it is there, so it can't have been pruned. What it tells is held together at the end."""
        body = event.body
        by = self._pruned.by(index)
        if by is not None:
            yield Finding(index, f"record {index} was pruned by record {by}, but its bytes are there again")
        committed = _commitment_of(body)
        if committed is not None:
            self._committed.setdefault(committed, index)
        if isinstance(body, SubjectErased):
            self._erased.update(dict.fromkeys(body.openings, index))
        elif isinstance(body, LedgerRestored):
            self.restores.append((index, body))
            if not _can_be(index, body):
                yield Finding(index, f"record {index} says of a restore what can't be: its numbers are not those of its place and its note")

    def end(self) -> Iterator[Finding]:
        """Every value that is missing or back, once all events were looked at."""
        for commitment, index in self._committed.items():
            if commitment not in self._kept and commitment not in self._erased:
                yield Finding(index, f"the value that record {index} commits to is missing, and no erasure says why ({commitment})")
        for commitment, index in self._erased.items():
            if commitment in self._kept:
                yield Finding(index, f"record {index} says that the value behind {commitment} was erased, but it is kept again")
        for index, restored in self.restores:
            told = f"record {index} says that the ledger was restored from a backup of {restored.backup_size} records"
            yield Finding(index, f"{told}: {_lost(restored)} ({restored.reason})", None)


def _can_be(index: int, restored: LedgerRestored) -> bool:
    """Whether a restore stands right after its backup, and counts the loss as its note does."""
    known = restored.backup_size
    if restored.last_known is not None:
        try:
            known = max(Checkpoint.parse(restored.last_known).size, known)
        except LifecycleError:
            return False
    return index == restored.backup_size and restored.lost == known - restored.backup_size


def _lost(restored: LedgerRestored) -> str:
    if restored.last_known is None:
        return "nothing outside it was known, so nobody can tell what was lost"
    first, last = restored.backup_size, restored.backup_size + restored.lost - 1
    if not restored.lost:
        return "no record that was signed is lost"
    return f"record {first} is lost" if restored.lost == 1 else f"records {first} to {last} are lost"


def _commitment_of(body: Body) -> Digest | None:
    field = COMMITTED.get(type(body))
    commitment = None if field is None else field(body)
    return None if commitment is None else commitment.digest


def _prunings(rows: LedgerRows) -> Iterator[tuple[int, BodiesPruned]]:
    """Every BodiesPruned that can be read. One that can't is a finding of whoever looks at its record."""
    for row in rows.wanted({}, _BEFOREHAND, since=0, newest_first=False, limit=None):
        try:
            body = Event.parse(row.stored).body
        except (LifecycleError, TypeError, ValueError):
            continue
        if isinstance(body, BodiesPruned) and isinstance(row.leaf_index, int):
            yield row.leaf_index, body

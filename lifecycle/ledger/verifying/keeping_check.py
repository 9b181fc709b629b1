"""Verification of what is kept beside the leaves: a value that is gone went by an event that says so.

A value that a commitment in a record stands for was erased where an event later in the ledger names it. What is missing
without one was taken away by somebody; what was erased and is there again was brought back, from a backup or from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from lifecycle.errors import LifecycleError
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.governors import PersonEnrolled
from lifecycle.records.bodies.keeping import LedgerRestored, LegalHoldPlaced, SubjectErased
from lifecycle.records.counted import counted
from lifecycle.records.events import Event
from lifecycle.records.record import Digest

#: The bodies that hold a commitment to a value beside the ledger, and the field that it stands in.
COMMITTED = {PersonEnrolled: attrgetter("directory"), LegalHoldPlaced: attrgetter("subject")}


class KeepingCheck:
    """Fed with the events in order. Made over the rows that are then verified, in the same snapshot."""

    def __init__(self, rows: LedgerRows) -> None:
        self._kept: set[Digest] = {commitment for commitment, _, _ in rows.openings()}
        self._committed: dict[Digest, int] = {}
        self._erased: dict[Digest, int] = {}
        #: Restores that the ledger tells of, by the index of the record.
        self.restores: list[tuple[int, LedgerRestored]] = []

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes an event in. What it tells is held together at the end."""
        body = event.body
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
            told = f"record {index} says that the ledger was restored from a backup of {counted(restored.backup_size, 'record')}"
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

"""Verification: what a ledger's rows prove, and to what level.

| level | means                                                                                          |
| ----- | ---------------------------------------------------------------------------------------------- |
| L0    | self-consistent: every record has the bytes, the columns, the place and the state that it says |
| L1    | log-signed: the log's key signed this tree, up to its latest ledger checkpoint                 |
| L2    | as held: the ledger goes on from a ledger checkpoint that the verifier held before             |

A log that its operator signs alone proves nothing against that operator: at L1 they could have rebuilt and signed it
anew. Only L2 sees a tail that was dropped together with its checkpoints, or a rebuilt log. No log proves that
nothing was ever left out. Rows are streamed: memory grows with the number of versions and approvals, not of records.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, LifecycleError, Tampered
from lifecycle.ledger.findings import Finding, Verification, level_reached
from lifecycle.ledger.record_check import RecordCheck
from lifecycle.ledger.rows import CheckpointEntry, LedgerRows
from lifecycle.ledger.tree_check import TreeCheck, WrittenRoot
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from lifecycle.records.identity import Opening
from lifecycle.records.record import parse_json

if TYPE_CHECKING:
    from lifecycle.ledger.ledger import Ledger


def verify_ledger(ledger: Ledger | str, verifier_key: VerifierKey | None, held_checkpoint: str | None = None) -> Verification:
    """Verifies every record, the tree, every ledger checkpoint and every state; reads the rows and nothing else.

    Without the log's verifier key nothing above L0 is reached. `held_checkpoint` is a signed note that the verifier
    got earlier and kept elsewhere. What is wrong is returned as findings; raises Unavailable where there is no
    ledger or it does not answer, InvalidDeclaration for a held checkpoint without a key to check it with.
    """
    if held_checkpoint is not None and verifier_key is None:
        raise InvalidDeclaration(
            "A ledger checkpoint that you hold can't be checked without the log's key.", "Pass the verifier key as well."
        )
    inspection = _Inspection(verifier_key, held_checkpoint)
    try:
        with LedgerRows(ledger if isinstance(ledger, str) else ledger.url) as rows, rows.snapshot():
            inspection.inspect(rows)
    except Tampered as error:
        # The database itself can't be read any further.
        inspection.findings.append(Finding(None, error.what))
    return inspection.result()


class _Inspection:
    """One verification while it goes on."""

    def __init__(self, key: VerifierKey | None, held_note: str | None) -> None:
        self.findings: list[Finding] = []
        self._key = key
        self._held = self._open_held(held_note)
        self._held_given = held_note is not None
        self._origin = "" if key is None else key.name
        self._tree: TreeCheck | None = None

    def inspect(self, rows: LedgerRows) -> None:
        head = rows.head()
        if self._key is not None and head.origin != self._key.name:
            self.findings.append(
                Finding(None, f"the ledger says that it is {head.origin!r}, but the key is that of {self._key.name!r}", "L1")
            )
        self._origin = str(head.origin)
        self._tree = tree = TreeCheck(heapq.merge(self._kept(rows), self._held_root(), key=lambda written: written.size))
        records = RecordCheck()
        for row in rows.records():
            self.findings += tree.add(row)
            self.findings += records.look_at(row)
        self.findings += tree.end(head)
        for event_id, first, last in rows.event_ids_held_twice():
            self.findings.append(Finding(last, f"the event id {event_id} stands twice: in record {first} and in record {last}"))
        self.findings += _openings(rows)

    def result(self) -> Verification:
        size, root, signed = (0, EMPTY_ROOT, 0) if self._tree is None else (self._tree.size, self._tree.root, self._tree.signed_size)
        held = self._held_given and self._held is not None
        return Verification(
            ok=not self.findings,
            origin=self._origin,
            size=size,
            root=root,
            level=level_reached(self.findings, signed=self._key is not None and signed > 0, held=held),
            signed_size=signed if self._key is not None else 0,
            held_size=None if self._held is None else self._held.size,
            findings=tuple(self.findings),
        )

    def _open_held(self, note: str | None) -> Checkpoint | None:
        if note is None or self._key is None:
            return None
        try:
            return open_note(note, [self._key])
        except LifecycleError as error:
            self.findings.append(Finding(None, f"the ledger checkpoint that you hold does not count: {error.what}", "L2"))
            return None

    def _held_root(self) -> Iterator[WrittenRoot]:
        if self._held is not None:
            yield WrittenRoot(self._held.size, self._held.root_hash, "the ledger checkpoint that you hold", "L2")

    def _kept(self, rows: LedgerRows) -> Iterator[WrittenRoot]:
        """The roots of the ledger checkpoints that are kept in the database; what is wrong with one is a finding."""
        for entry in rows.checkpoints():
            try:
                checkpoint = self._opened(entry)
            except LifecycleError as error:
                self.findings.append(
                    Finding(None, f"the kept ledger checkpoint of {entry.tree_size} records does not count: {error.what}", "L1")
                )
                continue
            if (checkpoint.size, checkpoint.root_hash) != (entry.tree_size, entry.root_hash):
                self.findings.append(
                    Finding(None, f"the columns of the ledger checkpoint of {entry.tree_size} records are not what its note says", "L1")
                )
                continue
            yield WrittenRoot(checkpoint.size, checkpoint.root_hash, f"the ledger checkpoint of {checkpoint.size} records", "L1")

    def _opened(self, entry: CheckpointEntry) -> Checkpoint:
        note = str(entry.note)
        return Checkpoint.parse(note) if self._key is None else open_note(note, [self._key])


def _openings(rows: LedgerRows) -> Iterator[Finding]:
    """Values beside the log that do not open the commitment they are kept for."""
    for commitment, salt, value in rows.openings():
        try:
            opens = Opening(salt_hex=salt, value=parse_json(value)).commitment().digest
        except (LifecycleError, ValueError, TypeError):
            opens = None
        if opens != commitment:
            yield Finding(None, f"the value kept for the commitment {commitment} is not the one that was committed to")

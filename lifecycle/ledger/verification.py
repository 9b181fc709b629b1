"""Verification: what a ledger's rows prove, and to what level.

| level | means                                                                                          |
| ----- | ---------------------------------------------------------------------------------------------- |
| L0    | self-consistent: every record has the bytes, the columns, the place and the state that it says |
| L1    | log-signed: the log's key signed this tree, up to its latest ledger checkpoint                 |
| L2    | as held: the ledger goes on from a ledger checkpoint that the verifier held before             |

It has two parts. The structural one (`structure.py`) reads no record: rows, tree, ledger checkpoints. The semantic one reads every
record and asks the checks of `checks.py`: what it says twice, whether it could happen, whether one of its subject is missing
before it, whether people signed what it says and were no makers of it, whether what is gone went by an event.

A log that its operator signs alone proves nothing against that operator: at L1 they could have rebuilt and signed it
anew. Only L2 sees a tail that was dropped together with its checkpoints, or a rebuilt log. No log proves that
nothing was ever left out. Rows are streamed: memory grows with the number of versions and approvals, not of records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, Tampered
from lifecycle.ledger.agreement_check import AgreementCheck
from lifecycle.ledger.checks import Check
from lifecycle.ledger.findings import Assurance, Finding, Verification, level_reached
from lifecycle.ledger.keeping_check import KeepingCheck
from lifecycle.ledger.opening_check import values_that_do_not_open
from lifecycle.ledger.projection_check import ProjectionCheck
from lifecycle.ledger.record_check import RecordCheck
from lifecycle.ledger.rows import LedgerRows
from lifecycle.ledger.statement_check import StatementCheck
from lifecycle.ledger.structure import Structure
from lifecycle.ledger.written_roots import WrittenRoots
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import VerifierKey

if TYPE_CHECKING:
    from lifecycle.ledger.ledger import Ledger


def verify_ledger(
    ledger: Ledger | str,
    verifier_key: VerifierKey | None,
    held_checkpoint: str | None = None,
    *,
    structure_only: bool = False,
    checks: Sequence[Check] = (),
) -> Verification:
    """Verifies every record, the tree, every ledger checkpoint and every state; reads the rows and nothing else.

    Without the log's verifier key nothing above L0 is reached. `held_checkpoint` is a signed note that the verifier
    got earlier and kept elsewhere. `structure_only` leaves out what the records say; `checks` are asked of them besides those
    that every ledger must pass. What is wrong is returned as findings; raises Unavailable where there is no
    ledger or it does not answer, InvalidDeclaration for a held checkpoint without a key to check it with.
    """
    if held_checkpoint is not None and verifier_key is None:
        raise InvalidDeclaration(
            "A ledger checkpoint that you hold can't be checked without the log's key.", "Pass the verifier key as well."
        )
    inspection = _Inspection(verifier_key, () if held_checkpoint is None else (held_checkpoint,))
    try:
        with LedgerRows(ledger if isinstance(ledger, str) else ledger.url) as rows, rows.snapshot():
            inspection.look_at_structure(rows)
            if structure_only:
                inspection.leave_records_unread()
            else:
                inspection.look_at_records(rows, checks)
    except Tampered as error:
        # The database itself can't be read any further.
        inspection.found.append(Finding(None, error.what))
    return inspection.result()


class _Inspection:
    """One verification while it goes on."""

    def __init__(self, key: VerifierKey | None, held_notes: Sequence[str]) -> None:
        #: Findings and notices.
        self.found: list[Finding] = []
        self._key = key
        self._written = WrittenRoots(() if key is None else (key,), held_notes, self.found.append)
        self._origin = "" if key is None else key.name
        self._structure: Structure | None = None
        self._records_read = True

    def look_at_structure(self, rows: LedgerRows) -> None:
        """Rows, tree, ledger checkpoints."""
        head = rows.head()
        if self._key is not None and head.origin != self._key.name:
            told = f"the ledger says that it is {head.origin!r}, but the key is that of {self._key.name!r}"
            self.found.append(Finding(None, told, "L1"))
        self._origin = str(head.origin)
        self._structure = structure = Structure(self._written.all(rows))
        self.found.extend(structure.read(rows.leaves(), rows.name_of))
        self.found.extend(structure.compare_roots())
        self.found.extend(structure.compare_head(head))

    def look_at_records(self, rows: LedgerRows, others: Sequence[Check]) -> None:
        """What the records say, and what is kept beside them."""
        keeping = KeepingCheck(rows)
        projections = ProjectionCheck(rows, keeping.closed_versions)
        records = RecordCheck(projections, keeping, (AgreementCheck(), StatementCheck(), *others))
        for row in rows.records():
            self.found.extend(records.look_at(row))
        self.found.extend(records.end())
        self.found.extend(_ids_held_twice(rows))
        self.found.extend(values_that_do_not_open(rows))

    def leave_records_unread(self) -> None:
        """Says what was not looked at."""
        self._records_read = False
        gone = 0 if self._structure is None else self._structure.without_bytes
        if gone:
            told = f"{gone} records have no bytes; whether they were pruned by an event is for the whole verification to say"
            self.found.append(Finding(None, told, None))

    def result(self) -> Verification:
        findings = tuple(found for found in self.found if found.breaks is not None)
        size, root, fitting = (
            (0, EMPTY_ROOT, {}) if self._structure is None else (self._structure.size, self._structure.root, self._structure.fitting)
        )
        signed = 0 if self._key is None else max(fitting.values(), default=0)
        held = self._written.held
        shown: set[Assurance] = {"L1"} if signed else set()
        if held:
            shown.add("L2")
        return Verification(
            ok=not findings,
            origin=self._origin,
            size=size,
            root=root,
            level=level_reached(findings, shown),
            signed_size=signed,
            held_size=held[-1].size if held else None,
            findings=findings,
            notices=tuple(found for found in self.found if found.breaks is None),
            records_read=self._records_read,
        )


def _ids_held_twice(rows: LedgerRows) -> Iterator[Finding]:
    for event_id, first, last in rows.event_ids_held_twice():
        yield Finding(last, f"the event id {event_id} stands twice: in record {first} and in record {last}")

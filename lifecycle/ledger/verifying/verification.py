"""Verification: what a ledger's rows prove, and to what level.

| level | means                                                                                          |
| ----- | ---------------------------------------------------------------------------------------------- |
| L0    | self-consistent: every record has the bytes, the columns, the place and the state that it says |
| L1    | log-signed: the log's key signed this tree, up to its latest ledger checkpoint                 |
| L2    | as held: the ledger goes on from a ledger checkpoint that the verifier held before             |
| L3    | time-stamped: an authority that the verifier trusts says when a ledger checkpoint existed      |
| L4    | witnessed: a quorum of witnesses that the verifier trusts cosigned a ledger checkpoint         |

It has two parts. The structural one (`structure.py`) reads no record: rows, tree, ledger checkpoints. The semantic one reads every
record and asks the checks of `checks.py`: what it says twice, whether it could happen, whether one of its subject is missing
before it, whether people signed what it says and were no makers of it, whether what is gone went by an event.

A log that its operator signs alone proves nothing against that operator: at L1 they could have rebuilt and signed it
anew. Only from L2 on does a dropped tail or a rebuilt log show, at L3 a time that was claimed wrongly, at L4 a log that is shown
to others with another past. Each level rests on its own evidence, which the verifier trusts from elsewhere; the highest one
below which nothing is broken is what was reached. No log proves that nothing was ever left out.

Rows are streamed: memory grows with the number of versions and approvals, not of records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, Tampered
from lifecycle.ledger.log_key.key_ring import ROTATED, rotations_in
from lifecycle.ledger.log_key.restored import backups_in
from lifecycle.ledger.receipts import AnchorReceipt, ReceiptBook
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.agreement_check import AgreementCheck
from lifecycle.ledger.verifying.anchor_check import AnchorCheck
from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.duty_check import DutyCheck
from lifecycle.ledger.verifying.findings import Assurance, Finding, Verification, level_reached
from lifecycle.ledger.verifying.keeping_check import KeepingCheck
from lifecycle.ledger.verifying.opening_check import values_that_do_not_open
from lifecycle.ledger.verifying.projection_check import ProjectionCheck
from lifecycle.ledger.verifying.pruning_check import PruningCheck
from lifecycle.ledger.verifying.record_check import RecordCheck
from lifecycle.ledger.verifying.statement_check import StatementCheck
from lifecycle.ledger.verifying.structure import Structure
from lifecycle.ledger.verifying.time_check import TimeCheck
from lifecycle.ledger.verifying.written_roots import WrittenRoots
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, VerifierKey
from lifecycle.proofs.rotation import follow
from lifecycle.proofs.trust import Trust
from lifecycle.records.counted import counted
from lifecycle.records.identity import now_us

if TYPE_CHECKING:
    from lifecycle.ledger.ledger import Ledger

#: What anchors show, beside what the log itself signed and the verifier held.
STAMPED_OR_WITNESSED: tuple[Assurance, ...] = ("L3", "L4")


def verify_ledger(
    ledger: Ledger | str,
    verifier_key: VerifierKey | None,
    held_checkpoint: str | None = None,
    *,
    trust: Trust | None = None,
    structure_only: bool = False,
    checks: Sequence[Check] = (),
) -> Verification:
    """Verifies every record, the tree, every ledger checkpoint and every state; reads the rows and nothing else.

    Without the log's verifier key nothing above L0 is reached. `held_checkpoint` is a signed note that the verifier got
    earlier and kept elsewhere. `trust` is everything else that it may rest on, and may hold either of the two as well: the log's
    keys and their sizes, more notes, witnesses and authorities. `structure_only` leaves out what the records say; `checks` are
    asked of them besides those that every ledger must pass. What is wrong is returned as findings; raises Unavailable where
    there is no ledger or it does not answer, InvalidDeclaration for a held checkpoint without a key to check it with.
    """
    given = Trust(None, () if verifier_key is None else (verifier_key,), (), (), () if held_checkpoint is None else (held_checkpoint,))
    whole = Trust.joined((given, trust or Trust()))
    if whole.checkpoints and not whole.log_keys:
        raise InvalidDeclaration(
            "A ledger checkpoint that you hold can't be checked without the log's key.", "Pass the verifier key as well."
        )
    url = ledger if isinstance(ledger, str) else ledger.url
    inspection = _Inspection(whole)
    try:
        with LedgerRows(url) as rows, rows.snapshot():
            inspection.look_at_keys(rows)
            inspection.look_at_anchors(url)
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

    def __init__(self, trust: Trust) -> None:
        #: Findings and notices.
        self.found: list[Finding] = []
        self._trust = trust
        self._held: list[Checkpoint] = []
        self._use(trust.log_keys)
        self._origin = trust.log_keys[0].name if trust.log_keys else ""
        self._structure: Structure | None = None
        self._records_read = True

    def look_at_keys(self, rows: LedgerRows) -> None:
        """Follows the log's changes of its key, from the keys that are trusted."""
        followed = follow(self._trust.log_keys, rotations_in(rows))
        for index, why in followed.refused:
            self.found.append(Finding(index, f"record {index} ({ROTATED}) gives the log no other key: {why}", "L1"))
        self._use(followed.keys)

    def look_at_anchors(self, url: str) -> None:
        """What anchors saw, as far as they are trusted."""
        kept: list[AnchorReceipt] = []
        try:
            with ReceiptBook(url) as book:
                kept = book.all()
        except Tampered as error:
            # Receipts are no part of the log: one that was altered breaks what it stood for, and nothing below.
            self.found.append(Finding(None, error.what, "L3"))
        self._anchors.judge(kept, self._trust.checkpoints)

    def look_at_structure(self, rows: LedgerRows) -> None:
        """Rows, tree, ledger checkpoints."""
        head = rows.head()
        if self._keys and head.origin != self._keys[0].name:
            told = f"the ledger says that it is {head.origin!r}, but the key is that of {self._keys[0].name!r}"
            self.found.append(Finding(None, told, "L1"))
        self._origin = str(head.origin)
        held = WrittenRoots(self._keys, self._trust.checkpoints, self.found.append)
        self._held = held.held
        self._structure = structure = Structure(held.all(rows, (*self._anchors.roots, *backups_in(rows))))
        self.found.extend(structure.read(rows.leaves(), rows.name_of))
        self.found.extend(structure.compare_roots())
        self.found.extend(structure.compare_head(head))

    def _use(self, keys: Sequence[VerifierKey]) -> None:
        """What the log's notes are opened with from here on."""
        self._keys = keys
        self._anchors = AnchorCheck(self._trust, keys, self.found.append)

    def look_at_records(self, rows: LedgerRows, others: Sequence[Check]) -> None:
        """What the records say, and what is kept beside them."""
        pruning = PruningCheck(rows)
        projections = ProjectionCheck(rows, pruning.closed_versions)
        duties = DutyCheck(pruned=pruning.anything_pruned)
        every = (KeepingCheck(rows), AgreementCheck(), StatementCheck(), duties, TimeCheck(self._anchors.seen), *others)
        records = RecordCheck(projections, pruning, every)
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
            without = counted(gone, "record has", "records have")
            self.found.append(Finding(None, f"{without} no bytes; whether an event says so is for the whole verification to say", None))

    def result(self) -> Verification:
        findings = tuple(found for found in self.found if found.breaks is not None)
        size, root, fitting = (
            (0, EMPTY_ROOT, {}) if self._structure is None else (self._structure.size, self._structure.root, self._structure.fitting)
        )
        signed = max(fitting.values(), default=0) if self._keys else 0
        shown: set[Assurance] = {"L1"} if signed else set()
        if self._held:
            shown.add("L2")
        shown.update(level for level in STAMPED_OR_WITNESSED if level in fitting)
        return Verification(
            origin=self._origin,
            size=size,
            root=root,
            level=level_reached(findings, shown),
            signed_size=signed,
            held_size=self._held[-1].size if self._held else None,
            stamped_size=fitting.get("L3"),
            witnessed_size=fitting.get("L4"),
            findings=findings,
            notices=tuple(found for found in self.found if found.breaks is None),
            exposure=self._anchors.exposure(size, now_us()),
            records_read=self._records_read,
        )


def _ids_held_twice(rows: LedgerRows) -> Iterator[Finding]:
    for event_id, first, last in rows.event_ids_held_twice():
        yield Finding(last, f"the event id {event_id} stands twice: in record {first} and in record {last}")

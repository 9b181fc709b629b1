"""Anchoring: every declared anchor sees the ledger as it stands, and its answer is kept beside the leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.anchors.anchor import Anchor, Kind, Submission
from lifecycle.errors import InvalidDeclaration, LifecycleError
from lifecycle.ledger.receipts import AnchorReceipt, ReceiptBook, exposure_of
from lifecycle.ledger.verifying.findings import Exposure
from lifecycle.life.signing import signed_now
from lifecycle.proofs.cosignatures import WitnessKey
from lifecycle.proofs.notes import Checkpoint
from lifecycle.proofs.signature_lines import SignatureLine, taken_apart
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments

#: What is said where there are none.
NO_ANCHORS = "No anchors are declared: nothing outside this ledger has seen it, and whoever holds its key can write its past anew."


@dataclass(frozen=True)
class Anchored:
    """What came of one anchor: a receipt, or why there is none."""

    name: str
    kind: Kind
    receipt: AnchorReceipt | None
    error: LifecycleError | None = None
    #: It had seen this ledger checkpoint before.
    again: bool = False


def anchor_ledger(departments: Departments) -> list[Anchored]:
    """Has the ledger signed, and every declared anchor see it. One that fails keeps no other from being asked.

    Raises InvalidDeclaration where none is declared, Unavailable where there is no ledger, and what signing raises.
    """
    departments.require_ledger()
    anchors = departments.anchors.anchors
    if not anchors:
        raise InvalidDeclaration(
            NO_ANCHORS, f"Declare some in {departments.settings.anchors_file} (see `lifecycle ledger anchors --help`)."
        )
    note = signed_now(departments)
    checkpoint = Checkpoint.parse(note)
    submission = Submission(note, lambda old: departments.ledger.consistency(old, checkpoint.size))
    with ReceiptBook(departments.settings.ledger_url, writable=True) as book:
        standing = {(receipt.anchor, receipt.note): receipt for receipt in book.all()}
        return [_anchored(anchor, submission, book, standing.get((anchor.name, note))) for anchor in anchors]


def receipts(departments: Departments) -> list[AnchorReceipt]:
    """Every receipt that is kept, the smallest ledger first."""
    with ReceiptBook(departments.settings.ledger_url) as book:
        return book.all()


def exposure(departments: Departments) -> Exposure | None:
    """What of this home's ledger no anchor has seen yet; None where none ever has."""
    return exposure_of(receipts(departments), departments.ledger.head().size, now_us())


def cosignature_lines(kept: Sequence[AnchorReceipt], note: str, witnesses: Sequence[WitnessKey]) -> list[SignatureLine]:
    """The cosignatures by these witnesses that are kept for exactly this ledger checkpoint, the latest of each."""
    text, _ = taken_apart(note)
    latest: dict[str, SignatureLine] = {}
    for receipt in sorted(kept, key=lambda receipt: receipt.at_us):
        if receipt.kind != "witness" or taken_apart(receipt.note)[0] != text:
            continue
        for said in receipt.receipt.decode(errors="replace").splitlines():
            line = SignatureLine.parse(said)
            if any(witness.opened(text, line) is not None for witness in witnesses):
                latest[line.name] = line
    return list(latest.values())


def _anchored(anchor: Anchor, submission: Submission, book: ReceiptBook, standing: AnchorReceipt | None) -> Anchored:
    if standing is not None:
        return Anchored(anchor.name, anchor.kind, standing, again=True)
    checkpoint = submission.checkpoint
    try:
        seen = anchor.take(submission)
    except LifecycleError as error:
        return Anchored(anchor.name, anchor.kind, None, error)
    receipt = AnchorReceipt(anchor.name, anchor.kind, checkpoint.size, checkpoint.root_hash, seen.at_us, submission.note, seen.receipt)
    book.keep(receipt)
    return Anchored(anchor.name, anchor.kind, receipt)

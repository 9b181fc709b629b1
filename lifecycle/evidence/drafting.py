"""Drafting a pack from a ledger's database: what the latest ledger checkpoint covers, and nothing after it."""

from __future__ import annotations

from lifecycle.errors import Unavailable
from lifecycle.evidence.pack import Draft, Log, Scope, drafted
from lifecycle.evidence.selection import Selection, span_selection, version_selection
from lifecycle.ledger.receipts import ReceiptBook
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.lineage.ports import HeldArtifacts
from lifecycle.proofs.notes import Checkpoint

_FOR_EVER_US = 2**62


def draft_of(ledger_url: str, artifacts: HeldArtifacts, scope: Scope) -> Draft:
    """The records and the files of a pack.

    Raises Unavailable where no ledger checkpoint was signed yet, UnknownName for a version that the signed ledger does not know,
    Tampered where a record or a file is not what was signed.
    """
    with LedgerRows(ledger_url) as rows, rows.snapshot():
        note = rows.latest_note()
        if note is None:
            raise Unavailable("The ledger has not been signed yet.", "Have it signed with `lifecycle ledger checkpoint`.")
        size = Checkpoint.parse(note).size
        selection, hashes = _selected(rows, size, scope), rows.signed_leaf_hashes(size)
    with ReceiptBook(ledger_url) as book:
        log = Log(note, hashes, book.all())
    return drafted(scope, log, selection, artifacts)


def _selected(rows: LedgerRows, size: int, scope: Scope) -> Selection:
    if scope.version is not None and scope.model is not None:
        return version_selection(rows, size, scope.model, scope.version)
    since, until = scope.since_us or 0, _FOR_EVER_US if scope.until_us is None else scope.until_us
    return span_selection(rows, size, rows.span_of(size, since, until), scope.model)

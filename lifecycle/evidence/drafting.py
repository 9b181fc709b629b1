"""Drafting a pack from a ledger's database: what the latest ledger checkpoint covers, and nothing after it."""

from __future__ import annotations

from lifecycle.errors import Unavailable
from lifecycle.evidence.pack import Draft, Log, Scope, drafted
from lifecycle.evidence.proven import Artifacts
from lifecycle.evidence.selection import Selection, span_selection, version_selection
from lifecycle.ledger.receipts import ReceiptBook
from lifecycle.ledger.rows import LedgerRows
from lifecycle.ledger.spans import leaf_hashes, span_of
from lifecycle.proofs.notes import Checkpoint

_FOR_EVER_US = 2**62


def draft_of(ledger_url: str, artifacts: Artifacts, scope: Scope) -> Draft:
    """The records and the files of a pack.

    Raises Unavailable where no ledger checkpoint was signed yet, UnknownName for a version that the signed ledger does not know,
    Tampered where a record or a file is not what was signed.
    """
    with LedgerRows(ledger_url) as rows, rows.snapshot():
        notes = [str(entry.note) for entry in rows.checkpoints()]
        if not notes:
            raise Unavailable("The ledger has not been signed yet.", "Have it signed with `lifecycle ledger checkpoint`.")
        size = Checkpoint.parse(notes[-1]).size
        selection = _selected(ledger_url, rows, size, scope)
    with ReceiptBook(ledger_url) as book:
        log = Log(notes[-1], leaf_hashes(ledger_url, size), book.all())
    return drafted(scope, log, selection, artifacts)


def _selected(ledger_url: str, rows: LedgerRows, size: int, scope: Scope) -> Selection:
    if scope.version is not None and scope.model is not None:
        return version_selection(rows, size, scope.model, scope.version)
    since, until = scope.since_us or 0, _FOR_EVER_US if scope.until_us is None else scope.until_us
    return span_selection(rows, size, span_of(ledger_url, size, since, until), scope.model)

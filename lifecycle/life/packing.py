"""Packing the evidence: the ledger, the artifacts, the pages made from them, and the key that signs the whole."""

from __future__ import annotations

from lifecycle.errors import Unavailable
from lifecycle.evidence.pack import Draft, Log, Packed, Scope, closed, drafted
from lifecycle.evidence.selection import span_selection, version_selection
from lifecycle.wiring import Departments


def pack(departments: Departments, scope: Scope) -> Packed:
    """The evidence pack of a version or of a period. The same ledger, artifacts and key give the same bytes.

    Raises UnknownName for a version that the signed ledger does not know, Tampered where a record or a file is not what was
    signed, Unavailable where there is no signed ledger or no key to sign the pack with.
    """
    from lifecycle.artifacts.signing import PRIVATE_NAME
    from lifecycle.artifacts.statement_signing import StatementSigner

    signer = StatementSigner.read(departments.settings.home / "keys" / PRIVATE_NAME)
    draft = draft_of(departments, scope)
    return closed(draft, {}, signer)


def draft_of(departments: Departments, scope: Scope) -> Draft:
    """The records and the files of a pack, from what the latest ledger checkpoint covers."""
    from lifecycle.ledger.receipts import ReceiptBook
    from lifecycle.ledger.rows import LedgerRows
    from lifecycle.ledger.spans import leaf_hashes, span_of

    url = departments.settings.ledger_url
    note = departments.ledger.checkpoint()
    if note is None:
        raise Unavailable("The ledger has not been signed yet.", "Have it signed with `lifecycle ledger checkpoint`.")
    with ReceiptBook(url) as book:
        log = Log(note, (), book.all())
    size = log.checkpoint.size
    log = Log(note, leaf_hashes(url, size), log.receipts)
    with LedgerRows(url) as rows:
        if scope.version is not None and scope.model is not None:
            selection = version_selection(rows, size, scope.model, scope.version)
        else:
            span = span_of(url, size, scope.since_us or 0, scope.until_us or 2**62)
            selection = span_selection(rows, size, span, scope.model)
    return drafted(scope, log, selection, departments.artifacts)

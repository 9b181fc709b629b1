"""Packing the evidence: the ledger, the artifacts, the pages made from them, and the key that signs the whole."""

from __future__ import annotations

from lifecycle.evidence.drafting import draft_of
from lifecycle.evidence.pack import Packed, Scope, closed
from lifecycle.wiring import Departments


def pack(departments: Departments, scope: Scope) -> Packed:
    """The evidence pack of a version or of a period. The same ledger, artifacts and key give the same bytes.

    Raises as `draft_of` does, and UnknownName or Unavailable where there is no key to sign the pack with.
    """
    from lifecycle.artifacts.signing import PRIVATE_NAME
    from lifecycle.artifacts.statement_signing import StatementSigner
    from lifecycle.evidence.controls import read_frameworks
    from lifecycle.evidence.views import views_of

    departments.require_ledger()
    signer = StatementSigner.read(departments.settings.home / "keys" / PRIVATE_NAME)
    draft = draft_of(departments.settings.ledger_url, departments.artifacts, scope)
    frameworks = read_frameworks(departments.settings.project / "governance" / "controls")
    return closed(draft, views_of(draft, departments.artifacts, frameworks, signer), signer)

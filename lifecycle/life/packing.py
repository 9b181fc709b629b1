"""Packing the evidence: the ledger, the artifacts, the pages made from them, and the key that signs the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from lifecycle.evidence.drafting import draft_of
from lifecycle.evidence.pack import Packed, Scope, write_pack
from lifecycle.wiring import Departments

#: Whoever packs more records than this is told how far it is.
_SOME_TIME = 5_000


def pack(departments: Departments, scope: Scope, target: IO[bytes], tell: Callable[[str], None] = lambda said: None) -> Packed:
    """Writes the evidence pack of a version or of a period to an empty file. The same ledger, artifacts and key give the same bytes.

    A long one says to `tell` what it is at.
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
    count = len(draft.selection.rows)
    say = tell if count > _SOME_TIME else lambda said: None
    say(f"{count:,} records and {len(draft.proven.files):,} files that they name; making pages and tables from them…")
    views = views_of(draft, departments.artifacts, frameworks, signer)
    say("Writing…")
    return write_pack(target, draft, views, signer)

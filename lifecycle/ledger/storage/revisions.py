"""The revisions of the ledger's schema that the code tells apart; what each has is in `migrations/`."""

from __future__ import annotations

#: The one that this code reads and writes.
REVISION = "0004"
#: The one before states and streams were kept: only the leaves say what they would.
WITHOUT_PROJECTIONS = "0001"

"""Verification of what an event says twice: `records/agreement.py`, as a check."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.agreement import disagreements
from lifecycle.records.events import Event


class AgreementCheck(Check):
    """Asks each event by itself."""

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Each thing that it says twice and differently."""
        for wrong in disagreements(event):
            yield Finding(index, f"{named(index, event.type, event.id)} {wrong}")

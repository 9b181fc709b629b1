"""Verification of the values beside the log: each one opens the commitment that it is kept for."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.errors import LifecycleError
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.records.identity import Opening
from lifecycle.records.record import parse_json


def values_that_do_not_open(rows: LedgerRows) -> Iterator[Finding]:
    """Values that were changed. Which ones are missing is asked by `KeepingCheck`."""
    for commitment, salt, value in rows.openings():
        try:
            opens = Opening(salt_hex=salt, value=parse_json(value)).commitment().digest
        except (LifecycleError, ValueError, TypeError):
            opens = None
        if opens != commitment:
            yield Finding(None, f"the value kept for the commitment {commitment} is not the one that was committed to")

"""What verification asks of the records, one after the other: whoever adds a question implements `Check`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lifecycle.ledger.verifying.findings import Finding
from lifecycle.records.events import Event


class Check(Protocol):
    """One question, asked of every event in the order of the ledger.

    It sees an event only where its bytes are there and are an event, and has to live with gaps. What it finds is named (see
    `findings.named`); a finding whose `breaks` is None is a notice. Nothing that a ledger holds may make it raise. A check that
    derives from this has nothing left to say after the last event, unless it says otherwise.
    """

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with this event by itself, or after those before it."""
        ...

    def end(self) -> Iterator[Finding]:
        """What shows only after the last one."""
        return iter(())

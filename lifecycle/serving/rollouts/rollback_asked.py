"""A rollback as it is asked for: by a person, a schedule or a sensor over the socket, by the controller, by the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.identity import derived_id
from lifecycle.records.record import Id, Name, Record, Version

if TYPE_CHECKING:
    from lifecycle.serving.allowed.withdrawals import Withdrawal


class RollbackAsked(Record):
    """Asked again by the same id, it is done once."""

    model: Name
    trigger: Trigger
    reason: str
    rollback_id: Id
    #: The way that whoever asks was told of; None where any will do.
    from_version: Version | None = None
    to_version: Version | None = None
    #: The gate's, where it was asked.
    decision_id: Id | None = None

    @classmethod
    def by_withdrawal(cls, found: Withdrawal, model: Name, leaving: Version) -> RollbackAsked:
        """One and the same for what is taken out for one reason, however often whoever serves it begins with that."""
        trigger = Trigger(kind="revocation", metric="", value=None, limit=None, detail=found.why)
        rollback_id = derived_id("withdrawn", found.event_id, str(leaving))
        return cls(model=model, trigger=trigger, reason=found.why, rollback_id=rollback_id)

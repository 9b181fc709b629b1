"""What the ledger knows of how often a passkey has signed: the count stands in each assertion that is recorded."""

from __future__ import annotations

from lifecycle.approvals.passkeys import counted
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused
from lifecycle.records.record import ActorId
from lifecycle.wiring import Departments


def last_count(departments: Departments, person: ActorId, key_id: str) -> int:
    """The count in the last approval or refusal by this passkey; 0 where there is none."""
    for recorded in departments.ledger.events(types=("ApprovalGiven", "ApprovalRefused"), newest_first=True):
        body = recorded.event.body
        assert isinstance(body, ApprovalGiven | ApprovalRefused)  # as asked for
        if recorded.event.actor.id == person and body.envelope.key_id == key_id and body.envelope.assertion is not None:
            return counted(body.envelope.assertion)
    return 0

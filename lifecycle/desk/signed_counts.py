"""What the ledger knows of how often a passkey has signed: the count stands in each assertion that is recorded."""

from __future__ import annotations

from lifecycle.approvals.passkeys import counted
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies import BODIES
from lifecycle.records.record import ActorId
from lifecycle.wiring import Departments

#: Every type of record that carries what somebody signed.
SIGNED = tuple(sorted(name for name, body in BODIES.items() if "envelope" in body.model_fields))


def last_count(departments: Departments, person: ActorId, key_id: str) -> int:
    """The count in the last signature by this passkey that is recorded; 0 where there is none."""
    for recorded in departments.ledger.events(types=SIGNED, newest_first=True):
        envelope: Envelope | None = getattr(recorded.event.body, "envelope", None)
        if envelope is None or recorded.event.actor.id != person or envelope.key_id != key_id or envelope.assertion is None:
            continue
        return counted(envelope.assertion)
    return 0

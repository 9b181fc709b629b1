"""What events of people and keys say about the graph."""

from __future__ import annotations

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.governors import KeyRevoked, PersonEnrolled
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _enrolled(event: Event, body: PersonEnrolled) -> Description:
    facts: JsonObject = {
        "person": body.person,
        "roles": list(body.roles),
        "teams": list(body.teams),
        "registry": body.registry,
        "keys": [key.id for key in body.keys],
    }
    label = f"enrolled {body.person} as {', '.join(body.roles) or 'nothing'}"
    return Description(f"enrolment/{event.id}", "enrolment", label, "complete", facts, generated=(("people", body.registry_digest),))


def _key_revoked(event: Event, body: KeyRevoked) -> Description:
    facts: JsonObject = {"person": body.person, "key": body.key_id, "reason": body.reason}
    return Description(f"key_revocation/{event.id}", "key_revocation", f"revoked a key of {body.person}", "complete", facts)


TELLERS: Tellers = {
    PersonEnrolled: _enrolled,
    KeyRevoked: _key_revoked,
}

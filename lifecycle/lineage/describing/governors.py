"""What events of people and keys say about the graph."""

from __future__ import annotations

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.governors import (
    GovernanceChanged,
    GovernanceProposed,
    GovernanceSigned,
    KeyEnrolled,
    PersonEnrolled,
    SignatureBarred,
    SignInRefused,
)
from lifecycle.records.bodies.revocations import KeyRevoked
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject

_SIGNED = {
    "approval": "an approval",
    "waiver": "a waiver",
    "governance": "a change of what governs",
    "revocation": "a revocation",
    "break_glass": "a break-glass",
    "review": "a review",
    "access": "a grant of access",
    "rollout": "a word on a rollout",
}


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


def _key_enrolled(event: Event, body: KeyEnrolled) -> Description:
    facts: JsonObject = {"person": body.person, "keys": [body.key.id], "registry": body.registry}
    made = () if body.registry_digest is None else (("people", body.registry_digest),)
    return Description(f"enrolment/{event.id}", "enrolment", f"enrolled a passkey of {body.person}", "complete", facts, generated=made)


def _sign_in_refused(event: Event, body: SignInRefused) -> Description:
    facts: JsonObject = {"person": body.person, "key": body.key_id, "rules": list(body.rules), "reason": body.reason}
    return Description(f"sign_in/{event.id}", "sign_in", f"refused a sign-in with a key of {body.person}", "denied", facts)


def _signature_barred(event: Event, body: SignatureBarred) -> Description:
    facts: JsonObject = {"person": body.person, "about": body.about, "rules": list(body.rules), "reason": body.reason}
    label = f"barred a signature of {body.person} under {_SIGNED[body.about]}"
    return Description(f"barred_signature/{event.id}", "barred_signature", label, "denied", facts)


def _key_revoked(event: Event, body: KeyRevoked) -> Description:
    facts: JsonObject = {"person": body.person, "key": body.key_id, "reason": body.reason}
    return Description(f"key_revocation/{event.id}", "key_revocation", f"revoked a key of {body.person}", "complete", facts)


def _proposed(event: Event, body: GovernanceProposed) -> Description:
    said = body.statement
    facts: JsonObject = {"reason": said.reason, "bundle_digest": said.bundle_digest, "people_digest": said.people_digest}
    label = f"{said.signer} proposed other policies, limits or people"
    return Description(f"governance/{said.proposal_id}", "governance", label, "open", facts | {"proposed_by": said.signer, "agreed_by": []})


def _agreed(event: Event, body: GovernanceSigned) -> Description:
    said = body.statement
    return Description(f"governance/{said.proposal_id}", "governance", "governance", "open", {"agreed_by": [said.signer]})


def _governance_changed(event: Event, body: GovernanceChanged) -> Description:
    made = (("bundle", body.bundle_digest), ("people", body.people_digest))
    return Description(f"governance/{body.proposal_id}", "governance", "governance", "complete", generated=made)


TELLERS: Tellers = {
    GovernanceProposed: _proposed,
    GovernanceSigned: _agreed,
    GovernanceChanged: _governance_changed,
    PersonEnrolled: _enrolled,
    KeyEnrolled: _key_enrolled,
    SignInRefused: _sign_in_refused,
    SignatureBarred: _signature_barred,
    KeyRevoked: _key_revoked,
}

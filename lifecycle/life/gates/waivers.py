"""The waivers of a version as the gates are shown them: what was signed and allowed, as far as it verifies at this moment."""

from __future__ import annotations

from lifecycle.errors import LifecycleError
from lifecycle.life.gates import standing
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.approval import WaiverStatement
from lifecycle.records.bodies.decisions import WaiverSigned
from lifecycle.records.gates import BREAK_GLASS, Waiver, WaiverEvidence, WaiverSignature
from lifecycle.records.identity import derived_id, now_us
from lifecycle.records.record import Name
from lifecycle.wiring import Departments

#: The role of who may sign a waiver, as the gate asks for it.
ROLE: Name = "risk"


def waivers_for(departments: Departments, model: str, version: int) -> tuple[Waiver, ...]:
    """The waivers of a version that the gate allowed here, that have not ended, and whose signatures verify now."""
    found: dict[str, Waiver] = {}
    for event, decision in standing.decisions(departments, model, version, "waiver"):
        evidence = decision.input.evidence
        if not isinstance(evidence, WaiverEvidence) or event.subject.digest is None:
            continue
        found.pop(evidence.waiver_id, None)
        if evidence.rule == BREAK_GLASS and departments.ledger.find(derived_id("glass", evidence.waiver_id)) is None:
            # It counts once it is recorded that the glass is broken, and with that a review is owed.
            continue
        granted = {one.signer for one in signatures(departments, model, version, evidence.waiver_id, role=ROLE)}
        if decision.allowed and now_us() < evidence.expires_at_us and granted >= {one.signer for one in evidence.signatures}:
            found[evidence.waiver_id] = Waiver(
                rule=evidence.rule,
                subject_digest=event.subject.digest,
                granted_by=tuple(sorted(granted)),
                expires_at_us=evidence.expires_at_us,
                ticket=evidence.ticket,
            )
    return tuple(sorted(found.values(), key=lambda waiver: (waiver.rule, waiver.ticket)))


def signatures(
    departments: Departments, model: str, version: int, waiver_id: str, *, role: Name | None = None
) -> tuple[WaiverSignature, ...]:
    """The signatures under one waiver whose key, person and bytes verify now; with a role, only of those who hold it."""
    from lifecycle.approvals.statements import signer_of

    people, now, void = people_in_force(departments), now_us(), standing.taken_back(departments, model, version)
    found: dict[str, WaiverSignature] = {}
    for recorded in departments.ledger.events(types=("WaiverSigned",), name=model, version=version, environment=departments.environment):
        body = standing.body_of(recorded, WaiverSigned)
        said = body.statement
        if (
            said.content_digest() in void
            or said.waiver_id != waiver_id
            or (said.model, said.version, said.environment) != (model, version, departments.environment)
        ):
            continue
        try:
            person, key = signer_of(body.envelope, WaiverStatement.payload_type, people)
        except LifecycleError:
            continue
        roles = people.lasting_roles(person.id, said.signed_at_us, now)
        if person.id != said.signer or not key.holds(said.signed_at_us) or not key.holds(now) or (role is not None and role not in roles):
            continue
        found[person.id] = WaiverSignature(
            event_id=recorded.event.id,
            statement_digest=said.content_digest(),
            signer=person.id,
            also=people.ever_also(person.id, said.signed_at_us, now),
            roles=roles,
            signed_at_us=said.signed_at_us,
        )
    return tuple(found.values())

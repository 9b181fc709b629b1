"""Access that somebody grants or takes back in their own name: what they sign, and what is recorded of it.

Whoever holds the role `operator` or `governor` may grant and take back; so may the owner of every model that a grant names. A key
that was revoked leaves what it granted standing, unless it was in other hands: from then on it never granted anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.errors import Refused
from lifecycle.life.access.deciding import require_granted
from lifecycle.life.access.grants import Grant, declared_models, grant_of
from lifecycle.life.access.tiers import AccessTiers
from lifecycle.life.gates.governed import require_governed
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.said import said_now
from lifecycle.life.recording import require_prose
from lifecycle.records.access import LabelRight
from lifecycle.records.approval import AccessStatement, BySigner, Envelope, RevocationStatement
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import DAY_US, ActorId, Digest, Id, Name
from lifecycle.wiring import Departments

#: Who may grant access to whatever serves, and take it back.
ROLES: tuple[Name, ...] = ("governor", "operator")


def access_to_sign(
    departments: Departments,
    principal: str,
    *,
    person: ActorId,
    models: Sequence[str],
    tier: str,
    days: int,
    labels: LabelRight | None = None,
    credential_digest: Digest,
    certificate_name: str = "",
    reason: str,
) -> AccessStatement:
    """What somebody is to sign who grants access. Every call makes another statement, with a nonce and a grant of its own.

    Raises UnknownName for a model, a tier or a person that there is not, InvalidDeclaration for a reason that says nothing, for what
    is no name and for models of several purposes.
    """
    require_prose(reason, "A grant")
    declared, purpose = declared_models(departments, principal, certificate_name, models)
    return AccessStatement(
        grant_id=new_id(),
        principal=principal,
        kind="certificate" if certificate_name else "api_key",
        credential_digest=credential_digest,
        certificate_name=certificate_name,
        models=tuple(model.name for model in declared),
        purpose=purpose,
        tier=tier,
        quota=AccessTiers.of_project(departments.settings.project).quota(tier),
        granted_until_us=now_us() + days * DAY_US,
        labels=labels,
        **said_now(departments, person, reason),
    )


def record_access(departments: Departments, envelope: Envelope) -> Recorded:
    """Records what somebody signed, after the gate was asked for every version that serves. Once: the same envelope records nothing twice.

    Raises Refused where the person may not, where the key is not theirs or not in force, where it was signed for another environment
    or a quota that its tier has not, and where the gate denies it; Tampered where the signature does not hold.
    """
    from lifecycle.approvals.statements import opened

    require_governed(departments)
    statement = opened(envelope, AccessStatement, people_in_force(departments), now_us())
    before = departments.ledger.find(statement.recorded_as)
    if before is not None:
        return before
    tiers = AccessTiers.of_project(departments.settings.project)
    if statement.environment != departments.environment or tiers.quota(statement.tier) != statement.quota:
        raise Refused("This was signed for another environment, or for another quota than its tier has.", "Sign it anew.", ("ACS-003",))
    _require_may(departments, statement, statement.models, "grant access to")
    body = AccessGranted.signed(envelope)
    require_granted(departments, Grant(body, statement.signed_at_us, revoked=False))
    return _record(departments, body, statement)


def revocation_to_sign(departments: Departments, grant_id: Id, *, person: ActorId, reason: str) -> RevocationStatement:
    """What somebody is to sign who takes a grant back. Raises like `access_to_sign`, and UnknownName where there is no such grant."""
    require_prose(reason, "A revocation")
    return RevocationStatement(
        revokes="access",
        target=grant_of(departments, grant_id).body.grant_id,
        model_digest=None,
        compromised_from=None,
        **said_now(departments, person, reason),
    )


def record_access_revocation(departments: Departments, envelope: Envelope) -> Recorded:
    """Records that somebody took a grant back. Raises like `record_access`, and Refused where it was revoked before."""
    from lifecycle.approvals.statements import opened

    statement = opened(envelope, RevocationStatement, people_in_force(departments), now_us())
    before = departments.ledger.find(statement.recorded_as)
    if before is not None:
        return before
    if (statement.revokes, statement.environment) != ("access", departments.environment):
        raise Refused("This was signed for something else, or for another environment.", "Sign it anew.", ("ACS-003",))
    grant = grant_of(departments, statement.target)
    _require_may(departments, statement, grant.body.models, "take back access to")
    body = AccessRevoked(grant_id=grant.body.grant_id, principal=grant.body.principal, reason=statement.reason, envelope=envelope)
    return _record(departments, body, statement)


def _require_may(departments: Departments, statement: BySigner, models: Sequence[Name], does: str) -> None:
    people, person = people_in_force(departments), statement.signer
    if {*people.lasting_roles(person, statement.signed_at_us, now_us())} & {*ROLES} or owns_all(departments, person, models):
        return
    raise Refused(
        f"{person} may not {does} {', '.join(models)}.",
        f"Have it signed by somebody of the role {' or '.join(ROLES)}, or by the owner of these models.",
        ("ACS-001",),
    )


def owns_all(departments: Departments, person: ActorId, models: Sequence[Name]) -> bool:
    """Whether somebody owns every one of these models. Raises like `Departments.model` for one that there is not."""
    return all(departments.model(name).owner == person for name in models)


def _record(departments: Departments, body: AccessGranted | AccessRevoked, statement: BySigner) -> Recorded:
    event = Event.happened(
        body,
        subject=Subject(kind="key", name=body.grant_id),
        actor=Actor(id=statement.signer, kind="human", authenticated=True),
        environment=departments.environment,
        at_us=statement.signed_at_us,
        event_id=statement.recorded_as,
    )
    return append_once(departments, event)


def append_once(departments: Departments, event: Event) -> Recorded:
    """Appends what happened to a grant, and returns it as the ledger has it. Raises Refused for a second revocation of it."""
    with departments.ledger.writing() as writer:
        if event.type == "AccessRevoked" and writer.events(types=("AccessRevoked",), name=event.subject.name):
            raise Refused(f"The access {event.subject.name} was revoked before.", "There is nothing left to do.", ("STATE",))
        writer.append(event)
    return departments.ledger.event(event.id)

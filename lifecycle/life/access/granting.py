"""Granting an application access to models, and taking it back: an event each. The key itself is shown once and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import Refused
from lifecycle.life.access.deciding import require_granted
from lifecycle.life.access.grants import Grant, declared_models, grant_of
from lifecycle.life.access.signed_access import (
    access_to_sign,
    append_once,
    record_access,
    record_access_revocation,
    revocation_to_sign,
)
from lifecycle.life.access.tiers import AccessTiers
from lifecycle.life.gates.governed import UNGOVERNED, require_governed
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.recording import COMMAND_LINE, require_prose
from lifecycle.records.access import LabelRight
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import DAY_US, ActorId, Id
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Granted:
    """A grant as it was recorded, and the key that goes with it; "" for a certificate."""

    recorded: Recorded
    key: str


def grant_access(
    departments: Departments,
    principal: str,
    *,
    models: Sequence[str],
    tier: str,
    days: int,
    labels: LabelRight | None = None,
    certificate_name: str = "",
    reason: str,
    person: ActorId | None = None,
    key_file: Path | None = None,
) -> Granted:
    """Records that an application may ask for predictions, for the purpose that its models are for, and of whose it may send labels;
    signed where a person is given.

    The gate serving_access is asked first, for every version that serves here: what it denies is not granted. Raises UnknownName
    for a model or a tier that there is not, InvalidDeclaration for what is no name and for models of several purposes, Refused
    where nobody signs although people govern here, where whoever signs may not, where the gate denies it, and where the people and
    policies here are not those that were agreed to.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed
    from lifecycle.serving.access.credentials import certificate_digest, key_digest, make_key

    require_governed(departments)
    key = "" if certificate_name else make_key()
    credential = certificate_digest(certificate_name) if certificate_name else key_digest(key)
    if person is not None and key_file is not None:
        statement = access_to_sign(
            departments,
            principal,
            person=person,
            models=models,
            tier=tier,
            days=days,
            labels=labels,
            credential_digest=credential,
            certificate_name=certificate_name,
            reason=reason,
        )
        own = load_key(key_file)
        with refused_attempts_kept(departments, "access", statement):
            recorded = record_access(departments, signed(statement, own, people_in_force(departments)))
        return Granted(recorded, key)
    _require_unsigned(departments, "A grant")
    require_prose(reason, "A grant")
    declared, purpose = declared_models(departments, principal, certificate_name, models)
    at_us = now_us()
    body = AccessGranted(
        grant_id=new_id(),
        principal=principal,
        kind="certificate" if certificate_name else "api_key",
        credential_digest=credential,
        certificate_name=certificate_name,
        models=tuple(model.name for model in declared),
        purpose=purpose,
        tier=tier,
        quota=AccessTiers.of_project(departments.settings.project).quota(tier),
        expires_at_us=at_us + days * DAY_US,
        labels=labels,
        reason=reason,
    )
    require_granted(departments, Grant(body, at_us, revoked=False))
    return Granted(_append(departments, body, at_us), key)


def revoke_access(
    departments: Departments, grant_id: Id, *, reason: str, person: ActorId | None = None, key_file: Path | None = None
) -> Recorded:
    """Records that a grant counts no more; signed where a person is given.

    Raises UnknownName where there is no such grant, Refused where it was revoked before, where nobody signs although people govern
    here, and where whoever signs may not.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    if person is not None and key_file is not None:
        statement = revocation_to_sign(departments, grant_id, person=person, reason=reason)
        own = load_key(key_file)
        with refused_attempts_kept(departments, "revocation", statement):
            return record_access_revocation(departments, signed(statement, own, people_in_force(departments)))
    _require_unsigned(departments, "A revocation")
    require_prose(reason, "A revocation")
    grant = grant_of(departments, grant_id)
    return _append(departments, AccessRevoked(grant_id=grant_id, principal=grant.body.principal, reason=reason), now_us())


def _require_unsigned(departments: Departments, what: str) -> None:
    """Raises Refused where people govern: nothing is granted or taken back there in nobody's name."""
    if departments.environment != UNGOVERNED:
        raise Refused(
            f"{what} of access in {departments.environment} is signed by somebody who may.", "Give --as ID and --key FILE.", ("ACS-002",)
        )


def _append(departments: Departments, body: AccessGranted | AccessRevoked, at_us: int) -> Recorded:
    subject = Subject(kind="key", name=body.grant_id)
    return append_once(
        departments, Event.happened(body, subject=subject, actor=COMMAND_LINE, environment=departments.environment, at_us=at_us)
    )

"""Granting an application access to models, and taking it back: an event each. The key itself is shown once and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.access.tiers import AccessTiers
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import require_allowed
from lifecycle.life.gates.governed import require_governed
from lifecycle.life.gates.standing import body_of
from lifecycle.life.recording import require_prose
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import Id
from lifecycle.wiring import Departments

_DAY_US = 86_400_000_000
#: Nobody signs in to grant access: that it was done from the command line is all that is known.
COMMAND_LINE = Actor(id="command_line", kind="service", authenticated=False)


@dataclass(frozen=True)
class Granted:
    """A grant as it was recorded, and the key that goes with it; "" for a certificate."""

    recorded: Recorded
    key: str


@dataclass(frozen=True)
class Grant:
    """A grant in this environment, as the ledger has it now."""

    body: AccessGranted
    granted_at_us: int
    revoked: bool

    def state(self, at_us: int) -> str:
        return "revoked" if self.revoked else "expired" if self.body.expires_at_us <= at_us else "in force"


def grant_access(
    departments: Departments, principal: str, *, models: Sequence[str], tier: str, days: int, certificate_name: str = "", reason: str
) -> Granted:
    """Records that an application may ask for predictions, for the purpose that its models are for.

    The gate serving_access is asked first, for every version that serves here: what it denies is not granted. Raises UnknownName
    for a model or a tier that there is not, InvalidDeclaration for what is no name and for models of several purposes, Refused
    where the gate denies it, or the people and policies here are not those that were agreed to.
    """
    from lifecycle.life.access.deciding import decide
    from lifecycle.serving.access.credentials import certificate_digest, key_digest, make_key

    require_prose(reason, "A grant")
    _require_names(principal, certificate_name)
    require_governed(departments)
    declared = [departments.model(name) for name in dict.fromkeys(models)]
    purposes = sorted({model.purpose for model in declared})
    if len(purposes) != 1:
        raise InvalidDeclaration(
            f"These models are for {' and '.join(purposes) or 'nothing'}, and access is granted for one purpose.",
            "Grant access once for each purpose.",
        )
    key = "" if certificate_name else make_key()
    grant_id, at_us = new_id(), now_us()
    body = AccessGranted(
        grant_id=grant_id,
        principal=principal,
        kind="certificate" if certificate_name else "api_key",
        credential_digest=certificate_digest(certificate_name) if certificate_name else key_digest(key),
        certificate_name=certificate_name,
        models=tuple(model.name for model in declared),
        purpose=purposes[0],
        tier=tier,
        quota=AccessTiers.load(departments.settings.project / "governance" / "access.yaml").quota(tier),
        expires_at_us=at_us + days * _DAY_US,
        reason=reason,
    )
    for model in body.models:
        serving = standing.serving_version(departments, model)
        if serving is not None:
            decision = decide(departments, Grant(body, at_us, revoked=False), model, serving)
            require_allowed(decision, f"Access of {principal} to {model}:{serving}")
    event = Event.happened(
        body, subject=Subject(kind="key", name=grant_id), actor=COMMAND_LINE, environment=departments.environment, at_us=at_us
    )
    receipt = departments.ledger.append(event)
    return Granted(Recorded(index=receipt.index, event=event), key)


def revoke_access(departments: Departments, grant_id: Id, *, reason: str) -> Recorded:
    """Records that a grant counts no more. Raises UnknownName where there is none, Refused where it was revoked before."""
    require_prose(reason, "A revocation")
    grant = next((one for one in grants(departments) if one.body.grant_id == grant_id), None)
    if grant is None:
        raise UnknownName(f"No access {grant_id} was granted here.", "`lifecycle access list` shows what was.")
    if grant.revoked:
        raise Refused(f"The access {grant_id} was revoked before.", "There is nothing left to do.", ("STATE",))
    event = Event.happened(
        AccessRevoked(grant_id=grant_id, principal=grant.body.principal, reason=reason),
        subject=Subject(kind="key", name=grant_id),
        actor=COMMAND_LINE,
        environment=departments.environment,
    )
    receipt = departments.ledger.append(event)
    return Recorded(index=receipt.index, event=event)


def _require_names(principal: str, certificate_name: str) -> None:
    if re.fullmatch(r"[a-z][a-z0-9_.-]{0,62}", principal) is None:
        raise InvalidDeclaration(
            f"{principal!r} is not the name of an application.", "Name it in small letters, digits, `_`, `.` and `-`, such as loan_portal."
        )
    if certificate_name and re.fullmatch(r"[!-~]{1,256}", certificate_name) is None:
        raise InvalidDeclaration(
            f"{certificate_name!r} is not a name that a certificate has.", "Give its URI, DNS name or common name: ASCII without spaces."
        )


def grants(departments: Departments) -> list[Grant]:
    """Every grant of this environment, the oldest first."""
    found = departments.ledger.events(types=("AccessGranted", "AccessRevoked"), environment=departments.environment)
    revoked = {body_of(one, AccessRevoked).grant_id for one in found if one.event.type == "AccessRevoked"}
    return [
        Grant(body, one.event.occurred_at_us, body.grant_id in revoked)
        for one in found
        if isinstance(body := one.event.body, AccessGranted)
    ]

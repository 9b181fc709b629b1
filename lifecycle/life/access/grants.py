"""Grants of access: what the ledger has of them in this environment, and what a new one may name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.declaration import GovernedModel
from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.life.gates.standing import body_of
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.record import ACTOR_ID, Id, Name
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Grant:
    """A grant in this environment, as the ledger has it now."""

    body: AccessGranted
    granted_at_us: int
    revoked: bool

    def state(self, at_us: int) -> str:
        return "revoked" if self.revoked else "expired" if self.body.expires_at_us <= at_us else "in force"


def grants(departments: Departments) -> list[Grant]:
    """Every grant of this environment, the oldest first."""
    found = departments.ledger.events(types=("AccessGranted", "AccessRevoked"), environment=departments.environment)
    revoked = {body_of(one, AccessRevoked).grant_id for one in found if one.event.type == "AccessRevoked"}
    return [
        Grant(body, one.event.occurred_at_us, body.grant_id in revoked)
        for one in found
        if isinstance(body := one.event.body, AccessGranted)
    ]


def grant_of(departments: Departments, grant_id: Id) -> Grant:
    """The grant of this id. Raises UnknownName where there is none."""
    grant = next((one for one in grants(departments) if one.body.grant_id == grant_id), None)
    if grant is None:
        raise UnknownName(f"No access {grant_id} was granted here.", "`lifecycle access list` shows what was.")
    return grant


def declared_models(
    departments: Departments, principal: str, certificate_name: str, models: Sequence[str]
) -> tuple[list[GovernedModel], Name]:
    """The models that a grant is to name, and the one purpose that they are for.

    Raises InvalidDeclaration for what is no name of an application or a certificate, and for models of several purposes.
    """
    _require_names(principal, certificate_name)
    declared = [departments.model(name) for name in dict.fromkeys(models)]
    purposes = sorted({model.purpose for model in declared})
    if len(purposes) != 1:
        raise InvalidDeclaration(
            f"These models are for {' and '.join(purposes) or 'nothing'}, and access is granted for one purpose.",
            "Grant access once for each purpose.",
        )
    return declared, purposes[0]


def _require_names(principal: str, certificate_name: str) -> None:
    if re.fullmatch(ACTOR_ID, principal) is None:
        raise InvalidDeclaration(
            f"{principal!r} is not the name of an application.", "Name it in small letters, digits, `_`, `.` and `-`, such as loan_portal."
        )
    if certificate_name and re.fullmatch(r"[!-~]{1,256}", certificate_name) is None:
        raise InvalidDeclaration(
            f"{certificate_name!r} is not a name that a certificate has.", "Give its URI, DNS name or common name: ASCII without spaces."
        )

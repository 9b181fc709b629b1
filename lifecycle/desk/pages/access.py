"""Who may ask the gateway for predictions: every grant, what the gate says of it, and what can be granted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from lifecycle.desk.pages.taken_back import TakenBack, access_taken_back
from lifecycle.errors import InvalidDeclaration
from lifecycle.life.access.deciding import AccessDecider, Answered
from lifecycle.life.access.grants import Grant, grants
from lifecycle.life.access.signed_access import ROLES
from lifecycle.life.access.tiers import AccessTiers
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.records.access import Quota
from lifecycle.records.approval import AccessStatement
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Microseconds, Name
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class GrantRow:
    """One grant, the newest answers of the gate on it, and whether whoever looks may take it back, as far as the page can tell."""

    grant: Grant
    #: None where nobody signed it, as only in `local`.
    signer: ActorId | None
    state: str
    #: None where nobody took it back.
    taken_back: TakenBack | None
    answers: tuple[Answered, ...]
    for_you: bool


@dataclass(frozen=True)
class AccessView:
    """What the page shows."""

    environment: str
    #: Whether the gateway answers everybody who reaches it.
    open: bool
    rows: tuple[GrantRow, ...]
    #: The models that whoever looks may grant access to: their name, and what it is for.
    grantable: tuple[tuple[Name, Name], ...]
    tiers: Mapping[Name, Quota]
    #: Why the tiers can't be read; empty where they can.
    fault: str
    roles: tuple[Name, ...]
    read_at_us: Microseconds

    def rows_in(self, part: Literal["in force", "over"]) -> tuple[GrantRow, ...]:
        """Those that count, or those that do no more."""
        return tuple(row for row in self.rows if (row.state == "in force") == (part == "in force"))


def access_view(departments: Departments, person: ActorId, roles: Collection[str]) -> AccessView:
    """The page for somebody with these roles, the newest grant first."""
    found, now, decider = grants(departments), now_us(), AccessDecider(departments)
    decider.read()
    granting = not {*roles}.isdisjoint(ROLES)
    owned = {model.name for model in departments.models if model.owner == person}
    tiers, fault = _tiers(departments)
    taken_back = access_taken_back(departments)

    def row(grant: Grant) -> GrantRow:
        body = grant.body
        signer = None if body.envelope is None else body.envelope.holding(AccessStatement).signer
        answers = tuple(decider.answers(body.grant_id).values())
        for_you = granting or owned.issuperset(body.models)
        return GrantRow(grant, signer, grant.state(now), taken_back.get(body.grant_id), answers, for_you)

    return AccessView(
        environment=departments.environment,
        open=departments.environment == UNGOVERNED and not found,
        rows=tuple(row(grant) for grant in reversed(found)),
        grantable=tuple((model.name, model.purpose) for model in departments.models if granting or model.name in owned),
        tiers=tiers,
        fault=fault,
        roles=ROLES,
        read_at_us=now,
    )


def _tiers(departments: Departments) -> tuple[Mapping[Name, Quota], str]:
    try:
        return AccessTiers.of_project(departments.settings.project).tiers, ""
    except InvalidDeclaration as error:
        return {}, error.what

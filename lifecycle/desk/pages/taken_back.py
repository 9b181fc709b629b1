"""What was taken back, and what whoever looks may take back themselves, as far as the page can tell; the rules say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lifecycle.life.gates.standing import body_of
from lifecycle.life.revocation import ROLES
from lifecycle.records.approval import Revocable
from lifecycle.records.bodies.access import AccessRevoked
from lifecycle.records.bodies.revocations import ApprovalRevoked, VersionRevoked
from lifecycle.records.events import Recorded
from lifecycle.records.record import ActorId, Digest, Id, Microseconds
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class TakenBack:
    """One revocation: who made it, why, and where it stands."""

    by: ActorId
    #: Whether somebody signed it; nobody has to in `local`.
    signed: bool
    reason: str
    at_us: Microseconds
    index: int


def version_taken_back(departments: Departments, model: str, version: int) -> TakenBack | None:
    """The revocation of a version; None where there is none."""
    found = departments.ledger.events(
        types=("VersionRevoked",), name=model, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    return _told(found[0], body_of(found[0], VersionRevoked).reason) if found else None


def statements_taken_back(departments: Departments, model: str, version: int) -> Mapping[Digest, TakenBack]:
    """The approvals and waivers of a version that count no more, by the digest of what was signed."""
    found = departments.ledger.events(types=("ApprovalRevoked",), name=model, version=version, environment=departments.environment)
    bodies = [(one, body_of(one, ApprovalRevoked)) for one in found]
    return {body.statement_digest: _told(one, body.reason) for one, body in bodies}


def access_taken_back(departments: Departments) -> Mapping[Id, TakenBack]:
    """The grants of access that somebody took back here, by their id."""
    found = departments.ledger.events(types=("AccessRevoked",), environment=departments.environment)
    bodies = [(one, body_of(one, AccessRevoked)) for one in found]
    return {body.grant_id: _told(one, body.reason) for one, body in bodies}


def may_take_back(revokes: Revocable, whose: ActorId, person: ActorId, roles: Collection[str]) -> bool:
    """Whether somebody may, by what the registry says of them."""
    return person == whose or not {*roles}.isdisjoint(ROLES[revokes])


def _told(recorded: Recorded, reason: str) -> TakenBack:
    event = recorded.event
    return TakenBack(event.actor.id, event.actor.authenticated, reason, event.occurred_at_us, recorded.index)

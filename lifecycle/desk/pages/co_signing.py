"""What one person has begun to sign and waits for others: a waiver, a broken glass, a change of what governs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lifecycle.life.gates.governed import open_proposals
from lifecycle.life.gates.waivers import ROLE as WAIVING
from lifecycle.life.people.asked_waivers import every_asked_waiver
from lifecycle.life.people.governing import ROLE as GOVERNING
from lifecycle.records.gates import BREAK_GLASS
from lifecycle.records.record import ActorId, Microseconds, Name
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Begun:
    """One statement that waits for more signatures, and the page that shows it."""

    what: str
    path: str
    role: Name
    #: How many others it waits for; None where the gate says so with the next signature.
    missing: int | None
    signed_by: tuple[ActorId, ...]
    ends_at_us: Microseconds
    #: Whether whoever looks holds the role and has not signed; the rules say whether they may.
    for_you: bool


def begun_by_others(departments: Departments, person: ActorId, roles: Collection[str]) -> tuple[Begun, ...]:
    """All of it here, what waits for whoever looks first, then by when it ends."""
    found = (*_waivers(departments, person, roles), *_proposals(departments, person, roles))
    return tuple(sorted(found, key=lambda one: (not one.for_you, one.ends_at_us, one.what)))


def _waivers(departments: Departments, person: ActorId, roles: Collection[str]) -> list[Begun]:
    return [
        Begun(
            what=f"{'breaking the glass' if one.rule == BREAK_GLASS else 'waiving ' + one.rule} for {one.name}",
            path=f"/versions/{one.model}/{one.version}#waivers",
            role=WAIVING,
            missing=None,
            signed_by=one.signers,
            ends_at_us=one.expires_at_us,
            for_you=WAIVING in roles and person not in one.signers,
        )
        for one in every_asked_waiver(departments, ended=False)
        if one.standing == "open"
    ]


def _proposals(departments: Departments, person: ActorId, roles: Collection[str]) -> list[Begun]:
    return [
        Begun(
            what="a change of what governs",
            path="/governance#proposals",
            role=GOVERNING,
            missing=one.missing,
            signed_by=(one.statement.signer, *one.agreed_by),
            ends_at_us=one.statement.expires_at_us,
            for_you=GOVERNING in roles and person not in (one.statement.signer, *one.agreed_by),
        )
        for one in open_proposals(departments)
    ]

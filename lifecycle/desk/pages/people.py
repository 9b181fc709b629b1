"""Who counts here: everybody in the registry, what they may do and for whom, and each key with whether it counts at this moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lifecycle.desk.pages.taken_back import may_take_back
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.in_force import revoked_keys
from lifecycle.records.bodies.governors import KeyEnrolled
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Microseconds, Name
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Key, Person

KeyStanding = Literal["in force", "not yet", "over", "revoked"]


@dataclass(frozen=True)
class KeyRow:
    """One key of somebody."""

    id: str
    kind: Literal["ed25519", "passkey"]
    #: The address that a passkey speaks at; "" for a key file.
    origin: str
    standing: KeyStanding
    until_us: Microseconds | None
    #: None where nobody took it back.
    revoked: Recorded | None
    #: Whether it is known to have been in other hands.
    stolen: bool
    for_you: bool

    @property
    def reason(self) -> str:
        return "" if self.revoked is None else body_of(self.revoked, KeyRevoked).reason


@dataclass(frozen=True)
class NewKey:
    """A passkey that somebody registered where others have to agree to it first, and what then has to stand under their keys."""

    id: str
    entry: str
    at_us: Microseconds


@dataclass(frozen=True)
class PersonRow:
    """One person. `roles` are their own; `acts_for` are those whose roles they have besides, at this moment."""

    id: ActorId
    display_name: str
    roles: tuple[Name, ...]
    teams: tuple[Name, ...]
    acts_for: tuple[ActorId, ...]
    keys: tuple[KeyRow, ...]
    new: tuple[NewKey, ...]


@dataclass(frozen=True)
class PeopleView:
    """What the page shows."""

    environment: str
    people: tuple[PersonRow, ...]
    read_at_us: Microseconds


def people_view(departments: Departments, visitor: ActorId, roles: Collection[str]) -> PeopleView:
    """The page for somebody with these roles: themselves first, then by id."""
    registry, now = departments.people, now_us()
    revoked, new = _revoked(departments), _new(departments)

    def row(person: Person) -> PersonRow:
        keys = (_key(key, person.id, revoked.get(key.id, ()), may_take_back("key", person.id, visitor, roles), now) for key in person.keys)
        acts_for = tuple(sorted(registry.acts_as(person.id, now) - {person.id}))
        return PersonRow(person.id, person.display_name, person.roles, person.teams, acts_for, tuple(keys), new.get(person.id, ()))

    ordered = sorted(registry.people.values(), key=lambda person: (person.id != visitor, person.id))
    return PeopleView(departments.environment, tuple(row(person) for person in ordered), now)


def _revoked(departments: Departments) -> Mapping[str, tuple[Recorded, ...]]:
    """Every revocation of each key that counts here."""
    found: dict[str, tuple[Recorded, ...]] = {}
    for recorded in departments.ledger.events(types=("KeyRevoked",)):
        if counts_as_revoked(recorded.event.environment, departments.environment):
            key_id = body_of(recorded, KeyRevoked).key_id
            found[key_id] = (*found.get(key_id, ()), recorded)
    return found


def _new(departments: Departments) -> Mapping[ActorId, tuple[NewKey, ...]]:
    """The passkeys that were registered here and stand in no registry, by whose they are; not those that were revoked since."""
    from lifecycle.approvals.enrolment import yaml_entry
    from lifecycle.approvals.people import Key

    found: dict[ActorId, tuple[NewKey, ...]] = {}
    gone = revoked_keys(departments)
    for recorded in departments.ledger.events(types=("KeyEnrolled",), environment=departments.environment):
        body = body_of(recorded, KeyEnrolled)
        key = Key(id=body.key.id, public=body.key.public, passkey=body.key.passkey)
        if body.registry is None and key.id not in gone and departments.people.key(key.id) is None:
            found[body.person] = (*found.get(body.person, ()), NewKey(key.id, yaml_entry(key), recorded.event.occurred_at_us))
    return found


def _key(key: Key, person: ActorId, revoked: tuple[Recorded, ...], for_you: bool, now: Microseconds) -> KeyRow:
    standing: KeyStanding = "in force"
    if revoked:
        standing = "revoked"
    elif not key.holds(now):
        standing = "not yet" if key.from_us is not None and now < key.from_us else "over"
    return KeyRow(
        id=key.id,
        kind=key.kind,
        origin="" if key.passkey is None else key.passkey.origin,
        standing=standing,
        until_us=key.until_us,
        revoked=revoked[-1] if revoked else None,
        stolen=any(body_of(one, KeyRevoked).compromised_from is not None for one in revoked),
        for_you=for_you,
    )

"""Enrolling a person and a passkey: the ledger says so before it counts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.in_force import revoked_keys
from lifecycle.life.recording import COMMAND_LINE, links
from lifecycle.records.bodies.governors import EnrolledKey, KeyEnrolled, PersonEnrolled
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.identity import commit
from lifecycle.records.record import ACTOR_ID, ActorId, JsonObject
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Key, Person, Registry, RegistryName

#: Whoever had the link registers a passkey: that it was somebody who had it is all that is known.
DESK = Actor(id="desk", kind="service", authenticated=False)


def enrol(
    departments: Departments,
    person: str,
    *,
    roles: tuple[str, ...] = (),
    teams: tuple[str, ...] = (),
    public_key: Path | None = None,
    display_name: str = "",
    git_emails: tuple[str, ...] = (),
    in_project: bool = False,
) -> bool:
    """Enrols a person in the home, or in the project; returns False where exactly this stands already.

    Raises InvalidDeclaration where the id or the key is somebody's, where the key was revoked, and for a home's person
    outside `local`.
    """
    from lifecycle.approvals.enrolment import enrol_person
    from lifecycle.approvals.keys import key_id_of, read_public
    from lifecycle.approvals.people import Key, Person, hash_of_address

    if not in_project and departments.environment != "local":
        raise InvalidDeclaration(
            f"People of a home do not count in the environment {departments.environment}.", "Enrol them in the project: --project."
        )
    if re.fullmatch(ACTOR_ID, person) is None:
        raise InvalidDeclaration(
            f"{person!r} is no id of a person.", "Take small letters, digits, `_`, `.` and `-`, a letter first; never a name or an address."
        )
    public = None if public_key is None else read_public(public_key)
    keys = () if public is None else (Key(id=key_id_of(public), public=public),)
    for key in keys:
        if key.id in revoked_keys(departments):
            raise InvalidDeclaration(f"The key {key.id} was revoked.", "Make a new one with `lifecycle keys new FILE`.")
    somebody = Person.of(
        {
            "id": person,
            "display_name": display_name,
            "roles": list(roles),
            "teams": list(teams),
            "keys": [key.as_json() for key in keys],
            "git": [hash_of_address(email) for email in git_emails],
        }
    )
    if departments.people.people.get(person) == somebody:
        return False
    files = _registry_files(departments)
    if person in departments.people.people:
        raise InvalidDeclaration(
            f"{person} is enrolled already, with other roles, teams, keys or addresses.",
            f"Change what {files[departments.people.origin[person]]} says of them.",
        )
    origin: RegistryName = "project" if in_project else "home"
    enrol_person(files[origin], somebody, lambda new_file: _record_person(departments, somebody, origin, new_file))
    _forget_what_was_read(departments)
    return True


def _record_person(departments: Departments, somebody: Person, origin: RegistryName, new_file: Path) -> None:
    """Says in the ledger who will stand in the registry; what the directory says of them beyond their id as a commitment alone."""
    registry = _registry_with(departments, origin, new_file)
    directory, opening = commit(entry) if (entry := directory_entry(somebody)) else (None, None)
    body = PersonEnrolled(
        person=somebody.id,
        roles=somebody.roles,
        teams=somebody.teams,
        keys=tuple(_as_enrolled(key) for key in somebody.keys),
        registry=origin,
        registry_digest=registry.digest,
        directory=directory,
    )
    subject = Subject(kind="person", name=somebody.id)
    with departments.ledger.writing() as writer:
        writer.append(Event.happened(body, subject=subject, actor=COMMAND_LINE, environment=departments.environment))
        if opening is not None:
            writer.keep(opening, somebody.id)


def enrol_passkey(departments: Departments, person: ActorId, key: Key) -> bool:
    """Records that a person registered a passkey, and returns whether it counts now.

    In `local` it is written into the registry that has the person. Elsewhere it counts once it stands in governance/people.yaml and
    two others have agreed to that. Raises UnknownName for nobody, InvalidDeclaration for a key that was revoked or is
    somebody's already.
    """
    from lifecycle.approvals.enrolment import enrol_key

    somebody, origin = departments.people.person(person), departments.people.origin[person]
    if key.id in revoked_keys(departments):
        raise InvalidDeclaration(f"The key {key.id} was revoked.", "Register another passkey.")
    if key in somebody.keys:
        return True

    def record(new_file: Path) -> None:
        registry = _registry_with(departments, origin, new_file)
        _record_key(departments, KeyEnrolled(person=person, key=_as_enrolled(key), registry=origin, registry_digest=registry.digest))

    if departments.environment != UNGOVERNED:
        _record_key(departments, KeyEnrolled(person=person, key=_as_enrolled(key), registry=None, registry_digest=None))
        return False
    enrol_key(_registry_files(departments)[origin], person, key, record)
    _forget_what_was_read(departments)
    return True


def _record_key(departments: Departments, body: KeyEnrolled) -> None:
    subject = Subject(kind="person", name=body.person)
    made = links(people=body.registry_digest)
    departments.ledger.append(Event.happened(body, subject=subject, actor=DESK, environment=departments.environment, outputs=made))


def _registry_files(departments: Departments) -> dict[RegistryName, Path]:
    """The files that say who is who: everybody's, and that of this home."""
    project = departments.settings.project / "governance" / "people.yaml"
    return {"project": project, "home": departments.folder(".") / "people.yaml"}


def _registry_with(departments: Departments, origin: RegistryName, new_file: Path) -> Registry:
    """The registry as it is once `new_file` stands in the place of one of its files; kept, since a record names it."""
    from lifecycle.approvals.people import Registry

    files = _registry_files(departments) | {origin: new_file}
    registry = Registry.load(files["project"], files["home"] if departments.environment == UNGOVERNED else None)
    departments.artifacts.put(registry.document)
    return registry


def _as_enrolled(key: Key) -> EnrolledKey:
    return EnrolledKey(id=key.id, public=key.public, passkey=key.passkey)


def _forget_what_was_read(departments: Departments) -> None:
    """Whoever asks next must see the registry as it is now."""
    for stale in ("people", "gate_keeper"):
        vars(departments).pop(stale, None)


def directory_entry(person: Person) -> JsonObject:
    """What the directory says of a person beyond their id: the ledger holds a commitment to it alone. Empty where it says nothing."""
    from lifecycle.approvals.people import PERSONAL

    said = person.as_json()
    return {name: said[name] for name in PERSONAL if said[name]}

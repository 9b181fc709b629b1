"""Enrolling a person: the registry changes, and the ledger says so before it counts."""

from __future__ import annotations

from pathlib import Path

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies.governors import PersonEnrolled
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.wiring import Departments

#: Nobody signs in to enrol somebody: that it was done from the command line is all that is known.
COMMAND_LINE = Actor(id="command_line", kind="service", authenticated=False)


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

    Raises InvalidDeclaration where the id or the key is somebody's, and for a home's person outside `local`.
    """
    from lifecycle.approvals.enrolment import enrol_person
    from lifecycle.approvals.keys import key_id_of, read_public
    from lifecycle.approvals.people import Key, Person, Registry, hash_of_address

    if not in_project and departments.environment != "local":
        raise InvalidDeclaration(
            f"People of a home do not count in the environment {departments.environment}.", "Enrol them in the project: --project."
        )
    public = None if public_key is None else read_public(public_key)
    keys = () if public is None else (Key(id=key_id_of(public), public=public),)
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
    project = departments.settings.project / "governance" / "people.yaml"
    home = departments.folder(".") / "people.yaml"

    def record(new_file: Path) -> None:
        beside = home if departments.environment == "local" else None
        registry = Registry.load(new_file, beside) if in_project else Registry.load(project, new_file)
        body = PersonEnrolled(
            person=person,
            roles=roles,
            teams=teams,
            key_id=keys[0].id if keys else None,
            registry="project" if in_project else "home",
            registry_digest=registry.digest,
        )
        subject = Subject(kind="person", name=person)
        departments.ledger.append(Event.happened(body, subject=subject, actor=COMMAND_LINE, environment=departments.environment))

    enrol_person(project if in_project else home, somebody, record)
    # Both were read before: whoever asks next must see the registry as it is now.
    for stale in ("people", "gate_keeper"):
        vars(departments).pop(stale, None)
    return True

"""`lifecycle people` and `lifecycle keys`: who may say what, and what they sign with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import Unavailable, UnknownName

if TYPE_CHECKING:
    from lifecycle.wiring import Departments


@click.group()
def keys() -> None:
    """Make the key that a person signs with, and revoke one that somebody else may have."""


@keys.command(short_help="Make a key pair.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--for", "person", metavar="ID", help="Whose key it is; said in the next step only.")
@click.option("--policy", "for_policy", is_flag=True, help="A key that signs bundles of policies (ECDSA P-256), not a person's.")
def new(file: Path, person: str | None, for_policy: bool) -> None:
    """Make an Ed25519 key pair: FILE (mode 0600, yours alone) and FILE with the suffix .pub (for the registry).

    Neither is ever overwritten.
    """
    if for_policy:
        from lifecycle.policy.archive import create_key as create_policy_key
        from lifecycle.policy.archive import key_name

        render.line(f"{key_name(create_policy_key(file))}  {file.with_suffix('.pub')}")
        render.note(f"Next: lifecycle policy build bundle.tar.gz --key {file}")
        return
    from lifecycle.approvals.keys import create_key, key_id_of

    public = create_key(file)
    render.line(f"{key_id_of(public)}  {file.with_suffix('.pub')}")
    render.note(f"Keep {file} to yourself. Next: lifecycle people add {person or 'ID'} --role ROLE --key {file.with_suffix('.pub')}")


@keys.command(short_help="Revoke a key.")
@click.argument("key_id", metavar="KEY")
@click.option("--reason", required=True, metavar="TEXT", help="What happened to the key; stands in the ledger.")
def revoke(key_id: str, reason: str) -> None:
    """The same as `lifecycle revoke KEY`, unsigned: record that the key counts no more. It can't be undone.

    What it signed and nothing has used yet is void; what was deployed with it stays. Where people govern, `lifecycle revoke` has it signed,
    and says since when the key was in other hands.
    """
    from lifecycle.life.revocation import revoke as take_back
    from lifecycle.wiring import Departments

    departments = Departments.here()
    if departments.people.key(key_id) is None:
        raise UnknownName(f"There is no key {key_id!r} here.", "`lifecycle people list` shows whose keys there are.")
    take_back(departments, key_id, reason=reason)
    render.line(f"{key_id} counts no more.")
    render.note("What it approved and no deployment has used yet waits again. A new key: lifecycle keys new FILE")


@click.group()
def people() -> None:
    """Enrol people, and list who may approve what."""


@people.command(short_help="Enrol a person.")
@click.argument("person", metavar="ID")
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE",
    help="A role that they hold: risk, operator, governor, or one that a rule names. May be given more than once.",
)
@click.option("--team", "teams", multiple=True, metavar="TEAM", help="A team that they are in. May be given more than once.")
@click.option("--key", "key", type=click.Path(dir_okay=False, path_type=Path), help="The public key that they sign with (.pub).")
@click.option("--name", default="", help="What tables call them; never goes into the ledger.")
@click.option("--git", "git_emails", multiple=True, metavar="ADDRESS", help="An address that they commit under; kept as a hash.")
@click.option("--project", "in_project", is_flag=True, help="Enrol them in governance/people.yaml, for every environment.")
def add(
    person: str,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
    key: Path | None,
    name: str,
    git_emails: tuple[str, ...],
    in_project: bool,
) -> None:
    """Enrol a person under a pseudonymous ID, in this home or (--project) in the project. The ledger records it.

    A role that nothing here goes by is refused: it would give them nothing.
    """
    from lifecycle.life.people.enrolment import enrol
    from lifecycle.life.people.roles import require_meant
    from lifecycle.wiring import Departments

    departments = Departments.here()
    require_meant(departments, roles)
    fresh = enrol(
        departments,
        person,
        roles=roles,
        teams=teams,
        public_key=key,
        display_name=name,
        git_emails=git_emails,
        in_project=in_project,
    )
    render.line(f"{person} is enrolled." if fresh else f"{person} stands like this already.")


@people.command(short_help="Invite a person to register a passkey.")
@click.argument("person", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the link as JSON.")
def invite(person: str, as_json: bool) -> None:
    """Make a link with which the person ID registers a passkey at the approval desk: once, and within the hour.

    Whoever opens it can register theirs in that person's name, so hand it to nobody else. An earlier link of theirs ends with it.
    """
    from lifecycle.desk.invitations import invite as invitation
    from lifecycle.desk.settings import DeskSettings
    from lifecycle.desk.store import DeskStore
    from lifecycle.wiring import Departments

    departments = Departments.here()
    invited = departments.people.person(person).id
    settings = DeskSettings.of(departments)
    link = invitation(DeskStore(settings.folder), settings, invited)
    if as_json:
        render.as_json({"person": invited, "link": link, "valid_seconds": settings.invitation_seconds})
        return
    render.line(link)
    render.note(
        f"For {invited} alone, once, for the next {settings.invitation_seconds // 60} minutes. The desk must run at {settings.origin}."
    )


@people.command(name="list", short_help="List who may say what.")
@click.option("--json", "as_json", is_flag=True, help="Print the people as JSON.")
def list_(as_json: bool) -> None:
    """List everybody who counts here, with the roles that they hold, the names they also act under and the keys that speak for them now.

    A key that was revoked is told as such: it stays in the registry, so that what it signed can still be looked into. Where the
    ledger does not answer, that is not known, and said.
    """
    from lifecycle.records.identity import now_us
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    registry, moment = departments.people, now_us()
    revoked = _revoked(departments) if any(person.keys for person in registry.people.values()) else frozenset()
    listed = [
        {
            "id": person.id,
            "name": person.display_name,
            "roles": list(registry.roles(person.id, moment)),
            "acts_also_as": list(registry.also(person.id, moment)),
            "keys": [key.id for key in person.keys if key.holds(moment) and key.id not in revoked],
            "revoked_keys": [key.id for key in person.keys if key.id in revoked],
            "registry": registry.origin[person.id],
        }
        for person in sorted(registry.people.values(), key=lambda person: person.id)
    ]
    if as_json:
        render.as_json({"digest": registry.digest, "people": listed})
        return
    render.table(
        ["id", "name", "roles", "acts also as", "keys", "revoked", "registry"],
        [[value if isinstance(value, str) else ", ".join(value) for value in row.values()] for row in listed],
        empty="Nobody is enrolled. `lifecycle people add` enrols somebody.",
    )


def _revoked(departments: Departments) -> frozenset[str]:
    """The keys that the ledger says are revoked; none, and a word about it, where it does not answer."""
    from lifecycle.life.people.in_force import revoked_keys

    try:
        return revoked_keys(departments)
    except Unavailable as error:
        render.note(f"Whether a key was revoked is not known: {error.what}")
        return frozenset()

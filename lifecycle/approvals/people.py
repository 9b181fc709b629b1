"""The registry: who people are, what they may do, which keys speak for them, and as whom else they act.

A person is a pseudonymous id. Whoever acts through a team, a group or a delegation acts as that, too: `also` lists every
such name, and separation of duties looks at all of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from lifecycle.approvals.keys import decode_public, key_id_of
from lifecycle.approvals.passkeys import decode_cose
from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.records.documents import parse_yaml
from lifecycle.records.passkeys import Passkey
from lifecycle.records.record import ActorId, Digest, Microseconds, Name, Record, canonical_bytes, describe, digest_of, is_none

RegistryName = Literal["project", "home"]
#: What a registry says of a person that tells nothing of who may do what, and that is to be forgotten with the person.
PERSONAL = ("display_name", "git")


class _Dated(Record):
    """Something that holds from one moment on until another, or always."""

    from_us: Microseconds | None = None
    until_us: Microseconds | None = None

    def holds(self, at_us: Microseconds) -> bool:
        return (self.from_us is None or self.from_us <= at_us) and (self.until_us is None or at_us < self.until_us)

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.from_us is not None and self.until_us is not None and self.from_us >= self.until_us:
            raise ValueError("it ends before it begins")
        return self


class Key(_Dated):
    """A public key in base64, and the time in which it may sign: Ed25519, or with a `passkey` the COSE key of that."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    public: str
    passkey: Passkey | None = Field(default=None, exclude_if=is_none)

    @property
    def kind(self) -> Literal["ed25519", "passkey"]:
        """What a person signs with: a key file on the command line, or a passkey at the desk."""
        return "ed25519" if self.passkey is None else "passkey"

    @model_validator(mode="after")
    def _is_a_key(self) -> Self:
        try:
            if self.passkey is None:
                decode_public(self.public)
            else:
                decode_cose(self.public)
        except InvalidDeclaration as error:
            raise ValueError(error.what) from error
        return self


class Person(Record):
    """One person. A display name is for tables and never goes into the ledger; nor does the git address, kept as a hash."""

    id: ActorId
    display_name: str = ""
    roles: tuple[Name, ...] = ()
    teams: tuple[Name, ...] = ()
    keys: tuple[Key, ...] = ()
    #: SHA-256 of each lower-case address that the person commits under, in hex.
    git: tuple[str, ...] = ()

    @property
    def passkeys(self) -> tuple[Passkey, ...]:
        return tuple(key.passkey for key in self.keys if key.passkey is not None)


class Group(Record):
    """A name for several people or groups."""

    id: Name
    members: tuple[str, ...]


class Delegation(_Dated):
    """`from` lets `to` act for them, with their roles, for a time. Whoever acts for somebody counts as them."""

    giver: ActorId = Field(alias="from")
    receiver: ActorId = Field(alias="to")


class People(Record):
    """One people.yaml."""

    people: tuple[Person, ...] = ()
    groups: tuple[Group, ...] = ()
    delegations: tuple[Delegation, ...] = ()

    @classmethod
    def read(cls, path: Path) -> People:
        """The people of one file. Raises InvalidDeclaration that names the file and each wrong field."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidDeclaration(f"{path} can't be read: {error}.", "Make it a readable UTF-8 file.") from error
        try:
            return cls.model_validate_json(_json(parse_yaml(text, str(path)) or {}))
        except ValidationError as error:
            raise InvalidDeclaration(
                f"{path} is not a registry of people: {describe(error)}.",
                "Correct the named fields.",
            ) from error


class Registry(Record):
    """Everybody who counts here: the project's people and, in the environment `local`, those of the home."""

    schema_version: Literal["lifecycle.people/1"] = "lifecycle.people/1"
    people: dict[ActorId, Person]
    origin: dict[ActorId, RegistryName]
    groups: tuple[Group, ...]
    delegations: tuple[Delegation, ...]

    @classmethod
    def load(cls, project: Path, home: Path | None) -> Registry:
        """The registry of these files; one that is not there holds nobody.

        Raises InvalidDeclaration where a person, a key, a git address or a group stands twice, within a file or across the
        two, and where a group or a delegation names somebody unknown.
        """
        files: list[tuple[RegistryName, Path]] = [("project", project)] if project.exists() else []
        files += [("home", home)] if home is not None and home.exists() else []
        read = [(name, People.read(path)) for name, path in files]
        everybody = [(name, person) for name, file in read for person in file.people]
        groups = [group for _, file in read for group in file.groups]
        registry = cls(
            people={person.id: person for _, person in everybody},
            origin={person.id: name for name, person in everybody},
            groups=tuple(groups),
            delegations=tuple(delegation for _, file in read for delegation in file.delegations),
        )
        _refuse_twice("the person", [person.id for _, person in everybody])
        _refuse_twice("the key", [key.public for _, person in everybody for key in person.keys])
        _refuse_twice(
            "the passkey", [key.passkey.credential_id for _, person in everybody for key in person.keys if key.passkey is not None]
        )
        _refuse_twice("the key id", [key.id for _, person in everybody for key in person.keys])
        _refuse_twice("the git address", [address for _, person in everybody for address in person.git])
        _refuse_twice(
            "the name", [*registry.people, *{team for _, person in everybody for team in person.teams}, *(group.id for group in groups)]
        )
        registry._refuse_strangers()
        return registry

    def person(self, person_id: str) -> Person:
        """The person of this id. Raises UnknownName."""
        found = self.people.get(person_id)
        if found is None:
            raise UnknownName(
                f"Nobody here goes by {person_id!r}.", "`lifecycle people list` shows who does; `lifecycle people add` enrols somebody."
            )
        return found

    def roles(self, person_id: str, at_us: Microseconds) -> tuple[Name, ...]:
        """The roles of a person, with those of everybody whom they act for at that time."""
        acting = [person for name in self.acts_as(person_id, at_us) if (person := self.people.get(name)) is not None]
        return tuple(sorted({role for person in acting for role in person.roles}))

    def lasting_roles(self, person_id: str, signed_at_us: Microseconds, now_us: Microseconds) -> tuple[Name, ...]:
        """The roles that a person had when they signed and still has: what somebody signed counts by no other."""
        return tuple(sorted({*self.roles(person_id, signed_at_us)} & {*self.roles(person_id, now_us)}))

    def also(self, person_id: str, at_us: Microseconds) -> tuple[str, ...]:
        """Every other name under which a person acts at that time: whom they act for, and all of their teams and groups."""
        self.person(person_id)
        names = set(self.acts_as(person_id, at_us))
        names |= {team for name in names if name in self.people for team in self.people[name].teams}
        while grown := {group.id for group in self.groups if names & set(group.members)} - names:
            names |= grown
        return tuple(sorted(names - {person_id}))

    def ever_also(self, person_id: str, signed_at_us: Microseconds, now_us: Microseconds) -> tuple[str, ...]:
        """Every other name of a person when they signed, and every one now: a delegation that ran out in between still bars."""
        return tuple(sorted({*self.also(person_id, signed_at_us), *self.also(person_id, now_us)}))

    def acts_as(self, person_id: str, at_us: Microseconds) -> frozenset[ActorId]:
        """The people as whom a person acts at that time: themselves, and everybody who lets them act for them."""
        return frozenset({person_id, *self._acts_for(person_id, at_us)})

    def members(self, team: str) -> tuple[ActorId, ...]:
        """Everybody who is in a team, in a group of that name, or acts for somebody who is."""
        inside = {person.id for person in self.people.values() if team in person.teams} | self._within(team)
        while grown := {given.receiver for given in self.delegations if given.giver in inside} - inside:
            inside |= grown
        return tuple(sorted(inside))

    def by_git_email(self, email: str) -> ActorId | None:
        """The person who commits under this address, if anybody enrolled does."""
        hashed = hash_of_address(email)
        return next((person.id for person in self.people.values() if hashed in person.git), None)

    def key(self, key_id: str) -> tuple[Person, Key] | None:
        """The key of this id, and whose it is."""
        return next(((person, key) for person in self.people.values() for key in person.keys if key.id == key_id), None)

    def passkey(self, credential_id: str) -> tuple[Person, Key] | None:
        """The passkey with this credential, and whose it is."""
        for person in self.people.values():
            for key in person.keys:
                if key.passkey is not None and key.passkey.credential_id == credential_id:
                    return person, key
        return None

    @property
    def document(self) -> bytes:
        """The canonical bytes of who may do what, with which keys and when: `Registry.parse` has it back.

        Without display names and git addresses, which tell nothing of that and are to be forgotten with the person.
        """
        personal = {"people": {"__all__": set(PERSONAL)}}
        return canonical_bytes(self.model_dump(mode="json", by_alias=True, exclude=personal))

    @property
    def digest(self) -> Digest:
        """The digest of the document."""
        return digest_of(self.document)

    def without_keys(self, revoked: Set[str]) -> Registry:
        """The same people without these keys, whatever id the registry gives them now."""

        def kept(person: Person) -> Person:
            keys = tuple(key for key in person.keys if not revoked & {key.id, key_id_of(key.public)})
            return person.model_copy(update={"keys": keys})

        return self.model_copy(update={"people": {person.id: kept(person) for person in self.people.values()}})

    def _acts_for(self, person_id: str, at_us: Microseconds) -> set[str]:
        """Everybody for whom a person acts, through any chain of delegations that hold at that time."""
        found = {person_id}
        while grown := {given.giver for given in self.delegations if given.receiver in found and given.holds(at_us)} - found:
            found |= grown
        return found - {person_id}

    def _within(self, group_id: str) -> set[str]:
        """The people in a group, through any groups in it."""
        names, found = {group_id}, {group_id}
        while names:
            names = {member for group in self.groups if group.id in names for member in group.members} - found
            found |= names
        return found & set(self.people)

    def _refuse_strangers(self) -> None:
        known = {*self.people, *(group.id for group in self.groups)}
        strangers = [member for group in self.groups for member in group.members if member not in known]
        strangers += [name for given in self.delegations for name in (given.giver, given.receiver) if name not in self.people]
        if strangers:
            raise InvalidDeclaration(
                f"Nobody goes by {', '.join(sorted(set(strangers)))}.", "Enrol them, or take them out of the groups and delegations."
            )


def hash_of_address(email: str) -> str:
    """How an address is kept: it can be compared, and does not stand in a repository in plain text."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise InvalidDeclaration(
            f"In the registry of people {what} {twice[0]} stands twice.", "Let each stand once: one person, one id, keys of their own."
        )


def _json(value: object) -> str:
    import json

    return json.dumps(value)

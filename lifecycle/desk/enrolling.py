"""Registering a passkey with an invitation. It is recorded before it counts; outside `local` others must agree to it first."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lifecycle.approvals.enrolment import yaml_entry
from lifecycle.approvals.people import Key
from lifecycle.desk.credentials import creation_options, key_in
from lifecycle.desk.desk import Desk
from lifecycle.desk.invitations import invited, use_invitation
from lifecycle.desk.store import hashed
from lifecycle.errors import Refused
from lifecycle.life.people.enrolment import enrol_passkey
from lifecycle.records.record import ActorId, JsonObject

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """A passkey that was registered for a person, and whether it counts yet."""

    person: ActorId
    key: Key
    counts: bool

    @property
    def entry(self) -> str:
        """What has to stand under the person's keys in governance/people.yaml before it counts."""
        return yaml_entry(self.key)


def begin_registration(desk: Desk, address: str, token: str, *, by: ActorId | None = None) -> JsonObject:
    """What the browser is to ask of the authenticator. `by` is who is signed in.

    Raises Refused for an invitation that is not good, and where a provider says who somebody is for anybody else than the person
    invited; TooOften.
    """
    desk.tries_of_address.require(address)
    person = desk.departments.people.person(_invited(desk, token, by))
    challenge = desk.challenges.ask(_purpose(token))
    options = creation_options(desk.settings, challenge.bytes, person.id, person.passkeys)
    return {"challenge_id": challenge.id, "person": person.id, "options": options}


def finish_registration(
    desk: Desk, address: str, token: str, challenge_id: str, credential: object, *, by: ActorId | None = None
) -> Registered:
    """Enrols the passkey that the authenticator made, and uses the invitation up. Raises as `key_in` and `enrol_passkey` do."""
    desk.tries_of_address.require(address)
    _invited(desk, token, by)
    challenge = desk.challenges.take(challenge_id, _purpose(token))
    key, count = key_in(credential, challenge.bytes, desk.settings)
    person = use_invitation(desk.store, token)
    counts = enrol_passkey(desk.departments, person, key)
    with desk.store.writing() as tables:
        tables.execute("INSERT OR IGNORE INTO counters VALUES (?, ?)", (key.id, count))
    _log.info("%s registered the passkey %s", person, key.id)
    return Registered(person, key, counts)


def _invited(desk: Desk, token: str, by: ActorId | None) -> ActorId:
    person = invited(desk.store, token)
    if desk.settings.provider is not None and by != person:
        raise Refused(
            "This link is good only for the person whom it was made for, signed in.",
            "Sign in at the desk in this browser, then open the link again.",
            ("SIGN-IN",),
        )
    return person


def _purpose(token: str) -> str:
    return f"register:{hashed(token).hex()}"

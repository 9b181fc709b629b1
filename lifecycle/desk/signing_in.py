"""Signing in with a passkey: the authenticator answers a fresh challenge, and the registry says whose it is.

Nobody is asked who they are first, so a sign-in page tells nobody who is enrolled here. A key that is enrolled and used as it must not be
(on another page, with a count that went back) is recorded as SignInRefused, a few times an hour at most.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lifecycle.approvals.passkeys import ForgedAssertion, require_asserted
from lifecycle.approvals.people import Key
from lifecycle.desk.counters import require_counted_up
from lifecycle.desk.credentials import answer_in, request_options
from lifecycle.desk.desk import Desk
from lifecycle.desk.signed_counts import last_count
from lifecycle.errors import Refused
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.bodies.governors import SignInRefused
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, JsonObject

PURPOSE = "sign_in"
DESK_SERVICE = Actor(id="desk", kind="service")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """Somebody who has shown who they are, and the session that is theirs from here on."""

    person: ActorId
    session_id: str


def begin_sign_in(desk: Desk, address: str) -> JsonObject:
    """A challenge for whoever is at this address. Raises TooOften."""
    desk.tries_of_address.require(address)
    challenge = desk.challenges.ask(PURPOSE)
    return {"challenge_id": challenge.id, "options": request_options(desk.settings, challenge.bytes)}


def finish_sign_in(desk: Desk, address: str, challenge_id: str, credential: object) -> SignedIn:
    """Begins a session for whoever answered the challenge with a passkey that is enrolled at this desk's address.

    Raises Refused or Tampered (ForgedAssertion) with the rules that the answer breaks, MalformedRecord for what is none, TooOften.
    """
    desk.tries_of_address.require(address)
    challenge = desk.challenges.take(challenge_id, PURPOSE)
    answer = answer_in(credential)
    found = people_in_force(desk.departments).passkey(answer.credential_id)
    if found is None:
        raise Refused(
            "Nobody here has this passkey.",
            "Sign in with one that is enrolled here; `lifecycle people invite` makes a link.",
            ("KEY-ENROLLED",),
        )
    person, key = found
    assert key.passkey is not None  # found by its credential
    desk.tries_of_person.require(person.id)
    try:
        if key.passkey.origin != desk.settings.origin or not key.holds(now_us()):
            raise Refused("This passkey does not count here now.", "Sign in with one that does.", ("KEY-IN-FORCE",))
        count = require_asserted(answer.assertion, answer.signature, challenge.signed, key.public, key.passkey)
        with desk.store.writing() as tables:
            require_counted_up(tables, key.id, count, lambda: last_count(desk.departments, person.id, key.id))
    except (Refused, ForgedAssertion) as error:
        _record_refused(desk, person.id, key, error)
        raise
    _log.info("%s signed in with the key %s", person.id, key.id)
    return SignedIn(person.id, desk.sessions.begin(person.id, key.id))


def _record_refused(desk: Desk, person: ActorId, key: Key, error: Refused | ForgedAssertion) -> None:
    _log.warning("a sign-in with the key %s of %s was refused: %s", key.id, person, ", ".join(error.rules))
    if not desk.records_of_person.allows(person):
        return
    body = SignInRefused(person=person, key_id=key.id, rules=error.rules, reason=error.what)
    departments = desk.departments
    event = Event.happened(body, subject=Subject(kind="person", name=person), actor=DESK_SERVICE, environment=departments.environment)
    departments.ledger.append(event)

"""Signing at the desk: the authenticator's challenge is the digest of the statement itself.

The statement is kept before it is shown, the answer before it is recorded, and recorded under an id that follows from the
statement. A desk that is killed anywhere in between goes on where it was: nothing is lost, and nothing counts twice. An answer that is
not what was asked for is recorded as an attempt, with what is wrong with it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from lifecycle.approvals.passkeys import ForgedAssertion, challenge_of, require_asserted
from lifecycle.approvals.people import Key
from lifecycle.approvals.statements import asserted
from lifecycle.desk.ceremonies import Ceremonies, Ceremony
from lifecycle.desk.counters import require_counted_up
from lifecycle.desk.credentials import Answer, answer_in, request_options
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters.matter import Matter
from lifecycle.desk.signed_counts import last_count
from lifecycle.errors import LifecycleError, Refused, Unavailable
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import AnyStatement
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, JsonObject

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What the signer is told, and the path of the page that shows what came of it."""

    says: str
    page: str


def begin_signing(desk: Desk, matter: Matter[Any], statement: AnyStatement) -> JsonObject:
    """What the browser is to ask of the authenticator, over the statement that is kept under `ceremony` from now on.

    Raises Refused where its signer has no passkey that speaks here.
    """
    keys = _keys(desk, matter, statement)
    ceremony = Ceremonies(desk.store).open(matter, statement, desk.settings.ceremony_seconds)
    challenge = challenge_of(_to_sign(statement))
    options = request_options(desk.settings, challenge, (key.passkey for key in keys if key.passkey is not None))
    return {"ceremony": ceremony.id, "options": options}


def finish_signing(desk: Desk, person: ActorId, ceremony_id: str, credential: object) -> Outcome:
    """Records what the authenticator answered.

    Raises Tampered (ForgedAssertion) for an answer that is not what was asked for and Refused for one by somebody who may not, both
    recorded; Unavailable where the ledger or the gate does not answer: what was signed is kept, and `resume_signing` records it.
    """
    desk.signings_of_person.require(person)
    ceremonies, answer = Ceremonies(desk.store), answer_in(credential)
    with desk.recording:
        ceremony = ceremonies.find(ceremony_id, person)
        if ceremony.state == "open" or not _is_signed_by(ceremony, answer):
            ceremony = _signed(desk, ceremonies, ceremony, answer)
        return _recorded(desk, ceremonies, ceremony)


def resume_signing(desk: Desk) -> None:
    """Records what was signed and could not be recorded then. What can't be now either stays for the next time."""
    ceremonies = Ceremonies(desk.store)
    with desk.recording:
        for ceremony in ceremonies.signed():
            try:
                _recorded(desk, ceremonies, ceremony)
            except LifecycleError as error:
                _log.warning("what %s signed about %s was not recorded: %s", ceremony.person, _name(ceremony), error.what)


def _to_sign(statement: AnyStatement) -> bytes:
    return pre_authentication(statement.payload_type, statement.canonical())


def _name(ceremony: Ceremony) -> str:
    return ceremony.matter.name(ceremony.statement)


def _keys(desk: Desk, matter: Matter[Any], statement: AnyStatement) -> list[Key]:
    """The passkeys of the signer that speak at this desk now. Raises Refused where there are none."""
    signer = statement.speaker
    keys = matter.judges(desk.departments, statement).person(signer).keys
    speaking = [key for key in keys if key.passkey is not None and key.passkey.origin == desk.settings.origin and key.holds(now_us())]
    if not speaking:
        raise Refused(
            f"{signer} has no passkey that speaks at {desk.settings.origin}.",
            "Register one (`lifecycle people invite` makes a link), or sign on the command line.",
            ("KEY-ENROLLED",),
        )
    return speaking


def _is_signed_by(ceremony: Ceremony, answer: Answer) -> bool:
    """Whether this is the answer that was taken in already: a browser that did not get ours asks again."""
    return ceremony.envelope is not None and ceremony.envelope.assertion == answer.assertion


def _signed(desk: Desk, ceremonies: Ceremonies, ceremony: Ceremony, answer: Answer) -> Ceremony:
    """The ceremony with the answer taken in. Raises ForgedAssertion or Refused, and records the attempt."""
    matter, statement = ceremony.matter, ceremony.statement
    try:
        if ceremony.state != "open" or now_us() >= ceremony.until_us:
            raise ForgedAssertion(
                "This was answered already, or took too long.", "Go back to the page, and begin again.", ("KEY-CHALLENGE",)
            )
        keys = _keys(desk, matter, statement)
        key = next((key for key in keys if key.passkey and key.passkey.credential_id == answer.credential_id), None)
        if key is None or key.passkey is None:
            raise ForgedAssertion("This passkey is not one of yours.", "Sign with one that is enrolled for you.", ("KEY-ENROLLED",))
        count = require_asserted(answer.assertion, answer.signature, _to_sign(statement), key.public, key.passkey)
        envelope = asserted(statement, key.id, answer.assertion, answer.signature)
        ceremonies.sign(
            ceremony,
            envelope,
            lambda tables: require_counted_up(tables, key.id, count, lambda: last_count(desk.departments, ceremony.person, key.id)),
        )
    except (ForgedAssertion, Refused) as error:
        _log.warning("%s tried to sign about %s: %s", ceremony.person, _name(ceremony), ", ".join(error.rules))
        matter.bar(desk.departments, statement, error.rules, error.what)
        if ceremony.state == "open":
            ceremonies.end(ceremony, "refused")
        raise
    return ceremonies.find(ceremony.id, ceremony.person)


def _recorded(desk: Desk, ceremonies: Ceremonies, ceremony: Ceremony) -> Outcome:
    matter, statement = ceremony.matter, ceremony.statement
    if matter.recorded_before(desk.departments, statement):
        ceremonies.end(ceremony, "recorded")
        return Outcome(matter.told_before(statement), matter.page(desk.departments, statement))
    if ceremony.envelope is None:
        raise Refused("This was refused before.", "Go back to the page, and begin again.", ("KEY-CHALLENGE",))
    try:
        says = matter.record(desk.departments, ceremony.envelope)
    except Unavailable as error:
        raise Unavailable(
            f"{error.what} What you signed is kept, and not recorded yet.", "The desk tries again by itself; look at the page later."
        ) from error
    except LifecycleError as error:
        if isinstance(error, ForgedAssertion):
            # It was judged before it was kept: somebody has changed the desk's file since.
            matter.bar(desk.departments, statement, error.rules, error.what)
        ceremonies.end(ceremony, "refused")
        raise
    ceremonies.end(ceremony, "recorded")
    return Outcome(says, matter.page(desk.departments, statement))

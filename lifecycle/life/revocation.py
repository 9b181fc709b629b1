"""Taking back what was allowed: a version, an approval, a key. It can't be undone, and the gateway acts on it within seconds.

| taken back  | by whom                                              | what follows                                                    |
| ----------- | ---------------------------------------------------- | --------------------------------------------------------------- |
| a version   | the roles `risk` and `governor`, the model's owner   | it serves nowhere in this environment again                      |
| an approval | whoever gave it, the roles `risk` and `governor`     | it counts no more; what was deployed with it is taken out        |
| a key       | whoever has it, the role `governor`                  | it signs no more, and what nothing has used yet is void          |

What was deployed with a key before it was revoked stands, unless the key was in other hands: from the moment that is named on, what
it signed never counted. Elsewhere than in `local` a revocation is signed, by somebody who may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import IllegalTransition, InvalidDeclaration, Refused, UnknownName
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.said import said_now
from lifecycle.life.recording import COMMAND_LINE, links, require_prose
from lifecycle.life.withdrawn import LETTING
from lifecycle.lineage.selection import every_event
from lifecycle.records.approval import Envelope, Revocable, RevocationStatement
from lifecycle.records.bodies.decisions import ApprovalGiven, WaiverSigned
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, Revocation, VersionRevoked, counts_as_revoked
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Count, Microseconds, Name
from lifecycle.wiring import Departments

#: Who may take back what somebody else stands for.
ROLES: dict[Revocable, tuple[Name, ...]] = {"version": ("risk", "governor"), "approval": ("risk", "governor"), "key": ("governor",)}


@dataclass(frozen=True)
class Target:
    """What is to be taken back."""

    revokes: Revocable
    #: The id of the key, the digest of the statement, or the version as people call it.
    name: str
    subject: Subject
    #: Whose it is: the model's owner, the approver, whoever has the key.
    whose: ActorId


def revoke(
    departments: Departments,
    what: str,
    *,
    reason: str,
    person: ActorId | None = None,
    key_file: Path | None = None,
    since_us: Microseconds | None = None,
) -> Recorded:
    """Takes back the version, the approval or the key that `what` names, signed where a person and their key file are given.

    `since_us`: from when on a key was in other hands. Raises UnknownName where nothing goes by that name, Refused where it is taken
    back already, where the person may not, and where nobody signs although people govern here.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    target = target_of(departments, what)
    compromised_from = None if since_us is None else first_since(departments, target, since_us)
    if person is None or key_file is None:
        require_prose(reason, "A revocation")
        if departments.environment != UNGOVERNED:
            raise Refused(
                f"In {departments.environment} a revocation is signed by somebody who may.", "Give --as ID and --key FILE.", ("RVK-002",)
            )
        return _record(departments, target, reason, compromised_from, None, COMMAND_LINE, now_us())
    statement = statement_to_sign(departments, what, person=person, reason=reason, compromised_from=compromised_from)
    key = load_key(key_file)
    with refused_attempts_kept(departments, "revocation", statement):
        return record_revocation(departments, signed(statement, key, people_in_force(departments)))


def statement_to_sign(
    departments: Departments, what: str, *, person: ActorId, reason: str, compromised_from: Count | None = None
) -> RevocationStatement:
    """What somebody is to sign who takes something back. Every call makes another statement, with a nonce of its own.

    Raises UnknownName where nothing and nobody goes by these names, InvalidDeclaration for a reason that says nothing.
    """
    require_prose(reason, "A revocation")
    target = target_of(departments, what)
    return RevocationStatement(
        revokes=target.revokes,
        target=target.name,
        model_digest=target.subject.digest,
        compromised_from=compromised_from,
        **said_now(departments, person, reason),
    )


def record_revocation(departments: Departments, envelope: Envelope) -> Recorded:
    """Records what somebody signed. Called again with the same envelope it records nothing twice.

    Raises Refused where the person may not, where the key is not theirs or not in force, and where it was signed for other bytes or
    another environment; Tampered where the signature does not hold.
    """
    from lifecycle.approvals.statements import opened

    people = people_in_force(departments)
    statement = opened(envelope, RevocationStatement, people, now_us())
    before = departments.ledger.find(statement.recorded_as)
    if before is not None:
        return before
    target = target_of(departments, statement.target)
    meant = (statement.revokes, statement.model_digest, statement.environment)
    if meant != (target.revokes, target.subject.digest, departments.environment):
        raise Refused("This was signed for something else, or for another environment.", "Sign what is shown here.", ("RVK-003",))
    roles = people.lasting_roles(statement.signer, statement.signed_at_us, now_us())
    if statement.signer != target.whose and not {*roles} & {*ROLES[target.revokes]}:
        raise Refused(
            f"{statement.signer} may not take back the {target.revokes} {target.name}.",
            f"Have it signed by {target.whose}, or by somebody of the role {' or '.join(ROLES[target.revokes])}.",
            ("RVK-001",),
        )
    actor = Actor(id=statement.signer, kind="human", authenticated=True)
    return _record(departments, target, statement.reason, statement.compromised_from, envelope, actor, statement.signed_at_us)


def target_of(departments: Departments, what: str) -> Target:
    """What goes by this name: `credit:7`, the id of a key, or an approval by the digest of its statement or the id of its record.

    Raises UnknownName where nothing does.
    """
    model, separator, number = what.rpartition(":")
    if separator and model and number.isascii() and number.isdigit():
        trained = standing.trained(departments, *standing.parse_version(what))
        return Target("version", what, trained.event.subject, judging.declared_of(trained).owner)
    key = departments.people.key(what)
    if key is not None:
        return Target("key", what, Subject(kind="key", name=what), key[0].id)
    for recorded, said in _let(departments):
        if what in (recorded.event.id, said.statement.content_digest()):
            subject, digest = recorded.event.subject, said.statement.content_digest()
            return Target(
                "approval", digest, subject, said.statement.approver if isinstance(said, ApprovalGiven) else said.statement.signer
            )
    raise UnknownName(
        f"There is no version, no key and no approval {what!r} here.",
        "`lifecycle status` shows versions, `lifecycle people list` keys, `lifecycle ledger log --type ApprovalGiven` approvals.",
    )


def _let(departments: Departments) -> Iterator[tuple[Recorded, ApprovalGiven | WaiverSigned]]:
    """All that people signed to let a version be deployed here."""
    for recorded in every_event(departments.ledger, types=LETTING):
        if recorded.event.environment == departments.environment and isinstance(recorded.event.body, ApprovalGiven | WaiverSigned):
            yield recorded, recorded.event.body


def first_since(departments: Departments, target: Target, since_us: Microseconds) -> Count:
    """The place of the first record of that time or later: whoever stole a key can date a statement, and not put it in an earlier place.

    Raises InvalidDeclaration for what is no key.
    """
    if target.revokes != "key":
        raise InvalidDeclaration("Only a key can have been in other hands since some time.", "Leave out --since.")
    for recorded in every_event(departments.ledger):
        if recorded.event.occurred_at_us >= since_us:
            return recorded.index
    return departments.ledger.head().size


def _record(
    departments: Departments,
    target: Target,
    reason: str,
    compromised_from: Count | None,
    envelope: Envelope | None,
    actor: Actor,
    at_us: Microseconds,
) -> Recorded:
    """Records it, unless the same is taken back already. Raises Refused then, and where the version's state does not permit it."""
    body = _body(target, reason, compromised_from, envelope)
    approval = target.name if target.revokes == "approval" else None
    event = Event.happened(
        body,
        subject=target.subject,
        actor=actor,
        environment=departments.environment,
        inputs=links(model=target.subject.digest, approval=approval),
        at_us=at_us,
        event_id=None if body.statement is None else body.statement.recorded_as,
    )
    try:
        with departments.ledger.writing() as writer:
            standing_already = writer.events(types=(event.type,), name=target.subject.name)
            before = [one.event.body for one in standing_already if counts_as_revoked(one.event.environment, departments.environment)]
            if any(_covers(one, body) for one in before):
                raise Refused(f"The {target.revokes} {target.name} is taken back already.", "There is nothing to do.", ("STATE",))
            receipt = writer.append(event)
    except IllegalTransition as error:
        raise Refused(f"{target.name} is taken back or retired already.", "There is nothing to do.", ("STATE",)) from error
    return Recorded(index=receipt.index, event=event)


def _body(target: Target, reason: str, compromised_from: Count | None, envelope: Envelope | None) -> Revocation:
    if target.revokes == "version":
        return VersionRevoked(reason=reason, envelope=envelope)
    if target.revokes == "approval":
        return ApprovalRevoked(reason=reason, envelope=envelope, approver=target.whose, statement_digest=target.name)
    return KeyRevoked(reason=reason, envelope=envelope, person=target.whose, key_id=target.name, compromised_from=compromised_from)


def _covers(before: object, body: Revocation) -> bool:
    """Whether what stands takes back all that this would. Of a key it may come out later that it was in other hands, and since when."""
    if isinstance(before, KeyRevoked) and isinstance(body, KeyRevoked) and before.key_id == body.key_id:
        return body.compromised_from is None or (before.compromised_from is not None and before.compromised_from <= body.compromised_from)
    return isinstance(before, ApprovalRevoked) and isinstance(body, ApprovalRevoked) and before.statement_digest == body.statement_digest

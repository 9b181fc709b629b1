"""Who governs the governors: policies, limits and people count once somebody proposed them and two others agreed.

What counts is what stood in governance/ when it was proposed, by its digests: the bundle of policies and limits, and the
project's registry of people. The first of all is a bootstrap: two people of the proposed registry agree to it.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates.governed import (
    GOVERNING,
    OTHERS,
    Governed,
    Proposal,
    before_of,
    in_force,
    on_disk,
    open_among,
    open_proposals,
    registry_of,
    revoked_among,
)
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.recording import links, require_prose
from lifecycle.records.approval import Envelope, GovernanceStatement
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.governors import GovernanceChanged, GovernanceProposed, GovernanceSigned
from lifecycle.records.events import Actor, Event, Link, Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import DAY_US, ActorId, Name
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry
    from lifecycle.ledger.appending.writer import Writer

SUBJECT = Subject(kind="policy", name="governance")
#: The role of who may propose and agree.
ROLE = "governor"
#: How long a proposal may be agreed to.
OPEN_US = 30 * DAY_US


def propose(departments: Departments, *, person: ActorId, key_file: Path, reason: str) -> Proposal:
    """Proposes, in somebody's name and with a key file, that what stands in governance/ now counts.

    Raises like `proposal_to_sign` and `record_signed_change`, and Refused where the key is not theirs.
    """
    return _signed_and_recorded(departments, proposal_to_sign(departments, person, reason), key_file)


def agree(departments: Departments, *, person: ActorId, key_file: Path, reason: str, proposal_id: str | None = None) -> Proposal:
    """Agrees, in somebody's name and with a key file, to the open proposal (or the one that is named).

    Raises like `agreement_to_sign` and `record_signed_change`, and Refused where the key is not theirs.
    """
    return _signed_and_recorded(departments, agreement_to_sign(departments, person, reason, proposal_id), key_file)


def proposal_to_sign(departments: Departments, person: ActorId, reason: str) -> GovernanceStatement:
    """What somebody is to sign who proposes that what stands in governance/ now counts.

    Raises Refused where it counts already and where the person is no governor.
    """
    require_prose(reason, "A proposal")
    before, after = in_force(departments), on_disk(departments)
    if before == after:
        raise Refused(
            "What stands in governance/ counts already.", "Change a file first; `lifecycle policy diff` shows what changes.", ("GOV-003",)
        )
    _keep(departments)
    _require_governor(departments, _judges(departments, before, after), person)
    return _statement("propose", person, reason, new_id(), before, after)


def agreement_to_sign(departments: Departments, person: ActorId, reason: str, proposal_id: str | None = None) -> GovernanceStatement:
    """What somebody is to sign who agrees to the open proposal, or to the one that is named.

    Raises Refused where the person is no governor, or had a part in it already; UnknownName where it can't be told which is meant.
    """
    require_prose(reason, "An agreement")
    before = in_force(departments)
    asked = _named(open_proposals(departments), proposal_id)
    after = Governed(asked.statement.bundle_digest, asked.statement.people_digest)
    judges = _judges(departments, before, after)
    _require_governor(departments, judges, person)
    _require_another(judges, person, asked)
    return _statement("agree", person, reason, asked.statement.proposal_id, before, after)


def record_signed_change(departments: Departments, envelope: Envelope) -> Proposal:
    """Records what somebody signed, under an id that follows from the statement; with the last agreement it counts at once.

    Raises Refused where the person is no governor or had a part in it already, where the key is not theirs, and where something else
    came into force in between; Tampered where the signature does not hold.
    """
    from lifecycle.approvals.statements import opened, said_in

    statement = said_in(envelope, GovernanceStatement)
    after = Governed(statement.bundle_digest, statement.people_digest)
    before = before_of(statement)
    if in_force(departments) != before:
        raise _something_else()
    judges = _judges(departments, before, after)
    statement = opened(envelope, GovernanceStatement, judges, now_us())
    _require_governor(departments, judges, statement.signer)
    if statement.part == "propose":
        recorded = _append(departments, GovernanceProposed(envelope=envelope), statement)
        return Proposal(recorded, statement, ())
    return _record_agreement(departments, envelope, statement, judges)


def change_recorded_before(departments: Departments, statement: GovernanceStatement) -> bool:
    """Whether what was signed stands in the ledger."""
    return departments.ledger.find(statement.recorded_as) is not None


def change_judges(departments: Departments, statement: GovernanceStatement) -> Registry:
    """The people whose keys count under this statement."""
    return _judges(departments, before_of(statement), Governed(statement.bundle_digest, statement.people_digest))


def _record_agreement(departments: Departments, envelope: Envelope, statement: GovernanceStatement, judges: Registry) -> Proposal:
    before, person = before_of(statement), statement.signer
    asked = _named(open_proposals(departments), statement.proposal_id)
    with departments.ledger.writing() as writer:
        # Once more, in the turn: of two who agree at once, the second sees the first.
        standing = _require_still_open(writer, departments.environment, asked, before)
        proposed = standing.statement
        if (proposed.bundle_digest, proposed.people_digest) != (statement.bundle_digest, statement.people_digest):
            raise _something_else()
        _require_another(judges, person, standing)
        receipt = writer.append(_event(departments, GovernanceSigned(envelope=envelope), statement, event_id=statement.recorded_as))
        agreed = (*standing.agreed_by, person)
        if len(agreed) >= OTHERS:
            body = GovernanceChanged(
                proposal_id=statement.proposal_id,
                bundle_digest=statement.bundle_digest,
                people_digest=statement.people_digest,
                proposed_by=proposed.signer,
                agreed_by=agreed,
            )
            made = links(bundle=statement.bundle_digest, people=statement.people_digest)
            writer.append(_event(departments, body, statement, outputs=made))
    return Proposal(departments.ledger.event(receipt.event_id), statement, agreed)


def _judges(departments: Departments, before: Governed | None, after: Governed) -> Registry:
    """The people who may propose and agree: those in force, and for the first of all those who are proposed."""
    from lifecycle.approvals.people import Registry

    digest = after.people_digest if before is None else before.people_digest
    here = registry_of(departments)
    registry = here if here.digest == digest else Registry.parse(departments.artifacts.read(digest))
    return registry.without_keys(revoked_among(departments.ledger.events(types=("KeyRevoked",)), departments.environment))


def _keep(departments: Departments) -> None:
    """Both in the artifact store, under the digests that are signed: whoever agrees can look at exactly these."""
    from lifecycle.policy.bundle import Bundle

    departments.artifacts.put(Bundle.load(departments.settings.project / "governance").document)
    departments.artifacts.put(registry_of(departments).document)


def _require_governor(departments: Departments, judges: Registry, person: ActorId) -> None:
    if person not in judges.people and person in departments.people.people:
        at_home = departments.people.origin[person] == "home"
        raise Refused(
            f"{person} is enrolled {'in this home alone' if at_home else 'since the people in force were agreed to'}, and does not govern.",
            f"Enrol them in the project: `lifecycle people add {person} --role {ROLE} --project`, with {person} taken out of the home."
            if at_home
            else "Have somebody propose and others agree who are among the people in force; then they count as well.",
            ("GOV-004",),
        )
    if ROLE not in judges.person(person).roles:
        raise Refused(
            f"{person} does not hold the role {ROLE} among the people in force.",
            f"Have somebody act who does; `lifecycle people list` shows roles. The first registry names {OTHERS + 1} of them.",
            ("GOV-004",),
        )


def _require_another(judges: Registry, person: ActorId, standing: Proposal) -> None:
    """One who proposed or agreed does not count again: not in the name of somebody else, nor through somebody who acts for them."""
    now = now_us()
    acting = judges.acts_as(person, now)
    for other in (standing.statement.signer, *standing.agreed_by):
        if acting & judges.acts_as(other, now):
            through = "" if other == person else f" through {other}, whom they act for or who acts for them"
            raise Refused(f"{person} had a part in this already{through}.", "Have somebody else agree.", ("GOV-005",))


def _require_still_open(writer: Writer, environment: Name, asked: Proposal, before: Governed | None) -> Proposal:
    recorded = writer.events(types=GOVERNING)
    revoked = revoked_among(writer.events(types=("KeyRevoked",)), environment)
    for one in open_among(recorded, revoked, now_us()):
        if one.statement.proposal_id == asked.statement.proposal_id and before_of(one.statement) == before:
            return one
    raise _something_else()


def _named(proposals: list[Proposal], proposal_id: str | None) -> Proposal:
    fitting = [one for one in proposals if proposal_id in (None, one.statement.proposal_id)]
    if len(fitting) == 1:
        return fitting[0]
    if not proposals:
        raise UnknownName(
            "Nothing is proposed that starts from what is in force.", "`lifecycle governance propose` proposes the files as they stand."
        )
    known = ", ".join(one.statement.proposal_id for one in proposals)
    raise UnknownName("Which proposal is meant can't be told.", f"Name one of those that are open: {known}.")


def _statement(part: str, person: ActorId, reason: str, proposal_id: str, before: Governed | None, after: Governed) -> GovernanceStatement:
    now = now_us()
    return GovernanceStatement.of(
        {
            "part": part,
            "signer": person,
            "reason": reason,
            "proposal_id": proposal_id,
            "bundle_digest": after.bundle_digest,
            "people_digest": after.people_digest,
            "previous_bundle_digest": None if before is None else before.bundle_digest,
            "previous_people_digest": None if before is None else before.people_digest,
            "nonce": secrets.token_hex(16),
            "signed_at_us": now,
            "expires_at_us": now + OPEN_US,
        }
    )


def _something_else() -> Refused:
    return Refused(
        "Something else came into force in this moment.", "Look at `lifecycle governance status`, and propose again.", ("GOV-006",)
    )


def _signed_and_recorded(departments: Departments, statement: GovernanceStatement, key_file: Path) -> Proposal:
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    key = load_key(key_file)
    with refused_attempts_kept(departments, "governance", statement):
        envelope = signed(statement, key, change_judges(departments, statement))
        return record_signed_change(departments, envelope)


def _append(departments: Departments, body: Body, statement: GovernanceStatement) -> Recorded:
    receipt = departments.ledger.append(_event(departments, body, statement, event_id=statement.recorded_as))
    return departments.ledger.event(receipt.event_id)


def _event(
    departments: Departments,
    body: Body,
    statement: GovernanceStatement,
    *,
    outputs: tuple[Link, ...] = (),
    event_id: str | None = None,
) -> Event:
    return Event.happened(
        body,
        subject=SUBJECT,
        actor=Actor(id=statement.signer, kind="human", authenticated=True),
        environment=departments.environment,
        outputs=outputs,
        at_us=statement.signed_at_us if event_id else None,
        event_id=event_id,
    )

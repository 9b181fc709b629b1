"""Waivers: exactly these bytes pass in spite of one rule, for a time, because two people who had no part in the work said so.

Each signs the same waiver with a key of their own; after every signature the gate `waiver` is asked about all of them, and
what it allows is what the other gates are shown. A waiver counts for as long as its signatures verify: a revoked key, a
person who left the role, and time end it.

In an emergency two people break the glass: the same, of every rule that says that it may be broken, for hours and not for
days. That it was broken is a record of its own, and somebody else must review it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.waivers import signatures
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.promotion import ask_for_promotion
from lifecycle.life.recording import Step, links, record_once, require_prose
from lifecycle.records.approval import Envelope, WaiverStatement
from lifecycle.records.bodies.decisions import DecisionMade, WaiverSigned
from lifecycle.records.bodies.reviews import GlassBroken
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.gates import BREAK_GLASS, Decision, WaiverEvidence
from lifecycle.records.identity import derived_id, new_id, now_us
from lifecycle.records.record import HOUR_US, ActorId, Microseconds
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class WaiverOutcome:
    """What was signed, and what the gate says to it with all signatures so far."""

    statement: WaiverStatement
    decision: Decision
    #: Who has signed this waiver so far.
    signed_by: tuple[ActorId, ...]
    #: What the promotion gate said then, where it had denied the version before.
    judged_again: Decision | None = None


def sign_waiver(
    departments: Departments,
    model: str,
    version: int,
    *,
    rule: str,
    person: str,
    key_file: Path,
    reason: str,
    ticket: str = "",
    hours: float = 0.0,
) -> WaiverOutcome:
    """Signs, in one person's name and with a key file, that a version may pass in spite of a rule; then asks the gate.

    Raises like `waiver_to_sign` and `record_signed_waiver`, and Refused where the key is not theirs.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    statement = waiver_to_sign(departments, model, version, rule=rule, person=person, reason=reason, ticket=ticket, hours=hours)
    key = load_key(key_file)
    with refused_attempts_kept(departments, "break_glass" if rule == BREAK_GLASS else "waiver", statement):
        return record_signed_waiver(departments, signed(statement, key, people_in_force(departments)))


def waiver_to_sign(
    departments: Departments,
    model: str,
    version: int,
    *,
    rule: str,
    person: str,
    reason: str,
    ticket: str = "",
    hours: float = 0.0,
) -> WaiverStatement:
    """What somebody is to sign who lets a version past a rule. Every call makes another statement, with a nonce of its own.

    The first signature names the ticket and the hours; whoever signs after joins that waiver. Raises UnknownName where there is no
    such version, rule or person, InvalidDeclaration for a reason or a ticket that says nothing.
    """
    require_prose(reason, "A waiver")
    trained = standing.trained(departments, model, version)
    _require_known(departments, rule)
    open_one = open_waiver(departments, model, version, rule)
    if open_one is None and not ticket.strip():
        raise InvalidDeclaration(
            "This names no ticket.", "Whoever signs first says in --ticket where the risk is accepted, or the incident."
        )
    if open_one is None:
        require_prose(ticket, "A waiver's ticket")
    now = now_us()
    digest = trained.event.subject.digest
    assert digest is not None  # a version that was trained has one
    return WaiverStatement(
        waiver_id=open_one.waiver_id if open_one else new_id(),
        signer=departments.people.person(person).id,
        reason=reason,
        ticket=open_one.ticket if open_one else ticket,
        rule=rule,
        model=model,
        version=version,
        model_digest=digest,
        environment=departments.environment,
        expires_at_us=open_one.expires_at_us if open_one else now + int(hours * HOUR_US),
        nonce=secrets.token_hex(16),
        signed_at_us=now,
    )


def record_signed_waiver(departments: Departments, envelope: Envelope) -> WaiverOutcome:
    """Records what somebody signed, under an id that follows from the statement, and asks the gate about all signatures so far.

    Where the waiver counts now and the promotion gate had denied the version, that gate is asked again. Called again with the same
    envelope it records nothing twice, and asks the gate only where that was not done. The attempt of
    somebody who may not is recorded with the denial. Raises Refused where the person has signed this waiver already, where the key
    is not theirs or not in force, and where the statement is about other bytes or another place; Tampered where the signature does
    not hold.
    """
    from lifecycle.approvals.statements import opened

    statement = opened(envelope, WaiverStatement, people_in_force(departments), now_us())
    trained = standing.trained(departments, statement.model, statement.version)
    if (statement.model_digest, statement.environment) != (trained.event.subject.digest, departments.environment):
        raise Refused("This was signed for other bytes, or for another environment.", "Sign what is shown here.", ("WVR-001",))
    subject = Subject(kind="model", name=statement.model, version=statement.version, digest=statement.model_digest)
    event = Event.happened(
        WaiverSigned(envelope=envelope),
        subject=subject,
        actor=Actor(id=statement.signer, kind="human", authenticated=True),
        environment=departments.environment,
        inputs=links(model=statement.model_digest),
        at_us=statement.signed_at_us,
        event_id=statement.recorded_as,
    )
    with departments.ledger.writing() as writer:
        before = writer.events(types=("WaiverSigned",), name=statement.model, version=statement.version)
        if all(one.event.id != event.id for one in before):
            signed_before = {(said.waiver_id, said.signer) for said in (standing.body_of(one, WaiverSigned).statement for one in before)}
            if (statement.waiver_id, statement.signer) in signed_before:
                raise Refused(f"{statement.signer} has signed this waiver already.", "It takes another person.", ("WVR-003",))
            writer.append(event)
    decision = _asked_before(departments, statement) or _ask(departments, trained, statement)
    evidence = decision.input.evidence
    assert isinstance(evidence, WaiverEvidence)  # the gate is shown nothing else
    signed_by = tuple(sorted({one.signer for one in evidence.signatures}))
    if statement.rule == BREAK_GLASS and decision.allowed:
        _record_broken(departments, subject, statement, decision, signed_by)
    return WaiverOutcome(statement, decision, signed_by, _judged_again(departments, statement) if decision.allowed else None)


def _judged_again(departments: Departments, statement: WaiverStatement) -> Decision | None:
    """The promotion gate's answer on a version that it had denied here: what is denied is not deployed, whatever is waived since."""
    model, version = statement.model, statement.version
    declared = model in {one.name for one in departments.models}
    if not declared or standing.states(departments).get((model, version)) != "denied":
        return None
    return ask_for_promotion(departments, departments.model(model), version, Step(run_id=derived_id("waived", statement.waiver_id)))


def _record_broken(
    departments: Departments, subject: Subject, statement: WaiverStatement, decision: Decision, signed_by: tuple[ActorId, ...]
) -> None:
    """Records, once, that the glass is broken, and by when somebody must review that."""
    due = [obligation.deadline_us for obligation in decision.result.obligations if obligation.kind == "post_review"]
    body = GlassBroken(
        waiver_id=statement.waiver_id,
        decision_id=decision.id,
        signed_by=signed_by,
        ends_at_us=statement.expires_at_us,
        review_by_us=min(due, default=statement.expires_at_us),
    )
    service = Actor(id="lifecycle", kind="service")
    event = Event.happened(
        body,
        subject=subject,
        actor=service,
        environment=departments.environment,
        inputs=links(model=statement.model_digest),
        event_id=derived_id("glass", statement.waiver_id),
    )
    record_once(departments, event)


def waiver_recorded_before(departments: Departments, statement: WaiverStatement) -> bool:
    """Whether what was signed stands in the ledger, the gate was asked about it, and what follows from its answer was recorded."""
    decision = _asked_before(departments, statement)
    if decision is None or statement.rule != BREAK_GLASS or not decision.allowed:
        return decision is not None
    return departments.ledger.find(derived_id("glass", statement.waiver_id)) is not None


def _asked_before(departments: Departments, statement: WaiverStatement) -> Decision | None:
    """The gate's answer to a question that showed it this very signature."""
    digest = statement.content_digest()
    for _, decision in standing.decisions(departments, statement.model, statement.version, "waiver"):
        evidence = decision.input.evidence
        if isinstance(evidence, WaiverEvidence) and any(one.statement_digest == digest for one in evidence.signatures):
            return decision
    return None


def _ask(departments: Departments, trained: Recorded, statement: WaiverStatement) -> Decision:
    step = Step(run_id=new_id())
    evidence = WaiverEvidence(
        waiver_id=statement.waiver_id,
        rule=statement.rule,
        ticket=statement.ticket,
        expires_at_us=statement.expires_at_us,
        signatures=signatures(departments, statement.model, statement.version, statement.waiver_id),
    )
    subject = judging.model_subject(departments, trained, step)
    declared = judging.declared_of(trained)
    asked = judging.gate_input(departments, declared, "waiver", evidence, step, subject=subject, reason=statement.reason)
    return ask(departments, asked, step)


@dataclass(frozen=True)
class OpenWaiver:
    """A waiver that waits for another signature."""

    waiver_id: str
    ticket: str
    expires_at_us: Microseconds


def open_waiver(departments: Departments, model: str, version: int, rule: str) -> OpenWaiver | None:
    """The waiver of this rule here that the gate waits for another signature on; None where there is none."""
    for recorded in departments.ledger.events(
        types=("DecisionMade",), name=model, version=version, environment=departments.environment, newest_first=True
    ):
        decision = standing.body_of(recorded, DecisionMade).decision
        evidence = decision.input.evidence
        if isinstance(evidence, WaiverEvidence) and evidence.rule == rule:
            waits = decision.result.outcome == "needs_approval" and now_us() < evidence.expires_at_us
            return OpenWaiver(evidence.waiver_id, evidence.ticket, evidence.expires_at_us) if waits else None
    return None


def waivable_rules(departments: Departments) -> tuple[str, ...]:
    """The rules that a waiver may let something past."""
    return tuple(sorted({one.id for gate in departments.gate_keeper.bundle.rules.values() for one in gate.values() if one.waivable}))


def _require_known(departments: Departments, rule: str) -> None:
    rules = departments.gate_keeper.bundle.rules
    if rule != BREAK_GLASS and rule not in {one for gate in rules.values() for one in gate}:
        raise UnknownName(f"There is no rule {rule!r}.", f"These may be waived: {', '.join(waivable_rules(departments))}.")

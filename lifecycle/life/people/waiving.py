"""Waivers: exactly these bytes pass in spite of one rule, for a time, because two people who had no part in the work said so.

Each signs the same waiver with a key of their own; after every signature the gate `waiver` is asked about all of them, and
what it allows is what the other gates are shown. A waiver counts for as long as its signatures verify: a revoked key, a
person who left the role, and time end it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.waivers import signatures
from lifecycle.life.people.enrolment import people_in_force
from lifecycle.life.recording import Step, links, require_prose
from lifecycle.records.approval import WAIVER_TYPE, WaiverStatement
from lifecycle.records.bodies.decisions import DecisionMade, WaiverSigned
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.gates import Decision, WaiverEvidence
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import Microseconds
from lifecycle.wiring import Departments

HOUR_US = 3_600 * 1_000_000


@dataclass(frozen=True)
class WaiverOutcome:
    """What was signed, and what the gate says to it with all signatures so far."""

    statement: WaiverStatement
    decision: Decision


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
    """Signs, in one person's name, that a version may pass in spite of a rule; then asks the gate.

    The first signature names the ticket and the hours; whoever signs after joins that waiver. The attempt of somebody who may
    not is recorded with the denial. Raises Refused where the person has signed already or nothing could be waived, UnknownName
    where there is no such version.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import require_in_force, signed, signer_of

    require_prose(reason, "A waiver")
    trained = standing.trained(departments, model, version)
    _require_known(departments, rule)
    open_one = _open_waiver(departments, model, version, rule)
    if open_one is None:
        require_prose(ticket, "A waiver's ticket")
    now = now_us()
    digest = trained.event.subject.digest
    assert digest is not None  # a version that was trained has one
    statement = WaiverStatement(
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
    people = people_in_force(departments)
    envelope = signed(statement, WAIVER_TYPE, person, load_key(key_file), people)
    somebody, key = signer_of(envelope, WAIVER_TYPE, people)
    require_in_force(somebody, key, person, statement.signed_at_us, statement.expires_at_us, now_us())
    subject = Subject(kind="model", name=model, version=version, digest=digest)
    event = Event.happened(
        WaiverSigned(envelope=envelope),
        subject=subject,
        actor=Actor(id=person, kind="human", authenticated=True),
        environment=departments.environment,
        inputs=links(model=digest),
        at_us=statement.signed_at_us,
    )
    with departments.ledger.writing() as writer:
        before = [
            standing.body_of(one, WaiverSigned).statement for one in writer.events(types=("WaiverSigned",), name=model, version=version)
        ]
        if any(one.waiver_id == statement.waiver_id and one.signer == person for one in before):
            raise Refused(f"{person} has signed this waiver already.", "It takes another person.", ("WVR-003",))
        writer.append(event)
    return WaiverOutcome(statement, _ask(departments, trained, statement))


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
class _Open:
    waiver_id: str
    ticket: str
    expires_at_us: Microseconds


def _open_waiver(departments: Departments, model: str, version: int, rule: str) -> _Open | None:
    """The waiver of this rule here that the gate waits for another signature on; None where there is none."""
    for recorded in departments.ledger.events(
        types=("DecisionMade",), name=model, version=version, environment=departments.environment, newest_first=True
    ):
        decision = standing.body_of(recorded, DecisionMade).decision
        evidence = decision.input.evidence
        if isinstance(evidence, WaiverEvidence) and evidence.rule == rule:
            waits = decision.result.outcome == "needs_approval" and now_us() < evidence.expires_at_us
            return _Open(evidence.waiver_id, evidence.ticket, evidence.expires_at_us) if waits else None
    return None


def _require_known(departments: Departments, rule: str) -> None:
    rules = departments.gate_keeper.bundle.rules
    waivable = sorted({one.id for gate in rules.values() for one in gate.values() if one.waivable})
    if rule not in {one for gate in rules.values() for one in gate}:
        raise UnknownName(f"There is no rule {rule!r}.", f"These may be waived: {', '.join(waivable)}.")

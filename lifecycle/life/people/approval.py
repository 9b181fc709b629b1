"""Approving and refusing: one person signs, over exactly the bytes that the gate asked about.

What is to be signed is made first; the person signs it, with a key file or with a passkey at the desk. Then it is verified, and
the promotion gate is shown it beside the others. Where a rule of separation of duties or of approvals bars it, the attempt is
recorded and the approval does not exist.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lifecycle.errors import MalformedRecord, Refused, Tampered, Unavailable
from lifecycle.life.gates import judging, standing
from lifecycle.life.people.attempts import rules_of
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.recording import Step, links, require_prose
from lifecycle.records.approval import Envelope, Statement
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.decisions import ApprovalBarred, ApprovalGiven, ApprovalRefused, ApprovalRequested
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.gates import Decision, GateInput, Outcome, PromotionEvidence, RequiredApproval, VerifiedApproval, Violation
from lifecycle.records.identity import now_us
from lifecycle.records.record import Name
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry

#: Rules about who may speak and what a statement is worth. What they find about one statement bars that statement.
BARRING = ("SOD-", "APR-")
#: That somebody refused is why a version is denied, and no fault of the refusal.
REFUSAL_RULE = "APR-002"


@dataclass(frozen=True)
class ApprovalOutcome:
    """What was recorded, and where the version stands with it."""

    recorded: Recorded
    statement: Statement
    outcome: Outcome
    required: tuple[RequiredApproval, ...]


def approve_version(
    departments: Departments,
    model: str,
    version: int,
    *,
    person: str,
    key_file: Path,
    reason: str,
    decision: Literal["approve", "reject"] = "approve",
) -> ApprovalOutcome:
    """Signs what is asked for about one version, in one person's name and with a key file, and records it.

    What was asked for once is signed too, so that the attempt on a version that waits no more is recorded with whose key it was. Raises
    like `statement_to_sign` and `record_signed`, and Refused, with the attempt recorded, where the key is not theirs.
    """
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    _require_reason(reason, decision)
    statement = statement_once_asked(departments, model, version, person=person, reason=reason, decision=decision)
    key = load_key(key_file)
    try:
        envelope = signed(statement, key, people_in_force(departments))
    except Refused as error:
        record_barred(departments, statement, rules_of(error), authenticated=False)
        raise
    return record_signed(departments, envelope)


def statement_to_sign(
    departments: Departments, model: str, version: int, *, person: str, reason: str, decision: Literal["approve", "reject"]
) -> Statement:
    """What somebody is to sign about one version. Every call makes another statement, with a nonce of its own.

    Raises Refused where nothing is asked for, UnknownName for nobody, InvalidDeclaration for a reason that says nothing.
    """
    _require_reason(reason, decision)
    return _statement(departments, _open_request(departments, model, version), person, reason, decision)


def statement_once_asked(
    departments: Departments, model: str, version: int, *, person: str, reason: str, decision: Literal["approve", "reject"]
) -> Statement:
    """The same by the newest request, whether or not it is open: what somebody who comes too late tried to sign.

    Raises Refused where nobody ever asked.
    """
    return _statement(departments, _newest_request(departments, model, version), person, reason, decision)


def record_signed(departments: Departments, envelope: Envelope) -> ApprovalOutcome:
    """Records what somebody signed, under an id that follows from the statement: it can't stand in the ledger twice.

    Raises Refused where the person may not speak, where the key is not theirs, and where what they were shown is not asked for any
    more (any of these attempts is recorded as ApprovalBarred, and the error carries the rules); Tampered where the signature does
    not hold; Unavailable where the gate does not answer.
    """
    from lifecycle.approvals.statements import approval_of

    people = people_in_force(departments)
    statement, requested = _asked_and_signed(departments, envelope, people)
    event_id = statement.recorded_as
    approval = approval_of(event_id, statement, people, consumed=False, at_us=now_us())
    asked = _question(departments, statement.model, statement.version, approval)
    answered = departments.gate_keeper.ask(asked)
    _require_answer(answered)
    barring = _barring(answered, event_id, statement.decision)
    if barring:
        rules = tuple(dict.fromkeys(failure.rule for failure in barring))
        record_barred(departments, statement, rules)
        raise Refused(
            f"{statement.approver} may not {statement.decision} {statement.model}:{statement.version}: "
            f"{' '.join(dict.fromkeys(failure.message for failure in barring))}",
            barring[0].fix,
            rules,
        )
    recorded = _record(departments, requested, asked, statement, envelope, event_id)
    return ApprovalOutcome(recorded, statement, answered.result.outcome, answered.result.required_approvals)


def roles_asked(departments: Departments, model: str, version: int) -> tuple[Name, ...]:
    """The roles that the newest request to approve a version asks for; none where there is no request."""
    found = departments.ledger.events(
        types=("ApprovalRequested",), name=model, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    return tuple(need.role for one in found for need in standing.body_of(one, ApprovalRequested).required)


def _asked_and_signed(departments: Departments, envelope: Envelope, people: Registry) -> tuple[Statement, Recorded]:
    """The statement, and the request that it answers. A statement that is forged, late, replayed or of something else is recorded."""
    from lifecycle.approvals.passkeys import ForgedAssertion
    from lifecycle.approvals.statements import opened

    verified = False
    try:
        statement = opened(envelope, Statement, people, now_us())
        verified = True
        requested = _open_request(departments, statement.model, statement.version)
        _require_as_asked(departments, requested, statement)
    except ForgedAssertion:
        # The desk, which passkeys sign at, keeps that attempt itself.
        raise
    except (Refused, Tampered) as error:
        said = _said_in(envelope)
        if said is not None:
            record_barred(departments, said, rules_of(error), authenticated=verified)
        raise
    return statement, requested


def _said_in(envelope: Envelope) -> Statement | None:
    """What an envelope says, whether or not anybody signed it; None where it says nothing."""
    try:
        return envelope.holding(Statement)
    except MalformedRecord:
        return None


def recorded_before(departments: Departments, statement: Statement) -> Recorded | None:
    """The record of what was signed, if it stands in the ledger already."""
    return departments.ledger.find(statement.recorded_as)


def record_barred(departments: Departments, statement: Statement, rules: tuple[str, ...], *, authenticated: bool = True) -> None:
    """Keeps the attempt to approve or refuse that these rules bar. `authenticated`: whether it was really they who tried."""
    subject = Subject(kind="model", name=statement.model, version=statement.version, digest=statement.model_digest)
    body = ApprovalBarred(approver=statement.approver, rules=rules, reason=statement.reason, statement_digest=statement.content_digest())
    event = _event(departments, body, subject, statement)
    actor = event.actor.model_copy(update={"authenticated": authenticated})
    departments.ledger.append(event.model_copy(update={"actor": actor}))


def _require_reason(reason: str, decision: Literal["approve", "reject"]) -> None:
    require_prose(reason, "An approval" if decision == "approve" else "A refusal")


def _newest_request(departments: Departments, model: str, version: int) -> Recorded:
    """The newest ApprovalRequested of a version, whether or not it is still open. Raises Refused where nobody ever asked."""
    departments.model(model)
    standing.trained(departments, model, version)
    found = departments.ledger.events(
        types=("ApprovalRequested",), name=model, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    if not found:
        raise Refused(
            f"Nobody asked for an approval of {model}:{version}.", f"Have the gate asked: `lifecycle ask {model}:{version}`.", ("STATE",)
        )
    return found[0]


def _open_request(departments: Departments, model: str, version: int) -> Recorded:
    """The newest ApprovalRequested of a version that waits, still open and made under the policies in force."""
    departments.model(model)
    standing.trained(departments, model, version)
    state = standing.states(departments).get((model, version))
    if state != "waiting":
        raise Refused(
            f"{model}:{version} is {state} in {departments.environment}; nobody is asked to approve it.",
            "`lifecycle status` shows what waits for whom.",
            ("STATE",),
        )
    requested = _newest_request(departments, model, version)
    body = standing.body_of(requested, ApprovalRequested)
    if body.expires_at_us <= now_us():
        raise Refused(
            f"The request to approve {model}:{version} has expired.",
            f"Have the gate asked again: `lifecycle ask {model}:{version}`.",
            ("APR-004",),
        )
    if body.bundle_digest != departments.gate_keeper.bundle_digest:
        raise Refused(
            f"The policies or limits have changed since {model}:{version} was judged.",
            f"Have the gate asked again, so that you sign what decides now: `lifecycle ask {model}:{version}`.",
            ("APR-003",),
        )
    return requested


def _statement(
    departments: Departments, requested: Recorded, person: str, reason: str, decision: Literal["approve", "reject"]
) -> Statement:
    """What is signed: every digest is taken from the request, and none from the command line."""
    body, subject = standing.body_of(requested, ApprovalRequested), requested.event.subject
    assert subject.version is not None  # an ApprovalRequested is about a version
    return Statement(
        decision=decision,
        approver=departments.people.person(person).id,
        reason=reason,
        model=subject.name,
        version=subject.version,
        model_digest=body.model_digest,
        dataset_digest=body.dataset_digest,
        report_digest=body.report_digest,
        evidence_digest=body.evidence_digest,
        bundle_digest=body.bundle_digest,
        environment=departments.environment,
        requested_by_decision=body.decision_id,
        nonce=secrets.token_hex(16),
        signed_at_us=now_us(),
        expires_at_us=body.expires_at_us,
    )


def _require_as_asked(departments: Departments, requested: Recorded, statement: Statement) -> None:
    """Raises Refused where what was signed is not what is asked for now: the version was judged again since it was shown."""
    now = _statement(departments, requested, statement.approver, statement.reason, statement.decision)
    of_the_moment = {"nonce": statement.nonce, "signed_at_us": statement.signed_at_us}
    if now.model_copy(update=of_the_moment) != statement:
        raise _judged_again(statement)


def _judged_again(statement: Statement) -> Refused:
    return Refused(
        f"{statement.model}:{statement.version} was judged again, refused or withdrawn in this moment.",
        "Look at `lifecycle status`, and sign what is asked for now.",
        ("STATE",),
    )


def _question(departments: Departments, model: str, version: int, approval: VerifiedApproval) -> GateInput:
    """The promotion gate's question of this moment with this approval added."""
    others = judging.approvals_for(departments, model, version)
    step = Step(run_id=approval.event_id)
    asked = judging.promotion_input(departments, departments.model(model), version, step, (*others, approval))
    return asked.model_copy(update={"now_us": max(now_us(), approval.approved_at_us)})


def _require_answer(answered: Decision) -> None:
    for violation in answered.result.violations:
        if violation.rule.startswith("SYS-"):
            raise Unavailable(f"The promotion gate can't judge the approval: {violation.message}", violation.fix)


def _barring(answered: Decision, event_id: str, decision: str) -> list[Violation]:
    return [
        failure
        for failure in (*answered.result.violations, *answered.result.warnings)
        if failure.subject == event_id and failure.rule.startswith(BARRING) and (decision, failure.rule) != ("reject", REFUSAL_RULE)
    ]


def _record(
    departments: Departments, requested: Recorded, asked: GateInput, statement: Statement, envelope: Envelope, event_id: str
) -> Recorded:
    """Records what was signed, unless the request was answered or replaced in this moment."""
    shown = asked.evidence
    assert isinstance(shown, PromotionEvidence)  # the promotion gate is shown nothing else
    given = ApprovalGiven if statement.decision == "approve" else ApprovalRefused
    event = _event(departments, given(envelope=envelope), requested.event.subject, statement, event_id).model_copy(
        update={
            "inputs": links(
                model=statement.model_digest,
                dataset=statement.dataset_digest,
                report_html=shown.evaluation.report_html_digest,
                bundle=statement.bundle_digest,
                evidence=statement.evidence_digest,
            ),
            "outputs": links(approval=statement.content_digest()),
        }
    )
    with departments.ledger.writing() as writer:
        asked_now = writer.events(
            types=("ApprovalRequested", "ApprovalRefused", "VersionRevoked", "VersionExpired"),
            name=statement.model,
            version=statement.version,
            since=requested.index + 1,
        )
        if any(recorded.event.environment == departments.environment for recorded in asked_now):
            raise _judged_again(statement)
        receipt = writer.append(event)
    return Recorded(index=receipt.index, event=event)


def _event(departments: Departments, body: Body, subject: Subject, statement: Statement, event_id: str | None = None) -> Event:
    return Event.happened(
        body,
        subject=subject,
        actor=Actor(id=statement.approver, kind="human", authenticated=True),
        environment=departments.environment,
        at_us=statement.signed_at_us,
        event_id=event_id,
    )

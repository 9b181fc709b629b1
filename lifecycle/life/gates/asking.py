"""Asking a gate and recording its answer, in one place, so that no answer is ever acted on unrecorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates.governed import require_governed, revoked_among
from lifecycle.life.gates.standing import body_of
from lifecycle.life.recording import Step, links
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Link, Recorded, Subject
from lifecycle.records.gates import Decision, DeploymentEvidence, GateInput, PromotionEvidence, Violation
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.ledger.appending.writer import Writer

#: In one line of a refusal. What is longer is a list, and `policy explain` has it.
_LONGEST_NUMBERS = 80


def ask(departments: Departments, asked: GateInput, step: Step, *, seen: int | None = None) -> Decision:
    """The gate's decision, recorded as DecisionMade before it is returned.

    Raises Refused where the policies, limits or people here are not those that were agreed to (never in `local`). The bundle
    that decided and the people whom it decided by are kept, to take it again and to verify its approvals.

    A deployment decision that allows consumes the approvals that it was shown. That is checked and written in one
    transaction: of two deployments that race for one approval, the second is refused. `seen` is how many records there
    were when the question was put together: what was refused or evaluated since then, the gate has not seen.
    """
    require_governed(departments)
    keeper = departments.gate_keeper
    departments.artifacts.put(keeper.bundle.document)
    departments.artifacts.put(departments.people.document)
    decision = keeper.ask(asked)
    consumed = _counted(decision) if decision.allowed and asked.gate == "deployment" else ()
    subject = asked.subject
    event = step.happened(
        departments,
        DecisionMade(decision=decision, consumed=consumed),
        Subject(
            kind="dataset" if subject.kind == "dataset" else "model", name=subject.name, version=subject.version, digest=subject.digest
        ),
        inputs=(*_shown(asked), *_approvals(asked), *_rules(decision)),
    )
    with departments.ledger.writing() as writer:
        if seen is not None:
            _require_nothing_new(writer, asked, departments.environment, seen)
        used = {
            statement
            for recorded in writer.events(types=("DecisionMade",), name=subject.name, version=subject.version)
            for statement in body_of(recorded, DecisionMade).consumed
        }
        if used & set(consumed):
            raise Refused(
                f"The approval of {subject.name}:{subject.version} was used up by another deployment in this moment.",
                "Look at `lifecycle status`; ask for a new approval if this deployment is still wanted.",
                ("APR-CONSUMED",),
            )
        writer.append(event)
    return decision


def _require_nothing_new(writer: Writer, asked: GateInput, environment: str, seen: int) -> None:
    """Raises Refused where somebody refused, judged the version anew or revoked a key while the gate was being asked."""
    subject = asked.subject
    new = writer.events(
        types=("ApprovalRefused", "ApprovalRevoked", "ModelEvaluated", "VersionRevoked"),
        name=subject.name,
        version=subject.version,
        since=seen,
    )
    here = [recorded for recorded in new if recorded.event.environment == environment or recorded.event.type == "ModelEvaluated"]
    signed = bool(asked.approvals or asked.waivers)
    if here or (signed and revoked_among(writer.events(types=("KeyRevoked",), since=seen), environment)):
        raise Refused(
            f"{subject.name}:{subject.version} was refused, revoked or evaluated anew, or a key was revoked, "
            "while the gate was being asked.",
            "Ask again, so that the gate sees what stands now.",
            ("STATE",),
        )


def require_allowed(decision: Decision, what: str) -> None:
    """Raises Refused, with the rules that said no, unless the decision allows."""
    if decision.allowed:
        return
    rules = tuple(violation.rule for violation in decision.result.violations)
    if decision.result.outcome == "needs_approval":
        missing = ", ".join(f"{max(need.count - need.given, 0)} of role {need.role}" for need in decision.result.required_approvals)
        raise Refused(f"{what} waits for approval: {missing}.", "`lifecycle status` says who can approve and how.", rules)
    reasons = "; ".join(_reason(violation) for violation in decision.result.violations) or "the gate gave no reason"
    raise Refused(
        f"{what} was denied by the gate {decision.gate}: {reasons}.", f"`lifecycle policy explain {decision.id}` shows each rule.", rules
    )


def _reason(violation: Violation) -> str:
    """The rule, what it says, and where there is a number what was observed beside what is allowed."""
    numbers = f" ({violation.subject}: {violation.observed}, limit {violation.limit})" if violation.observed and violation.limit else ""
    return f"{violation.rule} {violation.message.rstrip('.')}{numbers if len(numbers) <= _LONGEST_NUMBERS else ''}"


def _counted(decision: Decision) -> tuple[Digest, ...]:
    """The statements that allowed this: those in the question that no rule of the policy set aside."""
    asked, aside = decision.input, {warning.subject for warning in decision.result.warnings}
    return tuple(
        approval.statement_digest
        for approval in asked.approvals
        if approval.decision == "approve" and not approval.consumed and approval.event_id not in aside
    )


def _shown(asked: GateInput) -> tuple[Link, ...]:
    subject, evidence = asked.subject, asked.evidence
    shown = links(dataset=subject.digest) if subject.kind == "dataset" else links(model=subject.digest)
    promotion = evidence.promotion if isinstance(evidence, DeploymentEvidence) else evidence
    if isinstance(promotion, PromotionEvidence):
        shown = (*shown, *links(evidence=promotion.evaluation_digest, report_json=promotion.report_digest))
    return shown


def _approvals(asked: GateInput) -> tuple[Link, ...]:
    return tuple(Link(role="approval", digest=approval.statement_digest) for approval in asked.approvals if approval.decision == "approve")


def _rules(decision: Decision) -> tuple[Link, ...]:
    policy = decision.policy
    return links(bundle=policy.bundle_digest, limits=policy.limits_digest, people=policy.people_digest)


def decision_event(departments: Departments, decision_id: str, *, model: str | None = None, version: int | None = None) -> Recorded:
    """The DecisionMade that holds the decision of this id, or that has this id or this index in the ledger itself.

    Raises UnknownName where there is none.
    """
    for recorded in departments.ledger.events(types=("DecisionMade",), name=model, version=version, newest_first=True):
        if decision_id in (str(recorded.index), recorded.event.id, body_of(recorded, DecisionMade).decision.id):
            return recorded
    about = f" on {model}:{version}" if model is not None else ""
    raise UnknownName(f"The ledger holds no decision {decision_id}{about}.", "`lifecycle ledger log --type DecisionMade` lists them.")

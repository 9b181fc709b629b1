"""The answer of a policy, checked again without the policy.

An answer is believed only where it is whole (every registered rule was evaluated), consistent (the outcome is the one
that its failures lead to) and covered (an allowance has its approvals, from people who may give them). Whoever
manages to make an engine say `allow` has then to get past this as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from lifecycle.errors import MalformedRecord
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.rules import Rule
from lifecycle.records.gates import (
    BREAK_GLASS,
    DeploymentEvidence,
    GateInput,
    GateResult,
    Outcome,
    PromotionEvidence,
    RequiredApproval,
    Violation,
    WaiverEvidence,
)
from lifecycle.records.record import ActorId

BLOCKING = frozenset({"critical", "high"})
#: How many people must stand behind a waiver.
WAIVER_PEOPLE = 2


def believed(answer: JsonValue, question: GateInput, rules: Mapping[str, Rule]) -> GateResult:
    """The result, its parts in one order whatever the engine. Raises EngineFailure (SYS-002 or SYS-003)."""
    try:
        result = GateResult.of(answer)
    except (MalformedRecord, RecursionError) as error:
        what = error.what if isinstance(error, MalformedRecord) else "It is nested too deeply."
        raise EngineFailure(
            f"The policy of the gate {question.gate} answered something else than a decision. {what}", "Correct the policy.", "SYS-002"
        ) from error
    for doubt in _doubts(result, question, rules):
        raise EngineFailure(f"The answer of the gate {question.gate} contradicts itself: {doubt}.", "Correct the policy.", "SYS-003")
    return result.model_copy(
        update={
            "violations": _ordered(result.violations),
            "warnings": _ordered(result.warnings),
            "waived": _ordered(result.waived),
            "required_approvals": tuple(sorted(result.required_approvals, key=lambda required: required.role)),
            "obligations": tuple(sorted(result.obligations, key=lambda obligation: obligation.id)),
        }
    )


def _ordered(failures: Iterable[Violation]) -> tuple[Violation, ...]:
    return tuple(sorted(failures, key=lambda failure: (failure.rule, failure.subject, failure.observed)))


def _doubts(result: GateResult, question: GateInput, rules: Mapping[str, Rule]) -> Iterable[str]:
    """Everything about an answer that cannot be, in words."""
    if result.gate != question.gate:
        yield f"it is the answer of the gate {result.gate}"
    if not rules or result.evaluated != tuple(sorted(rules)):
        missing = sorted(set(rules) - set(result.evaluated))
        yield f"it did not evaluate the registered rules ({', '.join(missing) or 'it names others'})"
    for failure in result.waived:
        if not _waived(failure, question, rules):
            yield f"it waives {failure.rule}, and no waiver in force permits that"
    for failure in (*result.violations, *result.warnings, *result.waived):
        rule = rules.get(failure.rule)
        if rule is None or rule.severity != failure.severity:
            yield f"{failure.rule} is not registered with the severity {failure.severity}"
    if any(failure.severity not in BLOCKING for failure in (*result.violations, *result.waived)) or any(
        failure.severity in BLOCKING for failure in result.warnings
    ):
        yield "a failure stands on the wrong side of violations and warnings"
    expected = _outcome(result, rules)
    if result.outcome != expected or result.allow != (expected == "allow"):
        yield f"its violations lead to {expected}, it says {result.outcome} and allow={str(result.allow).lower()}"
    if result.outcome == "allow":
        for required in result.required_approvals:
            if _given(required, question) < required.count:
                yield f"it allows without {required.count} approvals of the role {required.role}"
    if result.outcome == "needs_approval" and all(required.given >= required.count for required in result.required_approvals):
        yield "it waits for approvals, and requires none"


def _outcome(result: GateResult, rules: Mapping[str, Rule]) -> Outcome:
    if not result.violations:
        return "allow"
    waits = all(failure.rule in rules and rules[failure.rule].awaits_people for failure in result.violations)
    return "needs_approval" if waits else "deny"


def _waived(failure: Violation, question: GateInput, rules: Mapping[str, Rule]) -> bool:
    """Whether a waiver lets these bytes past this rule: the policy's own conditions, a second time and in another language."""
    rule, makers = rules.get(failure.rule), {maker.id for maker in question.subject.makers}
    return any(
        rule is not None
        and _covers(waiver.rule, rule, question)
        and waiver.subject_digest == question.subject.digest
        and question.now_us < waiver.expires_at_us
        and waiver.ticket != ""
        and len(set(waiver.granted_by)) >= WAIVER_PEOPLE
        and bool(makers)
        and not makers & set(waiver.granted_by)
        for waiver in question.waivers
    )


def _covers(waived: str, rule: Rule, question: GateInput) -> bool:
    """Whether a waiver of this name is one of this rule: its own, or the broken glass, which the question must say it is asked under."""
    if waived == BREAK_GLASS:
        return question.request.break_glass and (rule.waivable or rule.emergency)
    return rule.waivable and waived == rule.id


def _given(required: RequiredApproval, question: GateInput) -> int:
    """The different people whose approval can count: separation of duties, a second time and in another language."""
    shown = question.evidence.promotion if isinstance(question.evidence, DeploymentEvidence) else question.evidence
    if isinstance(shown, WaiverEvidence):
        return len(_standing_behind(required, question, shown))
    if not isinstance(shown, PromotionEvidence):
        return 0
    makers = {maker.id for maker in question.subject.makers}
    return len(
        {
            approval.approver
            for approval in question.approvals
            if approval.decision == "approve"
            and required.role in approval.roles
            and approval.subject_digest == question.subject.digest
            and approval.dataset_digest == shown.evaluation.dataset_digest
            and (approval.evidence_digest, approval.report_digest) == (shown.evaluation_digest, shown.report_digest)
            and approval.environment == question.target.environment
            and approval.approved_at_us <= question.now_us < approval.expires_at_us
            and not approval.consumed
            and not makers & {approval.approver, *approval.also}
        }
    )


def _standing_behind(required: RequiredApproval, question: GateInput, shown: WaiverEvidence) -> set[ActorId]:
    makers = {maker.id for maker in question.subject.makers}
    return {
        signature.signer
        for signature in shown.signatures
        if required.role in signature.roles
        and signature.signed_at_us <= question.now_us
        and makers
        and not makers & {signature.signer, *signature.also}
    }

"""The promotion step: ask the gate about one version, and ask people where the gate says so."""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.decisions import ApprovalRequested
from lifecycle.records.gates import Decision, PromotionEvidence
from lifecycle.records.identity import now_us
from lifecycle.records.record import HOUR_US
from lifecycle.wiring import Departments


def ask_for_promotion(departments: Departments, model: GovernedModel, version: int, step: Step) -> Decision:
    """The promotion gate's decision on a version. Where people must approve, records ApprovalRequested as well.

    Waiting holds nothing: the run ends, the pending record stands, and a sensor goes on when it is answered.
    """
    seen = departments.ledger.head().size
    approvals = judging.approvals_for(departments, model.name, version)
    asked = judging.promotion_input(departments, model, version, step, approvals)
    decision = ask(departments, asked, step, seen=seen)
    if decision.result.outcome == "needs_approval":
        _request_approval(departments, model, version, decision, step)
    return decision


def next_step(decision: Decision, version: str) -> str:
    """What has to happen for this version to go on, by what the promotion gate said to it."""
    if decision.result.outcome == "allow":
        return f"Deploy it: the sensor does, or `lifecycle deploy {version}`."
    if decision.result.outcome == "deny":
        return "Mend what the violations name and train another candidate."
    missing = " and ".join(f"{need.count - need.given} of role {need.role}" for need in decision.result.required_approvals)
    return f"Waits for {missing}: `lifecycle approve {version} --as ID --key FILE --reason TEXT`."


def _request_approval(departments: Departments, model: GovernedModel, version: int, decision: Decision, step: Step) -> None:
    trained = standing.trained(departments, model.name, version)
    shown = decision.input.evidence
    assert isinstance(shown, PromotionEvidence)  # the promotion gate is shown nothing else
    body = ApprovalRequested(
        decision_id=decision.id,
        required=decision.result.required_approvals,
        model_digest=shown.evaluation.model_digest,
        dataset_digest=shown.evaluation.dataset_digest,
        report_digest=shown.report_digest,
        evidence_digest=shown.evaluation_digest,
        bundle_digest=decision.policy.bundle_digest,
        expires_at_us=now_us() + int(judging.declared_of(trained).approval_valid_hours * HOUR_US),
    )
    event_id = step.event_id("approval-requested", decision.id)
    inputs = links(
        model=body.model_digest,
        dataset=body.dataset_digest,
        evidence=body.evidence_digest,
        report_html=shown.evaluation.report_html_digest,
        bundle=body.bundle_digest,
    )
    record_once(departments, step.happened(departments, body, trained.event.subject, event_id=event_id, inputs=inputs))

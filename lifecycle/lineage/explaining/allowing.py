"""Who and what allowed a version to answer: the deployment decision in the row, its rules, its rollout, and what came before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle.lineage.describing.description import words
from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.explaining.walk import CLOCKS_US, Walk, require, told
from lifecycle.lineage.outline import TONES, moment
from lifecycle.lineage.reading import short
from lifecycle.lineage.step import Part, Step
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade
from lifecycle.records.bodies.governors import EnrolledKey, KeyEnrolled, PersonEnrolled
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, counts_as_revoked
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested, RolloutStepReached
from lifecycle.records.events import Event
from lifecycle.records.gates import Decision, DeploymentEvidence, VerifiedApproval


def follow_allowing(walk: Walk) -> Found[DecisionMade] | None:
    """The deployment decision; None where the edge to it is missing."""
    deployment = walk.follow("allowed", "deployment decision", lambda: _deployment(walk))
    if deployment is None:
        for edge in ("policy bundle", "rollout", "route", "promotion decision"):
            walk.unreached("allowed", edge, "deployment decision")
        return None
    walk.follow("allowed", "policy bundle", lambda: (_bundle(walk, deployment.body.decision), None))
    rollout = walk.follow("allowed", "rollout", lambda: _rollout(walk))
    if rollout is None:
        walk.unreached("allowed", "route", "rollout")
    else:
        walk.follow("allowed", "route", lambda: (_route(walk, rollout), None))
    promotion = walk.follow("allowed", "promotion decision", lambda: _promotion(walk, deployment.body.decision))
    decisions = [found.body.decision for found in (promotion, deployment) if found is not None]
    counted = {one.event_id: one for decision in decisions for one in decision.input.approvals if one.decision == "approve"}
    for approval in counted.values():
        _follow_approval(walk, approval)
    if not counted:
        walk.steps.append(Step("allowed", "approval", "no approval was asked for", "by the rules of that bundle"))
    return deployment


def decided(found: Found[DecisionMade], part: Part, edge: str) -> Step:
    """The step to a decision, with what it rests on."""
    decision = found.body.decision
    result = decision.result
    detail = f"{moment(found.event.occurred_at_us)} by {found.event.actor.id}, {len(result.evaluated)} rules, {_objections(decision)}"
    label = f"{words(decision.gate)}: {words(result.outcome)}"
    return told(part, edge, found, label, detail, tone=TONES.get(result.outcome, "plain"), facts=_facts(decision))


def _objections(decision: Decision) -> str:
    result = decision.result
    # A decision that waits for people lists what they have not answered yet, and nothing that was violated.
    broken = () if result.outcome == "needs_approval" else result.violations
    counts = ((broken, "violation"), (result.waived, "waived"), (result.warnings, "warning"))
    said = [f"{len(listed)} {what}{'s' if what != 'waived' and len(listed) > 1 else ''}" for listed, what in counts if listed]
    return ", ".join(said) or "no violation"


def _facts(decision: Decision) -> Mapping[str, Any]:
    result, policy = decision.result, decision.policy
    return {
        "decision": decision.id,
        "gate": decision.gate,
        "outcome": result.outcome,
        "environment": decision.input.target.environment,
        "input": decision.input_digest,
        "bundle": policy.bundle_digest,
        "engine": f"{policy.engine} {policy.engine_version}",
        "violations": [f"{one.rule}: {one.message}" for one in result.violations],
        "waived": [f"{one.rule}: {one.message}" for one in result.waived],
        "warnings": [f"{one.rule}: {one.message}" for one in result.warnings],
        "approvals": [f"{one.given} of {one.count} {one.role}" for one in result.required_approvals],
    }


def _deployment(walk: Walk) -> tuple[Step, Found[DecisionMade]]:
    row = walk.row
    found = walk.chain.latest(
        DecisionMade, lambda event, body: body.decision.id == row.decision_id, f"the ledger holds no decision {row.decision_id}"
    )
    _require_about(walk, found, "deployment")
    require(found.body.decision.result.allow, f"decision {row.decision_id} did not allow: {words(found.body.decision.result.outcome)}")
    bundle = found.body.decision.policy.bundle_digest
    require(bundle == row.bundle_digest, f"the row says that bundle {short(str(row.bundle_digest))} decided, the record {short(bundle)}")
    return decided(found, "allowed", "deployment decision"), found


def _promotion(walk: Walk, deployment: Decision) -> tuple[Step, Found[DecisionMade]]:
    evidence = deployment.input.evidence
    require(isinstance(evidence, DeploymentEvidence), "the deployment decision was shown no promotion")
    assert isinstance(evidence, DeploymentEvidence)  # just required
    wanted = evidence.promotion_decision_id
    found = walk.chain.latest(DecisionMade, lambda event, body: body.decision.id == wanted, f"the ledger holds no decision {wanted}")
    _require_about(walk, found, "promotion")
    outcome = found.body.decision.result.outcome
    # One that waited for people is what the deployment decision counted their approvals for.
    require(
        outcome == evidence.promotion_outcome and outcome != "deny",
        f"decision {wanted} is recorded as {words(outcome)}, and the deployment was shown {words(evidence.promotion_outcome)}",
    )
    return decided(found, "allowed", "promotion decision"), found


def _require_about(walk: Walk, found: Found[DecisionMade], gate: str) -> None:
    decision, row = found.body.decision, walk.row
    about = decision.input.subject
    require(decision.gate == gate, f"decision {decision.id} is one of the gate {decision.gate}, not of {gate}")
    require(
        (about.name, about.version, about.digest) == (row.model, row.version, row.model_digest),
        f"decision {decision.id} is about {about.name}:{about.version} of {short(str(about.digest))}, not about what answered",
    )


def _bundle(walk: Walk, decision: Decision) -> Step:
    digest = decision.policy.bundle_digest
    walk.store.require(digest, "the policy bundle")
    return Step("allowed", "policy bundle", "the rules that decided", f"{decision.policy.engine} {decision.policy.engine_version}", digest)


def _rollout(walk: Walk) -> tuple[Step, Found[RolloutRequested]]:
    row = walk.row
    found = walk.chain.latest(
        RolloutRequested,
        lambda event, body: body.decision_id == row.decision_id and event.subject.digest == row.model_digest and _before(walk, event),
        f"the ledger holds no rollout under decision {row.decision_id}",
    )
    plan = " → ".join(f"{step.weight * 100:g} %" for step in found.body.plan.steps)
    facts = {"rollout": found.body.rollout_id, "plan": plan}
    return told("allowed", "rollout", found, f"rollout {plan}", moment(found.event.occurred_at_us), facts=facts), found


def _route(walk: Walk, rollout: Found[RolloutRequested]) -> Step:
    """That the arm was open: a canary takes its share from a step on, a champion everything from the end of its rollout on."""
    rollouts = {
        one.body.rollout_id for one in walk.chain.all(RolloutRequested, lambda event, body: body.decision_id == walk.row.decision_id)
    }
    arm = walk.row.arm
    if arm in ("canary", "shadow"):
        step = walk.chain.latest(
            RolloutStepReached,
            lambda event, body: body.rollout_id == rollout.body.rollout_id and _before(walk, event),
            "the ledger holds no step of that rollout before the answer",
        )
        share = f"{step.body.weight * 100:g} % of the {'requests, copied' if arm == 'shadow' else 'traffic'}"
        return told("allowed", "route", step, f"{arm} with {share}", f"from {moment(step.event.occurred_at_us)}")
    ended = walk.chain.latest(
        RolloutCompleted,
        lambda event, body: body.rollout_id in rollouts and _before(walk, event),
        "the ledger holds no end of that rollout before the answer",
    )
    called = {"holdout": "hold-out, a champion before", "backup": "backup, itself a champion"}.get(arm, "champion")
    return told("allowed", "route", ended, called, f"from {moment(ended.event.occurred_at_us)}")


def _before(walk: Walk, event: Event) -> bool:
    return event.occurred_at_us <= walk.row.at_us + CLOCKS_US


def _follow_approval(walk: Walk, approval: VerifiedApproval) -> None:
    edge = f"approval by {approval.approver}"
    given = walk.follow("allowed", edge, lambda: _approval(walk, approval, edge))
    enrolment = f"enrolment of {approval.approver}"
    if given is None:
        walk.unreached("allowed", enrolment, edge)
        return
    walk.follow("allowed", enrolment, lambda: (_enrolment(walk, given, enrolment), None))


def _approval(walk: Walk, approval: VerifiedApproval, edge: str) -> tuple[Step, Found[ApprovalGiven]]:
    found = walk.chain.latest(
        ApprovalGiven,
        lambda event, body: event.id == approval.event_id,
        f"the ledger holds no approval {approval.event_id}",
    )
    statement = found.body.statement
    require(
        statement.content_digest() == approval.statement_digest and statement.approver == approval.approver,
        f"record {found.index} holds another statement than the gate was shown",
    )
    require(statement.model_digest == walk.row.model_digest, "it is about other bytes than those that answered")
    roles = ", ".join(approval.roles)
    detail = f"{moment(statement.signed_at_us)} as {roles}: “{statement.reason}”"
    revoked = walk.chain.all(ApprovalRevoked, lambda event, body: body.statement_digest == approval.statement_digest)
    if revoked:
        detail += f"; revoked since: “{revoked[-1].body.reason}”"
    facts = {"approver": statement.approver, "roles": list(approval.roles), "reason": statement.reason, "key": found.body.envelope.key_id}
    what, tone = f"approved by {statement.approver}", TONES["denied" if revoked else "approved"]
    return told("allowed", edge, found, what, detail, digest=approval.statement_digest, tone=tone, facts=facts), found


def _enrolment(walk: Walk, given: Found[ApprovalGiven], edge: str) -> Step:
    """That the key which signed was the approver's, by the ledger, and that the signature is one by it."""
    envelope, approver = given.body.envelope, given.body.statement.approver

    def keys(body: PersonEnrolled | KeyEnrolled) -> list[EnrolledKey]:
        owned = body.keys if isinstance(body, PersonEnrolled) else (body.key,)
        return [key for key in owned if body.person == approver and key.id == envelope.key_id]

    enrolments: list[Found[Any]] = [
        *walk.chain.all(PersonEnrolled, lambda event, body: bool(keys(body))),
        *walk.chain.all(KeyEnrolled, lambda event, body: bool(keys(body))),
    ]
    require(bool(enrolments), f"the ledger never enrolled the key {envelope.key_id} for {approver}")
    found = max(enrolments, key=lambda one: one.index or 0)
    fault = walk.verifiers.statement(envelope, keys(found.body)[0])
    require(not fault, fault)
    revoked = walk.chain.all(
        KeyRevoked,
        lambda event, body: body.key_id == envelope.key_id and counts_as_revoked(event.environment, given.event.environment),
    )
    detail = f"with the key {envelope.key_id[:12]}, which verifies what was signed"
    if revoked:
        detail += f"; revoked since: “{revoked[-1].body.reason}”"
    stolen = min((one.body.compromised_from for one in revoked if one.body.compromised_from is not None), default=None)
    if stolen is not None and (given.index is None or given.index >= stolen):
        detail += f"; it was in other hands from record {stolen} on, so what it signed there never counted"
    return told("allowed", edge, found, f"{approver} was enrolled", detail, tone="bad" if revoked else "plain")

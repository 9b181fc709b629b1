"""What each type of event says about the graph: which activity it belongs to, how that went, and what it followed.

One function per body, found by the body's type; a body without one here is an activity of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lifecycle.records.bodies import data, decisions, governors, serving, training
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, JsonObject
from lifecycle.records.rollout import RolloutPlan

#: Outcomes of an activity that has not ended.
OPEN = frozenset({"open"})


@dataclass(frozen=True)
class Description:
    """One event's part in an activity. `follows` are (activity, role); `used` and `generated` are what the links may have left out."""

    activity: str
    kind: str
    label: str
    outcome: str
    facts: JsonObject = field(default_factory=dict)
    follows: tuple[tuple[str, str], ...] = ()
    used: tuple[tuple[str, Digest], ...] = ()
    generated: tuple[tuple[str, Digest], ...] = ()


def describe(event: Event, training_id: str | None = None) -> Description:
    """What an event says. `training_id` joins a TrainingStarted that does not name its own to its end."""
    body = event.body
    if isinstance(body, training.TrainingStarted):
        return _training_started(event, body, body.training_id or training_id or event.id)
    teller = _TELLERS.get(type(body))
    return teller(event, body) if teller is not None else Description(f"{event.type}/{event.id}", event.type, event.type, "complete")


def described_bodies() -> frozenset[type]:
    """The bodies that have a description of their own."""
    return frozenset({*_TELLERS, training.TrainingStarted})


def _ingested(event: Event, body: data.DatasetIngested) -> Description:
    facts: JsonObject = {
        "source": body.source,
        "contract": body.contract,
        "rows": body.rows,
        "splits": dict(body.splits),
        "licence": body.licence,
    }
    return Description(
        f"ingestion/{event.id}",
        "ingestion",
        f"ingested from {body.source}",
        "complete",
        facts | {"classification": body.classification, "columns": [column.as_json() for column in body.columns]},
        used=(("source", body.source_digest),),
    )


def _rejected(event: Event, body: data.DatasetRejected) -> Description:
    facts: JsonObject = {"source": body.source, "contract": body.contract, "rows": body.rows, "reason": body.reason}
    return Description(
        f"ingestion/{event.id}", "ingestion", f"refused {body.source}", "failed", facts, used=(("source", body.source_digest),)
    )


def _training_started(event: Event, body: training.TrainingStarted, training_id: str) -> Description:
    facts: JsonObject = {"device": body.device, "seed": body.seed, "estimated_cost": body.estimated_cost, "options": body.options}
    follows = tuple((f"decision/{decision}", "allowed_by") for decision in body.decision_ids)
    return Description(f"training/{training_id}", "training", "training", "open", facts, follows, used=(("dataset", body.dataset_digest),))


def _trained(event: Event, body: training.ModelTrained) -> Description:
    metering = body.metering
    facts: JsonObject = {
        "device": metering.device,
        "precision": metering.precision,
        "seconds": metering.seconds,
        "epochs": metering.epochs,
        "resumed_from_epoch": metering.resumed_from_epoch,
        "cost": metering.cost,
        "currency": metering.currency,
        "code_commit": body.code_commit,
        "code_author": body.code_author,
        "code_author_basis": body.code_author_basis,
        "baseline": body.baseline_name,
    }
    made = (("model", body.model_digest), ("signature", body.signature_digest), ("baseline", body.baseline_digest))
    used = (("dataset", body.dataset_digest),)
    return Description(f"training/{body.training_id}", "training", f"trained {event.subject}", "complete", facts, used=used, generated=made)


def _training_failed(event: Event, body: training.TrainingFailed) -> Description:
    facts: JsonObject = {"reason": body.reason, "last_epoch": body.last_epoch}
    return Description(f"training/{body.training_id}", "training", "training", "failed", facts, used=(("dataset", body.dataset_digest),))


def _evaluated(event: Event, body: training.ModelEvaluated) -> Description:
    headline: JsonObject = {name: measured.as_json() for name, measured in body.headline.items()}
    return Description(
        f"evaluation/{event.id}",
        "evaluation",
        f"evaluated {event.subject}",
        "complete",
        {"headline": headline, "champion_version": body.champion_version},
        used=(("model", body.model_digest), ("dataset", body.dataset_digest)),
        generated=(("evidence", body.evidence_digest), ("report_json", body.report_json_digest), ("report_html", body.report_html_digest)),
    )


def _decided(event: Event, body: decisions.DecisionMade) -> Description:
    decision, result, policy = body.decision, body.decision.result, body.decision.policy
    evidence = decision.input.evidence
    promoted = getattr(evidence, "promotion_decision_id", "")
    follows = [(f"decision/{promoted}", "promoted_by")] if promoted else []
    for approval in decision.input.approvals:
        role = "consumed" if approval.event_id in body.consumed else "counted"
        follows.append((f"approval/{approval.event_id}", role))
    facts: JsonObject = {
        "gate": decision.gate,
        "rules": [violation.rule for violation in result.violations],
        "violations": [f"{violation.rule}: {violation.message}" for violation in result.violations],
        "required": [f"{needed.given} of {needed.count} {needed.role}" for needed in result.required_approvals],
        "engine": f"{policy.engine} {policy.engine_version}",
        "input_digest": decision.input_digest,
        "bundle_digest": policy.bundle_digest,
    }
    governed = (("bundle", policy.bundle_digest), ("limits", policy.limits_digest), ("people", policy.people_digest))
    label = f"{_words(decision.gate)}: {_words(result.outcome)}"
    return Description(f"decision/{decision.id}", "decision", label, result.outcome, facts, tuple(follows), used=governed)


def _requested(event: Event, body: decisions.ApprovalRequested) -> Description:
    roles: list[Any] = [f"{needed.count} of role {needed.role}" for needed in body.required]
    facts: JsonObject = {"required": roles, "expires_at_us": body.expires_at_us}
    follows = ((f"decision/{body.decision_id}", "required_by"),)
    return Description(f"request/{event.id}", "request", f"approval asked of {', '.join(roles) or 'people'}", "complete", facts, follows)


def _approved(event: Event, body: decisions.ApprovalGiven | decisions.ApprovalRefused) -> Description:
    statement = body.statement
    facts: JsonObject = {"approver": statement.approver, "reason": statement.reason, "expires_at_us": statement.expires_at_us}
    verb = "approved" if statement.decision == "approve" else "rejected"
    return Description(
        f"approval/{event.id}",
        "approval",
        f"{verb} by {statement.approver}",
        verb,
        facts | {"key": body.envelope.key_id},
        ((f"decision/{statement.requested_by_decision}", "asked_by"),),
        used=(("report_json", statement.report_digest), ("evidence", statement.evidence_digest), ("bundle", statement.bundle_digest)),
        generated=(("approval", statement.content_digest()),),
    )


def _barred(event: Event, body: decisions.ApprovalBarred) -> Description:
    facts: JsonObject = {"approver": body.approver, "rules": list(body.rules), "reason": body.reason}
    return Description(f"barred/{event.id}", "barred", f"{body.approver} was barred by {', '.join(body.rules)}", "denied", facts)


def _ended(event: Event, body: decisions.VersionRevoked | decisions.VersionRetired) -> Description:
    kind = "revocation" if isinstance(body, decisions.VersionRevoked) else "retirement"
    verb = "revoked" if kind == "revocation" else "retired"
    return Description(f"{kind}/{event.id}", kind, f"{verb}: {body.reason}", "complete", {"reason": body.reason})


def _expired(event: Event, body: decisions.VersionExpired) -> Description:
    follows = ((f"decision/{body.decision_id}", "allowed_by"),)
    return Description(f"expiry/{event.id}", "expiry", "expired: what was allowed was not deployed in time", "complete", {}, follows)


def _rollout_requested(event: Event, body: serving.RolloutRequested) -> Description:
    facts: JsonObject = {"plan": _plan(body.plan), "champion_version": body.champion_version, "reached": []}
    used = (("champion", body.champion_digest),) if body.champion_digest is not None else ()
    follows = ((f"decision/{body.decision_id}", "allowed_by"),)
    return Description(f"rollout/{body.rollout_id}", "rollout", f"rollout {_plan(body.plan)}", "open", facts, follows, used=used)


def _rollout_step(event: Event, body: serving.RolloutStepReached) -> Description:
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "open", {"reached": [_share(body.weight)]})


def _rollout_completed(event: Event, body: serving.RolloutCompleted) -> Description:
    facts: JsonObject = {"superseded_version": body.superseded_version}
    used = (("superseded", body.superseded_digest),) if body.superseded_digest is not None else ()
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "complete", facts, used=used)


def _rollout_aborted(event: Event, body: serving.RolloutAborted) -> Description:
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "aborted", {"cause": body.cause, "reason": body.reason})


def _rollback_requested(event: Event, body: serving.RollbackRequested) -> Description:
    follows = ((f"decision/{body.decision_id}", "allowed_by"),) if body.decision_id is not None else ()
    facts: JsonObject = {"reason": body.reason, "trigger": body.trigger.kind}
    return Description(f"rollback/{body.rollback_id}", "rollback", _rollback_label(event, body), "open", facts, follows, used=_swap(body))


def _rolled_back(event: Event, body: serving.RolledBack) -> Description:
    trigger = body.trigger
    facts: JsonObject = {"trigger": trigger.kind, "metric": trigger.metric, "value": trigger.value, "limit": trigger.limit}
    facts |= {"detail": trigger.detail, "actuation_us": body.actuation_us}
    return Description(f"rollback/{body.rollback_id}", "rollback", _rollback_label(event, body), "complete", facts, used=_swap(body))


def _monitored(event: Event, body: serving.MonitoringReported) -> Description:
    breached: list[Any] = [verdict.guardrail for verdict in body.verdicts if verdict.verdict == "breached"]
    facts: JsonObject = {"rows": body.rows, "labelled_rows": body.labelled_rows, "breached": breached}
    facts |= {"window_from_us": body.window_from_us, "window_to_us": body.window_to_us}
    made = (("report_json", body.report_json_digest), ("report_html", body.report_html_digest))
    return Description(
        f"monitoring/{event.id}",
        "monitoring",
        f"watched over {body.rows:,} answers",
        "breached" if breached else "complete",
        facts,
        generated=tuple((role, digest) for role, digest in made if digest is not None),
    )


def _enrolled(event: Event, body: governors.PersonEnrolled) -> Description:
    facts: JsonObject = {
        "person": body.person,
        "roles": list(body.roles),
        "teams": list(body.teams),
        "registry": body.registry,
        "key": body.key_id,
    }
    label = f"enrolled {body.person} as {', '.join(body.roles) or 'nothing'}"
    return Description(f"enrolment/{event.id}", "enrolment", label, "complete", facts, generated=(("people", body.registry_digest),))


def _key_revoked(event: Event, body: governors.KeyRevoked) -> Description:
    facts: JsonObject = {"person": body.person, "key": body.key_id, "reason": body.reason}
    return Description(f"key_revocation/{event.id}", "key_revocation", f"revoked a key of {body.person}", "complete", facts)


def _swap(body: serving.RollbackRequested | serving.RolledBack) -> tuple[tuple[str, Digest], ...]:
    back = (("to", body.to_digest),) if body.to_digest is not None else ()
    return (("from", body.from_digest), *back)


def _rollback_label(event: Event, body: serving.RollbackRequested | serving.RolledBack) -> str:
    target = "nothing" if body.to_version is None else f"{event.subject.name}:{body.to_version}"
    return f"rolled back from {event.subject.name}:{body.from_version} to {target}"


def _plan(plan: RolloutPlan) -> str:
    return " → ".join(_share(step.weight) for step in plan.steps)


def _share(weight: float) -> str:
    return f"{weight * 100:g} %"


def _words(name: str) -> str:
    return name.replace("_", " ")


#: By the type of the body. `Any`: a dict can't say that each function takes the body that is its key.
_TELLERS: dict[type, Callable[[Event, Any], Description]] = {
    data.DatasetIngested: _ingested,
    data.DatasetRejected: _rejected,
    training.ModelTrained: _trained,
    training.TrainingFailed: _training_failed,
    training.ModelEvaluated: _evaluated,
    decisions.DecisionMade: _decided,
    decisions.ApprovalRequested: _requested,
    decisions.ApprovalGiven: _approved,
    decisions.ApprovalRefused: _approved,
    decisions.ApprovalBarred: _barred,
    decisions.VersionRevoked: _ended,
    decisions.VersionRetired: _ended,
    decisions.VersionExpired: _expired,
    serving.RolloutRequested: _rollout_requested,
    serving.RolloutStepReached: _rollout_step,
    serving.RolloutCompleted: _rollout_completed,
    serving.RolloutAborted: _rollout_aborted,
    serving.RollbackRequested: _rollback_requested,
    serving.RolledBack: _rolled_back,
    serving.MonitoringReported: _monitored,
    governors.PersonEnrolled: _enrolled,
    governors.KeyRevoked: _key_revoked,
}

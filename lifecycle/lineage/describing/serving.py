"""What events of serving and monitoring say about the graph."""

from __future__ import annotations

from typing import Any

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.serving import (
    MonitoringReported,
    PredictionsSealed,
    RollbackRequested,
    RolledBack,
    RolloutAborted,
    RolloutCompleted,
    RolloutRequested,
    RolloutStepReached,
)
from lifecycle.records.counted import counted
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, JsonObject
from lifecycle.records.rollout import RolloutPlan


def _rollout_requested(event: Event, body: RolloutRequested) -> Description:
    facts: JsonObject = {"plan": _plan(body.plan), "champion_version": body.champion_version, "reached": []}
    used = (("champion", body.champion_digest),) if body.champion_digest is not None else ()
    follows = ((f"decision/{body.decision_id}", "allowed_by"),)
    return Description(f"rollout/{body.rollout_id}", "rollout", f"rollout {_plan(body.plan)}", "open", facts, follows, used=used)


def _rollout_step(event: Event, body: RolloutStepReached) -> Description:
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "open", {"reached": [_share(body.weight)]})


def _rollout_completed(event: Event, body: RolloutCompleted) -> Description:
    facts: JsonObject = {"superseded_version": body.superseded_version}
    facts |= {name: value for name in ("promoted_by", "reason", "holdout") if (value := getattr(body, name)) is not None}
    used = (("superseded", body.superseded_digest),) if body.superseded_digest is not None else ()
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "complete", facts, used=used)


def _rollout_aborted(event: Event, body: RolloutAborted) -> Description:
    facts: JsonObject = {"cause": body.cause, "reason": body.reason}
    if body.ended_by is not None:
        facts["ended_by"] = body.ended_by
    return Description(f"rollout/{body.rollout_id}", "rollout", "rollout", "aborted", facts)


def _rollback_requested(event: Event, body: RollbackRequested) -> Description:
    follows = ((f"decision/{body.decision_id}", "allowed_by"),) if body.decision_id is not None else ()
    facts: JsonObject = {"reason": body.reason, "trigger": body.trigger.kind}
    return Description(f"rollback/{body.rollback_id}", "rollback", _rollback_label(event, body), "open", facts, follows, used=_swap(body))


def _rolled_back(event: Event, body: RolledBack) -> Description:
    trigger = body.trigger
    facts: JsonObject = {"trigger": trigger.kind, "metric": trigger.metric, "value": trigger.value, "limit": trigger.limit}
    facts |= {"detail": trigger.detail, "actuation_us": body.actuation_us}
    return Description(f"rollback/{body.rollback_id}", "rollback", _rollback_label(event, body), "complete", facts, used=_swap(body))


def _monitored(event: Event, body: MonitoringReported) -> Description:
    breached: list[Any] = [verdict.guardrail for verdict in body.verdicts if verdict.verdict == "breached"]
    facts: JsonObject = {"rows": body.rows, "labelled_rows": body.labelled_rows, "breached": breached}
    facts |= {"window_from_us": body.window_from_us, "window_to_us": body.window_to_us}
    made = (("report_json", body.report_json_digest), ("report_html", body.report_html_digest))
    return Description(
        f"monitoring/{event.id}",
        "monitoring",
        f"watched over {counted(body.rows, 'answer')}",
        "breached" if breached else "complete",
        facts,
        generated=tuple((role, digest) for role, digest in made if digest is not None),
    )


def _sealed(event: Event, body: PredictionsSealed) -> Description:
    facts: JsonObject = {"segment": body.segment, "number": body.number, "rows": body.rows, "from_us": body.from_us, "to_us": body.to_us}
    if body.rows_dropped is not None:
        facts["rows_dropped"] = body.rows_dropped
    used = tuple(("model", answered.model_digest) for answered in body.versions if answered.model_digest is not None)
    label = f"sealed {counted(body.rows, 'prediction')}"
    return Description(f"sealing/{event.id}", "sealing", label, "complete", facts, used=used, generated=(("predictions", body.root),))


def _recalled(event: Event, body: DecisionsRecalled) -> Description:
    facts: JsonObject = {"by_version": body.by_version, "decisions": body.decisions, "rescored": body.rescored}
    facts |= {"differing": body.differing, "unread": body.unread}
    used = (("by", body.by_digest),) if body.by_digest is not None else ()
    label = f"recalled {counted(body.decisions, 'decision')}"
    return Description(f"recall/{event.id}", "recall", label, "complete", facts, used=used, generated=(("recall", body.list_digest),))


def _swap(body: RollbackRequested | RolledBack) -> tuple[tuple[str, Digest], ...]:
    back = (("to", body.to_digest),) if body.to_digest is not None else ()
    return (("from", body.from_digest), *back)


def _rollback_label(event: Event, body: RollbackRequested | RolledBack) -> str:
    target = "nothing" if body.to_version is None else f"{event.subject.name}:{body.to_version}"
    return f"rolled back from {event.subject.name}:{body.from_version} to {target}"


def _plan(plan: RolloutPlan) -> str:
    return " → ".join(_share(step.weight) for step in plan.steps)


def _share(weight: float) -> str:
    return f"{weight * 100:g} %"


TELLERS: Tellers = {
    RolloutRequested: _rollout_requested,
    RolloutStepReached: _rollout_step,
    RolloutCompleted: _rollout_completed,
    RolloutAborted: _rollout_aborted,
    RollbackRequested: _rollback_requested,
    RolledBack: _rolled_back,
    MonitoringReported: _monitored,
    PredictionsSealed: _sealed,
    DecisionsRecalled: _recalled,
}

"""A rollback on quality: monitoring has shown that what serves decides worse than it should, and it goes back for that alone.

Drift, errors and latency of a window roll nothing back; see `monitoring.decay`.
"""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.recording import Step
from lifecycle.life.rollback import roll_back
from lifecycle.monitoring.decay import calls_for_rollback
from lifecycle.records.bodies.serving import MonitoringReported, RolledBack, Trigger
from lifecycle.records.events import Recorded
from lifecycle.wiring import Departments


def decayed(departments: Departments, reported: Recorded) -> Trigger | None:
    """Why this report of monitoring calls for a rollback; None where it does not, or where its version serves no more."""
    breached = calls_for_rollback(standing.body_of(reported, MonitoringReported).verdicts)
    subject = reported.event.subject
    if breached is None or standing.serving_version(departments, subject.name) != subject.version:
        return None
    detail = f"{breached.guardrail} {_shown(breached.value)}, where {_shown(breached.limit)} is the most that is well"
    return Trigger(kind="guardrail", metric=breached.guardrail, value=breached.value, limit=breached.limit, detail=detail)


def roll_back_on_quality(departments: Departments, model: GovernedModel, step: Step, report_id: str) -> RolledBack:
    """Goes back to the version before, for what this MonitoringReported says. Asked again by the same step, it says the same.

    Raises UnknownName where there is no such report of this model, Refused where it calls for no rollback (any more), and like `roll_back`.
    """
    reported = departments.ledger.find(report_id)
    if reported is None or reported.event.subject.name != model.name or reported.event.environment != departments.environment:
        raise UnknownName(
            f"The ledger holds no monitoring {report_id} of {model.name} here.",
            "`lifecycle ledger log --type MonitoringReported` lists what was reported.",
        )
    trigger = decayed(departments, reported)
    if trigger is None:
        raise Refused(
            f"What monitoring reported of {reported.event.subject} calls for no rollback of what serves now.",
            "Look at its verdicts; roll back by hand with a reason if you must.",
            ("STATE",),
        )
    return roll_back(departments, model, step, reason=trigger.detail, trigger=trigger)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"

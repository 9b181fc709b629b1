"""Schedules: retraining, monitoring and anchoring as declared; the lineage export, the compaction and the reconciliation every day."""

from __future__ import annotations

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel


def retraining(model: GovernedModel, job: Any) -> dg.ScheduleDefinition:
    """Retrains by the declared clock. Stopped until an operator turns it on: a clock that trains costs money."""
    return dg.ScheduleDefinition(name=f"{model.name}_retraining", cron_schedule=model.schedule, job=job, execution_timezone="UTC")


def monitoring(model: GovernedModel, job: Any) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(name=f"{model.name}_monitoring", cron_schedule=model.watch.schedule, job=job, execution_timezone="UTC")


def lineage_export(job: Any) -> dg.ScheduleDefinition:
    """Every day: it costs little, and a gap in it could not be filled by anybody who looks for one later."""
    return _from_the_start("audit_lineage_export_daily", "0 2 * * *", job)


def ledger_anchor(job: Any, declared: str) -> dg.ScheduleDefinition:
    """As often as governance/anchors.yaml says: what no anchor has seen can be written anew unseen."""
    return _from_the_start("ledger_anchor", declared, job)


def compaction(job: Any) -> dg.ScheduleDefinition:
    """Every day: what is compacted late is only later to count over."""
    return _from_the_start("audit_compaction_daily", "0 1 * * *", job)


def reconciliation(job: Any) -> dg.ScheduleDefinition:
    """Every day: what was forged or lost should not wait for somebody to ask."""
    return _from_the_start("audit_reconciliation_daily", "30 2 * * *", job)


def _from_the_start(name: str, cron: str, job: Any) -> dg.ScheduleDefinition:
    """A clock that nobody has to turn on: what it keeps is proof, and costs little."""
    return dg.ScheduleDefinition(
        name=name, cron_schedule=cron, job=job, execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING
    )

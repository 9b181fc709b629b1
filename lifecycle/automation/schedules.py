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
    """Every day, from the start: it costs little, and a gap in it could not be filled by anybody who looks for one later."""
    return dg.ScheduleDefinition(
        name="audit_lineage_export_daily",
        cron_schedule="0 2 * * *",
        job=job,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def ledger_anchor(job: Any, declared: str) -> dg.ScheduleDefinition:
    """As often as governance/anchors.yaml says, from the start: what no anchor has seen can be written anew unseen."""
    return dg.ScheduleDefinition(
        name="ledger_anchor",
        cron_schedule=declared,
        job=job,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def compaction(job: Any) -> dg.ScheduleDefinition:
    """Every day, from the start: what is compacted late is only later to count over."""
    return dg.ScheduleDefinition(
        name="audit_compaction_daily",
        cron_schedule="0 1 * * *",
        job=job,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def reconciliation(job: Any) -> dg.ScheduleDefinition:
    """Every day, from the start: what was forged or lost should not wait for somebody to ask."""
    return dg.ScheduleDefinition(
        name="audit_reconciliation_daily",
        cron_schedule="30 2 * * *",
        job=job,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )

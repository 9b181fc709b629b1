"""Sensors: each looks at facts (the ledger, the source), asks for a run once by its run key, or says why it does not."""

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError
from lifecycle.life.awaiting import end_rollout
from lifecycle.life.decay import decayed
from lifecycle.life.gates import standing
from lifecycle.life.people.waiting import expire_overdue, ready_versions, waiting_for
from lifecycle.records.bodies.serving import MonitoringReported, RolledBack
from lifecycle.records.events import Recorded
from lifecycle.resources import LifecycleResource
from lifecycle.wiring import Departments

#: The daemon looks every 5 s at the earliest; an approval should start its deployment within 15 s.
SOON = 5

Answer = dg.SensorResult | dg.SkipReason


def approvals(model: GovernedModel, job: Any) -> dg.SensorDefinition:
    """approved → a deployment run, once for each decision that people answered."""

    @dg.sensor(
        name=f"{model.name}_approvals",
        job=job,
        minimum_interval_seconds=SOON,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the deployment of a version as soon as the people whom its gate waits for have signed.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        departments = lifecycle.departments()
        try:
            expire_overdue(departments, model)
            ready = ready_versions(departments, model)
            waiting = waiting_for(departments, model)
            if ready:
                # A run that finds no gateway fails, and its key is used up: better to wait here.
                departments.gateway.status()
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        if not ready:
            return dg.SkipReason("; ".join(wait.says for wait in waiting) or f"no version of {model.name} waits for anybody")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"deploy-{version.key}",
                    run_config={"ops": {f"{model.name}__deployment": {"config": {"digest": version.digest, "version": version.version}}}},
                    tags={"lifecycle/version": version.name},
                )
                for version in ready
            ]
        )

    return sensor


def new_data(model: GovernedModel, job: Any) -> dg.SensorDefinition:
    """A changed source → a training run, once for each content of it."""

    @dg.sensor(
        name=f"{model.name}_new_data",
        job=job,
        minimum_interval_seconds=30,
        description="Retrains when the source holds other bytes than the newest dataset version. Off until an operator turns it on.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        from lifecycle.data.reading import source_digest

        departments = lifecycle.departments()
        try:
            digest = source_digest(model.data.source)
            known = {body.source_digest for body in _ingested(departments, model)}
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        if digest in known:
            return dg.SkipReason(f"the source of {model.name} holds what was ingested already ({digest[:19]}…)")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"data-{digest}")], cursor=digest)

    return sensor


def breaches(model: GovernedModel, job: Any) -> dg.SensorDefinition:
    """A breached guardrail of the monitoring → a training run, once for each report. Drift alone never rolls back."""

    @dg.sensor(
        name=f"{model.name}_breaches",
        job=job,
        minimum_interval_seconds=30,
        description="Retrains when monitoring reports drift or decay past a limit. Off until an operator turns it on.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        departments, since = lifecycle.departments(), int(context.cursor or 0)
        try:
            reports = departments.ledger.events(
                types=("MonitoringReported",), name=model.name, environment=departments.environment, since=since, newest_first=True, limit=1
            )
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        if not reports:
            return dg.SkipReason(f"no monitoring of {model.name} was reported since ledger index {since}")
        newest = reports[0]
        breached = [v.guardrail for v in standing.body_of(newest, MonitoringReported).verdicts if v.verdict == "breached"]
        cursor = str(newest.index + 1)
        if not breached:
            return dg.SensorResult(
                skip_reason=f"every guardrail of {newest.event.subject} held at ledger index {newest.index}", cursor=cursor
            )
        tags = {"lifecycle/breached": ", ".join(breached)}
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"breach-{newest.event.id}", tags=tags)], cursor=cursor)

    return sensor


def rollbacks(model: GovernedModel, job: Any) -> dg.SensorDefinition:
    """What the gateway did by itself → a run that shows it, and so is in Dagster's history too."""

    @dg.sensor(
        name=f"{model.name}_rollbacks",
        job=job,
        minimum_interval_seconds=SOON,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows every breach of a guardrail and every automatic rollback that the gateway recorded.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        departments, since = lifecycle.departments(), int(context.cursor or 0)
        try:
            found = departments.ledger.events(types=("RolledBack",), name=model.name, environment=departments.environment, since=since)
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        automatic = [r for r in found if standing.body_of(r, RolledBack).trigger.kind in ("guardrail", "crash")]
        if not automatic:
            return dg.SkipReason(f"no guardrail of {model.name} was breached since ledger index {since}")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"rollback-{r.event.id}", run_config={"ops": {f"{model.name}__rollback": {"config": {"show": r.event.id}}}}
                )
                for r in automatic
            ],
            cursor=str(max(r.index for r in automatic) + 1),
        )

    return sensor


def decay(model: GovernedModel, job: Any) -> dg.SensorDefinition:
    """A breached verdict on quality → a rollback run, once for each report. Drift alone never rolls back."""

    @dg.sensor(
        name=f"{model.name}_decay",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Rolls back when mature outcomes show that what serves decides worse than the hold-out or than its evaluation.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        departments, since = lifecycle.departments(), int(context.cursor or 0)
        try:
            reports = departments.ledger.events(
                types=("MonitoringReported",), name=model.name, environment=departments.environment, since=since, newest_first=True, limit=1
            )
            trigger = decayed(departments, reports[0]) if reports else None
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        if not reports:
            return dg.SkipReason(f"no monitoring of {model.name} was reported since ledger index {since}")
        newest, cursor = reports[0], str(reports[0].index + 1)
        if trigger is None:
            return dg.SensorResult(
                skip_reason=f"what was reported of {newest.event.subject} at ledger index {newest.index} calls for no rollback",
                cursor=cursor,
            )
        config = {"ops": {f"{model.name}__rollback": {"config": {"report": newest.event.id}}}}
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=f"decay-{newest.event.id}", run_config=config, tags={"lifecycle/breached": trigger.metric})
            ],
            cursor=cursor,
        )

    return sensor


def broken_deployments(model: GovernedModel, deploy_job: str) -> dg.SensorDefinition:
    """A deployment run that failed or was cancelled: whatever it left in flight is aborted, and the ledger says so."""

    @dg.sensor(
        name=f"{model.name}_broken_deployments",
        minimum_interval_seconds=SOON,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Aborts the rollout of a deployment run that failed or was cancelled, so that nothing stays half deployed.",
    )
    def sensor(context: dg.SensorEvaluationContext, lifecycle: LifecycleResource) -> Answer:
        departments = lifecycle.departments()
        runs = context.instance.get_runs(
            filters=dg.RunsFilter(job_name=deploy_job, statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]), limit=20
        )
        ended, aborted = {run.run_id for run in runs}, []
        try:
            for requested in _open_rollouts(departments, model):
                if requested.event.run_id in ended:
                    reason = "the deployment run ended without it"
                    end_rollout(departments, requested.event.subject, requested.event.id, reason=reason, cause="cancelled")
                    aborted.append(str(requested.event.subject))
        except LifecycleError as error:
            return dg.SkipReason(f"{error.what} Next: {error.next_step}")
        return dg.SkipReason(f"aborted {', '.join(aborted)}" if aborted else f"no deployment run of {model.name} left a rollout open")

    return sensor


def _ingested(departments: Departments, model: GovernedModel) -> list[Any]:
    return [recorded.event.body for recorded in departments.ledger.events(types=("DatasetIngested", "DatasetRejected"), name=model.name)]


def _open_rollouts(departments: Departments, model: GovernedModel) -> list[Recorded]:
    """Every RolloutRequested here whose rollout has not ended."""
    requested = departments.ledger.events(types=("RolloutRequested",), name=model.name, environment=departments.environment)
    ended = {
        getattr(recorded.event.body, "rollout_id", "")
        for recorded in departments.ledger.events(
            types=("RolloutCompleted", "RolloutAborted"), name=model.name, environment=departments.environment
        )
    }
    return [recorded for recorded in requested if recorded.event.id not in ended]

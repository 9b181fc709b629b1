"""<model>/monitoring: drift, quality, latency and errors over a window of the prediction log."""

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import standing
from lifecycle.life.monitoring import monitor
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.records.bodies.serving import MonitoringReported
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, failures, stage_asset, stage_key, step_of


def monitoring_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    guardrails = dg.AssetCheckSpec(
        "guardrails",
        asset=stage_key(model, "monitoring"),
        description="Every monitored figure is within its limit. Drift alone never rolls back.",
    )

    @stage_asset(
        model,
        "monitoring",
        {"evidently"},
        runs_on,
        after=("deployment",),
        description="What the model has seen and answered since: a verdict per guardrail.",
        checks=(guardrails,),
    )
    def monitoring(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        departments = lifecycle.departments()
        with failures(context):
            recorded = monitor(departments, model, step_of(context))
            body = standing.body_of(recorded, MonitoringReported)
            report = departments.artifacts.fetch(body.report_html_digest) if body.report_html_digest else None
        verdicts = [
            dg.TableRecord(
                {
                    "guardrail": verdict.guardrail,
                    "value": "" if verdict.value is None else f"{verdict.value:.4g}",
                    "limit": "" if verdict.limit is None else f"{verdict.limit:.4g}",
                    "verdict": verdict.verdict,
                }
            )
            for verdict in body.verdicts
        ]
        breached = [verdict.guardrail for verdict in body.verdicts if verdict.verdict == "breached"]
        return StageResult(
            data_version=dg.DataVersion(body.report_json_digest or recorded.event.id),
            metadata={
                "version": str(recorded.event.subject),
                "rows": body.rows,
                "labelled rows": body.labelled_rows,
                "verdicts": dg.MetadataValue.table(
                    verdicts or [dg.TableRecord({"guardrail": "none", "value": "", "limit": "", "verdict": "no traffic"})]
                ),
                "largest PSI": max(body.psi.values(), default=0.0),
                LEDGER_INDEX: recorded.index,
                **({"report": dg.MetadataValue.path(str(report))} if report else {}),
                **{f"psi {column}": value for column, value in body.psi.items()},
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="guardrails",
                    passed=not breached,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"breached": ", ".join(breached) or "none"},
                )
            ],
        )

    return monitoring

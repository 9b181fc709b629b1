"""<model>/rollback: back to the last allowed version, by hand or by a schedule; shows those that the controller did."""

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.errors import UnknownName
from lifecycle.life.decay import roll_back_on_quality
from lifecycle.life.gates import standing
from lifecycle.life.rollback import roll_back
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, failures, stage_asset, step_of
from lifecycle.stages.tables import arms_table


class RollbackConfig(dg.Config):
    """Why, and to which version. `show` is the id of a rollback that the gateway did by itself: it is shown, not done.

    `report` is the id of a MonitoringReported whose verdict on quality is the reason.
    """

    reason: str = ""
    to_version: int | None = None
    show: str = ""
    report: str = ""


def rollback_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    @stage_asset(
        model,
        "rollback",
        {"opa"},
        runs_on,
        after=("deployment",),
        description="The last way back that was taken, and why. The gateway takes a bad canary out by itself; this shows and records it.",
    )
    def rollback(context: dg.AssetExecutionContext, config: RollbackConfig, lifecycle: LifecycleResource) -> StageResult:
        departments, step = lifecycle.departments(), step_of(context)
        with failures(context):
            if config.show:
                body = standing.body_of(_recorded(departments.ledger.find(config.show), config.show), RolledBack)
            elif config.report:
                body = roll_back_on_quality(departments, model, step, config.report)
            elif config.reason:
                body = roll_back(departments, model, step, reason=config.reason, to_version=config.to_version)
            else:
                raise dg.Failure(
                    f"A rollback of {model.name} needs a reason.",
                    metadata={"next": "Give the config `reason`, and `to_version` if it matters."},
                    allow_retries=False,
                )
        return StageResult(
            data_version=dg.DataVersion(body.rollback_id),
            metadata={
                "from": f"{model.name}:{body.from_version}",
                "to": f"{model.name}:{body.to_version}" if body.to_version else "no version",
                "trigger": f"{body.trigger.kind} {body.trigger.metric}".strip(),
                "detail": body.trigger.detail,
                "actuation (ms)": body.actuation_us / 1000,
                "arms": arms_table(body.observed),
            },
        )

    return rollback


def _recorded(found: Any, event_id: str) -> Any:
    if found is None:
        raise UnknownName(f"The ledger holds no event {event_id}.", "`lifecycle ledger log --type RolledBack` lists the rollbacks.")
    return found

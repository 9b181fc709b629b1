"""<model>/deployment: asks the gate again in its own body, orders the rollout and waits for what is observed."""

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.life.deployment import deploy_version
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.records.bodies.serving import RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, VersionConfig, failures, stage_asset, step_of, version_in_question
from lifecycle.stages.tables import arms_table


def deployment_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    @stage_asset(
        model,
        "deployment",
        {"onnxruntime"},
        runs_on,
        after=("promotion",),
        description="What serves now. The gate is asked again here: a green check elsewhere is never the proof.",
    )
    def deployment(context: dg.AssetExecutionContext, config: VersionConfig, lifecycle: LifecycleResource) -> StageResult:
        departments, step = lifecycle.departments(), step_of(context)
        with failures(context):
            version = version_in_question(departments, model, config, step)
            ended = deploy_version(departments, model, version, step, report=context.log.info)
            gateway = departments.gateway.status().url
        body, subject = ended.event.body, ended.event.subject
        metadata: dict[str, Any] = {
            "version": str(subject),
            "digest": subject.digest or "",
            LEDGER_INDEX: ended.index,
        }
        if gateway is not None:
            # A cluster's controller has no address of its own: the cluster's Gateway has.
            metadata["gateway"] = dg.MetadataValue.url(f"{gateway}/v2/models/{model.name}")
        if isinstance(body, RolloutAborted):
            metadata |= {"cause": body.cause, "reason": body.reason, "arms": arms_table(body.observed)}
            raise dg.Failure(f"{subject} was taken out: {body.reason}.", metadata=metadata, allow_retries=False)
        if isinstance(body, RolloutCompleted):
            metadata |= {"arms": arms_table(body.observed), "superseded version": body.superseded_version or 0}
        if isinstance(body, RolloutStepReached):
            metadata |= {"arms": arms_table(body.observed), "promoted by": "a person: lifecycle rollout promote, or end"}
        return StageResult(data_version=dg.DataVersion(subject.digest or ""), metadata=metadata)

    return deployment

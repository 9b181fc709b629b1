"""<model>/candidate: asks for the data and the money, trains, meters, exports, packs and signs."""

from typing import Any

import dagster as dg
from pydantic import Field

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import standing
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.life.training import train_candidate
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, failures, stage_asset, step_of


class CandidateConfig(dg.Config):
    """What this candidate tries: options of the training function over the declared ones, and a seed."""

    options: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    #: A dataset version by digest; empty means the one that this run ingested, or else the newest.
    dataset_digest: str = ""


def candidate_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    @stage_asset(
        model,
        "candidate",
        {"torch", "onnx"},
        runs_on,
        after=("dataset",),
        description="A trained, exported and signed version. Its digest covers every byte that decides what it answers.",
    )
    def candidate(context: dg.AssetExecutionContext, config: CandidateConfig, lifecycle: LifecycleResource) -> StageResult:
        departments, step = lifecycle.departments(), step_of(context)
        with failures(context):
            dataset = standing.dataset_of(departments, model.name, config.dataset_digest or None)
            declared = model.with_options(**config.options) if config.options else model
            recorded = train_candidate(departments, declared, dataset, step, report=context.log.info, seed=config.seed)
        body, subject = standing.body_of(recorded, ModelTrained), recorded.event.subject
        return StageResult(
            data_version=dg.DataVersion(body.model_digest),
            metadata={
                "version": str(subject),
                "digest": body.model_digest,
                "dataset": body.dataset_digest,
                "code commit": body.code_commit,
                "device": f"{body.metering.device} ({body.metering.precision})",
                "seconds": body.metering.seconds,
                "peak memory (MB)": body.metering.peak_memory_bytes / 1e6,
                f"cost ({body.metering.currency})": body.metering.cost,
                "epochs": body.metering.epochs,
                "resumed from epoch": body.metering.resumed_from_epoch,
                LEDGER_INDEX: recorded.index,
                **{f"validation {name}": value for name, value in body.validation.items()},
            },
        )

    return candidate

"""The jobs of a model: to the gate, out, and back."""

from __future__ import annotations

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.stages.stage import stage_key

TO_GATE = ("dataset", "candidate", "evaluation", "promotion")


def train_to_gate(model: GovernedModel, executor: dg.ExecutorDefinition) -> Any:
    return dg.define_asset_job(
        f"{model.name}_train_to_gate",
        selection=dg.AssetSelection.assets(*(stage_key(model, stage) for stage in TO_GATE)),
        description=f"Data, training, evaluation and the promotion gate of {model.name}.",
        executor_def=executor,
        tags={"lifecycle/model": model.name},
    )


def deploy(model: GovernedModel, executor: dg.ExecutorDefinition) -> Any:
    return _of_one_stage(
        model, "deployment", f"{model.name}_deploy", "Asks the deployment gate and rolls one version out, by digest.", executor
    )


def rollback(model: GovernedModel, executor: dg.ExecutorDefinition) -> Any:
    return _of_one_stage(model, "rollback", f"{model.name}_rollback", "Takes what serves back to the last allowed version.", executor)


def recall(model: GovernedModel, executor: dg.ExecutorDefinition) -> Any:
    return _of_one_stage(
        model, "recall", f"{model.name}_recall", "Asks again what a version that was taken out decided, and lists what differs.", executor
    )


def monitor(model: GovernedModel, executor: dg.ExecutorDefinition) -> Any:
    return _of_one_stage(model, "monitoring", f"{model.name}_monitor", "Judges a window of the prediction log.", executor)


def _of_one_stage(model: GovernedModel, stage: str, name: str, description: str, executor: dg.ExecutorDefinition) -> Any:
    selection = dg.AssetSelection.assets(stage_key(model, stage))
    return dg.define_asset_job(
        name, selection=selection, description=description, executor_def=executor, tags={"lifecycle/model": model.name}
    )

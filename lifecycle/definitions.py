"""Declarations → Definitions: what workspace.yaml names, and the explicit way for other projects."""

from __future__ import annotations

import importlib
import os

import dagster as dg

from lifecycle.automation import jobs, schedules, sensors
from lifecycle.automation.outbox import lineage_outbox
from lifecycle.automation.terminal import terminal
from lifecycle.declaration import GovernedModel
from lifecycle.errors import InvalidDeclaration
from lifecycle.resources import RunsOn
from lifecycle.stages.anchoring import anchoring_asset
from lifecycle.stages.candidate import candidate_asset
from lifecycle.stages.compaction import compaction_asset
from lifecycle.stages.dataset import dataset_asset
from lifecycle.stages.deployment import deployment_asset
from lifecycle.stages.evaluation import evaluation_asset
from lifecycle.stages.lineage_export import lineage_export_asset
from lifecycle.stages.monitoring import monitoring_asset
from lifecycle.stages.promotion import promotion_asset
from lifecycle.stages.recall import recall_asset
from lifecycle.stages.reconciliation import reconciliation_asset
from lifecycle.stages.rollback import rollback_asset
from lifecycle.wiring import Departments

STAGES = (
    dataset_asset,
    candidate_asset,
    evaluation_asset,
    promotion_asset,
    deployment_asset,
    monitoring_asset,
    rollback_asset,
    recall_asset,
)


def model_definitions(model: GovernedModel, runs_on: RunsOn) -> dg.Definitions:
    """The assets, jobs, schedules and sensors of one governed model, in a group of its own."""
    train, deploy = jobs.train_to_gate(model, runs_on.executor), jobs.deploy(model, runs_on.executor)
    rollback, monitor = jobs.rollback(model, runs_on.executor), jobs.monitor(model, runs_on.executor)
    return dg.Definitions(
        assets=[stage(model, runs_on) for stage in STAGES],
        jobs=[train, deploy, rollback, monitor, jobs.recall(model, runs_on.executor)],
        schedules=[schedules.retraining(model, train), schedules.monitoring(model, monitor)],
        sensors=[
            sensors.approvals(model, deploy),
            sensors.new_data(model, train),
            sensors.breaches(model, train),
            sensors.rollbacks(model, rollback),
            sensors.decay(model, rollback),
            sensors.broken_deployments(model, f"{model.name}_deploy"),
        ],
    )


def audit_definitions(runs_on: RunsOn) -> dg.Definitions:
    """What is about no one model: each day the lineage export, what is sent of it, the reconciliation, and the predictions as Parquet."""
    lineage, accounts, answered = lineage_export_asset(), reconciliation_asset(), compaction_asset()
    export = dg.define_asset_job("audit_lineage_export", selection=dg.AssetSelection.assets(lineage), executor_def=runs_on.executor)
    compare = dg.define_asset_job("audit_reconciliation", selection=dg.AssetSelection.assets(accounts), executor_def=runs_on.executor)
    compact = dg.define_asset_job("audit_compaction", selection=dg.AssetSelection.assets(answered), executor_def=runs_on.executor)
    return dg.Definitions(
        assets=[lineage, accounts, answered],
        jobs=[export, compare, compact],
        schedules=[schedules.lineage_export(export), schedules.reconciliation(compare), schedules.compaction(compact)],
        sensors=[lineage_outbox()],
    )


def anchoring_definitions(runs_on: RunsOn, schedule: str | None) -> dg.Definitions:
    """What has the declared anchors see the ledger, by this schedule; nothing, where none are declared."""
    if schedule is None:
        return dg.Definitions()
    asset = anchoring_asset()
    job = dg.define_asset_job("audit_anchoring", selection=dg.AssetSelection.assets(asset), executor_def=runs_on.executor)
    return dg.Definitions(assets=[asset], jobs=[job], schedules=[schedules.ledger_anchor(job, schedule)])


def where_runs_run(runs_on: RunsOn) -> dg.Definitions:
    """What all of it runs on. Merged any number of times it is there once, because these are the same objects."""
    return dg.Definitions(resources=dict(runs_on.resources), executor=runs_on.executor, loggers={"console": terminal})


def build_definitions(models: tuple[GovernedModel, ...], runs_on: RunsOn, anchoring: str | None = None) -> dg.Definitions:
    """Everything: the models, the audit exports, the anchoring by its declared schedule, and where runs run."""
    return dg.Definitions.merge(
        *(model_definitions(model, runs_on) for model in models),
        audit_definitions(runs_on),
        anchoring_definitions(runs_on, anchoring),
        where_runs_run(runs_on),
    )


def runs_on_named(name: str) -> RunsOn:
    """`resources/<name>.py` of the project. Raises InvalidDeclaration where it exports no `runs_on`."""
    try:
        module = importlib.import_module(f"resources.{name}")
    except ModuleNotFoundError as error:
        raise InvalidDeclaration(
            f"The project has no resources/{name}.py ({error}).",
            "Make resources/__init__.py and resources/local.py with `runs_on = RunsOn(...)`.",
        ) from error
    runs_on = getattr(module, "runs_on", None)
    if not isinstance(runs_on, RunsOn):
        raise InvalidDeclaration(f"resources/{name}.py exports no `runs_on`.", "Set `runs_on = RunsOn(resources=…, executor=…)` in it.")
    return runs_on


@dg.definitions
def lifecycle_definitions() -> dg.Definitions:
    """The project that the current folder (or LIFECYCLE_PROJECT) is, where LIFECYCLE_RESOURCES says it runs (`local`)."""
    departments = Departments.here()
    models = departments.models
    return build_definitions(models, runs_on_named(os.environ.get("LIFECYCLE_RESOURCES", "local")), departments.anchors.schedule)

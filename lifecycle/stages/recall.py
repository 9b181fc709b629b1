"""<model>/recall: what a version that was taken out told callers, asked again of the version that serves now. By hand."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.errors import InvalidDeclaration
from lifecycle.life.lineage import write_files
from lifecycle.life.recall import Recall, recall_version
from lifecycle.life.recall_export import listed_as_csv
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.records.record import Microseconds
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, failures, stage_asset, stage_key, step_of
from lifecycle.stages.tables import differing_table


class RecallConfig(dg.Config):
    """Which version, and from when on its decisions are looked at (ISO 8601, UTC where it says no other); all of them without it."""

    version: int = 0
    since: str = ""


def recall_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    whole = dg.AssetCheckSpec(
        "whole",
        asset=stage_key(model, "recall"),
        description="Every decision of the version was found as it was sealed: none altered, none that lies elsewhere or is missing.",
    )

    @stage_asset(
        model,
        "recall",
        {"csv"},
        runs_on,
        after=("deployment",),
        description="Which decisions of a version that was taken out would be others today; `lifecycle recall` says whom they are about.",
        checks=(whole,),
    )
    def recall(context: dg.AssetExecutionContext, config: RecallConfig, lifecycle: LifecycleResource) -> StageResult:
        departments = lifecycle.departments()
        with failures(context):
            if config.version < 1:
                raise InvalidDeclaration(f"Which version of {model.name} is recalled is not said.", "Give the config `version`.")
            found = recall_version(departments, model.name, config.version, since_us=_since_us(config.since), step=step_of(context))
            folder = departments.folder("exports/recalls")
            # The list as the ledger has its digest: it names nobody, so that no erasure leaves somebody behind in a file of Dagster's.
            name = f"{model.name}-{config.version}-record-{found.recorded.index}.csv"
            (export,) = write_files(folder, {name: listed_as_csv(found.listed)})
        return StageResult(
            data_version=dg.DataVersion(found.body.list_digest),
            metadata={**_figures(found), "export": dg.MetadataValue.path(str(export)), LEDGER_INDEX: found.recorded.index},
            check_results=[
                dg.AssetCheckResult(
                    check_name="whole",
                    passed=found.body.whole,
                    severity=dg.AssetCheckSeverity.ERROR,
                    metadata={"altered": found.body.altered, "not in this home": found.body.unread},
                )
            ],
        )

    return recall


def _figures(found: Recall) -> dict[str, Any]:
    body = found.body
    return {
        "version": str(found.recorded.event.subject),
        "asked again of": f"version {body.by_version}" if body.by_version is not None else "nothing: no version serves",
        "decisions": body.decisions,
        "asked again": body.rescored,
        "would be others now": body.differing,
        "not asked: erased": body.erased,
        "not asked: altered": body.altered,
        "not asked: not taken": body.not_taken,
        "sealed, and not in this home": body.unread,
        "those that differ": differing_table(found.listed.differing),
    }


def _since_us(text: str) -> Microseconds | None:
    """When, in microseconds; None for no word about it. Raises InvalidDeclaration for what is no time."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidDeclaration(f"{text!r} is no time.", "Write `since` as 2026-11-20 or 2026-11-20T08:00:00.") from error
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)

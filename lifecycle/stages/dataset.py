"""<model>/dataset: reads the source, checks its contract, profile and leakage, and stores it by content."""

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import standing
from lifecycle.life.ingestion import ingest_dataset
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, failures, stage_asset, step_of


def dataset_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    contract = dg.AssetCheckSpec("contract", asset=dg.AssetKey([model.name, "dataset"]), description="The rows keep the declared contract.")
    leakage = dg.AssetCheckSpec("leakage", asset=dg.AssetKey([model.name, "dataset"]), description="No single column knows the answer.")

    @stage_asset(
        model,
        "dataset",
        {"pandera", "parquet"},
        runs_on,
        description=f"The data that {model.name} learns from, as one version stored by content. {model.description}",
        checks=(
            contract,
            leakage,
        ),
    )
    def dataset(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        with failures(context):
            recorded = ingest_dataset(lifecycle.departments(), model, step_of(context))
        body = standing.body_of(recorded, DatasetIngested)
        return StageResult(
            data_version=dg.DataVersion(recorded.event.subject.digest or ""),
            metadata={
                "dagster/row_count": body.rows,
                "digest": recorded.event.subject.digest or "",
                "source": body.source,
                "licence": body.licence,
                LEDGER_INDEX: recorded.index,
                "splits": dg.MetadataValue.table([dg.TableRecord({"split": split, "rows": rows}) for split, rows in body.splits.items()]),
                "columns": dg.MetadataValue.table(
                    [
                        dg.TableRecord(
                            {
                                "column": column.column,
                                "kind": column.kind,
                                "missing": column.missing,
                                "distinct": column.distinct,
                                "single-feature AUC": round(body.single_feature_auc.get(column.column, 0.5), 3),
                            }
                        )
                        for column in body.columns
                    ]
                ),
                "duplicate rows": body.duplicate_rows,
                "suspected label flips": body.suspected_label_flips,
                "largest single-feature AUC": max(body.single_feature_auc.values(), default=0.5),
            },
            check_results=[
                dg.AssetCheckResult(check_name="contract", passed=True, metadata={"contract": body.contract}),
                dg.AssetCheckResult(
                    check_name="leakage", passed=not body.leaking_columns, metadata={"columns": ", ".join(body.leaking_columns) or "none"}
                ),
            ],
        )

    return dataset

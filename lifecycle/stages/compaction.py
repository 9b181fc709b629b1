"""audit/predictions: the sealed segments of the prediction log as Parquet, with what proves them."""

import dagster as dg

from lifecycle.life.compaction import compact_predictions
from lifecycle.resources import LifecycleResource
from lifecycle.stages.stage import StageResult, failures

KEY = dg.AssetKey(["audit", "predictions"])


def compaction_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        group_name="audit",
        kinds={"parquet"},
        description="Every sealed segment of the prediction log, as Parquet, with the proof that its rows are those that were sealed.",
    )
    def predictions(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        departments = lifecycle.departments()
        with failures(context):
            folder = departments.folder("exports/predictions")
            compacted = compact_predictions(departments, folder)
            for fault in compacted.faults:
                context.log.error(fault)
            compacted.require_whole()
        return StageResult(
            data_version=dg.DataVersion(compacted.digest),
            metadata={
                "folder": dg.MetadataValue.path(str(folder)),
                "rows": compacted.rows,
                "segments": sum(len(one.segments) for one in compacted.files),
                "segments that wait for a ledger checkpoint": compacted.waiting,
                "files": dg.MetadataValue.table(
                    [
                        dg.TableRecord({"model": one.model, "file": one.file, "rows": one.rows, "digest": one.digest})
                        for one in compacted.files
                    ]
                    or [dg.TableRecord({"model": "", "file": "nothing new", "rows": 0, "digest": ""})]
                ),
            },
        )

    return predictions

"""audit/lineage_export: the lineage of everything, from the ledger, in the field's formats."""

import dagster as dg

from lifecycle.life.lineage import export_lineage
from lifecycle.resources import LifecycleResource
from lifecycle.stages.stage import StageResult, failures


def lineage_export_asset() -> dg.AssetsDefinition:
    @dg.asset(
        name="lineage_export",
        key_prefix="audit",
        group_name="audit",
        kinds={"openlineage"},
        description="The whole ledger as OpenLineage, W3C PROV, CycloneDX ML-BOM and signed in-toto attestations. Same ledger, same bytes.",
    )
    def lineage_export(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        departments = lifecycle.departments()
        with failures(context):
            folder = departments.folder("exports")
            exported = export_lineage(departments, folder)
        return StageResult(
            data_version=dg.DataVersion(exported.digest),
            metadata={
                "folder": dg.MetadataValue.path(str(folder)),
                "files": dg.MetadataValue.table(
                    [dg.TableRecord({"file": path.name, "bytes": len(content)}) for path, content in exported.files.items()]
                ),
                "events": exported.size,
            },
        )

    return lineage_export

"""audit/lineage_export: the lineage of everything, from the ledger, in the field's formats."""

import hashlib

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
        from lifecycle.lineage.export import FORMATS

        departments = lifecycle.departments()
        content = hashlib.sha256()
        with failures(context):
            folder = departments.folder("exports")
            written = [path for form in FORMATS for path in export_lineage(departments, form, folder / form)]
        for path in written:
            content.update(path.read_bytes())
        return StageResult(
            data_version=dg.DataVersion(f"sha256:{content.hexdigest()}"),
            metadata={
                "folder": dg.MetadataValue.path(str(folder)),
                "files": dg.MetadataValue.table([dg.TableRecord({"file": path.name, "bytes": path.stat().st_size}) for path in written]),
                "events": departments.ledger.head().size,
            },
        )

    return lineage_export

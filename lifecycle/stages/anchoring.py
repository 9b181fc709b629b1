"""audit/anchoring: every declared anchor sees the ledger."""

import dagster as dg

from lifecycle.life.anchoring import Anchored, anchor_ledger, exposure
from lifecycle.records.record import canonical_bytes, digest_of
from lifecycle.resources import LifecycleResource
from lifecycle.stages.stage import StageResult, failures

KEY = dg.AssetKey(["audit", "anchoring"])


def anchoring_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        group_name="audit",
        description="Has the ledger signed, and every anchor of governance/anchors.yaml see it (`lifecycle ledger anchor`).",
    )
    def anchoring(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        departments = lifecycle.departments()
        with failures(context):
            outcomes = anchor_ledger(departments)
            open_to = exposure(departments)
        for error in (found.error for found in outcomes if found.error is not None):
            context.log.warning(str(error))
        with failures(context):
            # Every one was asked, and what they answered is kept; now the first that did not see it fails the run.
            for found in outcomes:
                if found.error is not None:
                    raise found.error
        return StageResult(
            data_version=dg.DataVersion(digest_of(canonical_bytes([_told(found) for found in outcomes]))),
            metadata={
                "anchors": dg.MetadataValue.table([dg.TableRecord(_told(found)) for found in outcomes]),
                "records that no anchor has seen": open_to.leaves_since if open_to else departments.ledger.head().size,
            },
        )

    return anchoring


def _told(found: Anchored) -> dict[str, str | int]:
    size = found.receipt.size if found.receipt is not None else 0
    return {"anchor": found.name, "kind": found.kind, "records": size, "outcome": "had seen it" if found.again else "has seen it"}

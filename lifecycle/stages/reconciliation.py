"""audit/reconciliation: the ledger held against this very Dagster's history and the gateway's counters."""

from typing import Any

import dagster as dg

from lifecycle.history import read_history
from lifecycle.life.reconciling.reconciliation import reconcile
from lifecycle.records.record import canonical_bytes, digest_of
from lifecycle.resources import LifecycleResource
from lifecycle.stages.stage import StageResult, failures

KEY = dg.AssetKey(["audit", "reconciliation"])


def reconciliation_asset() -> dg.AssetsDefinition:
    agrees = dg.AssetCheckSpec(
        "agrees",
        asset=KEY,
        description="Nothing here contradicts the ledger. Whoever can write to this Dagster can forge this check, like any other: "
        "believe what `lifecycle ledger reconcile` says.",
    )

    @dg.asset(
        key=KEY,
        group_name="audit",
        description="What Dagster's history and the gateway's counters say otherwise than the ledger (`lifecycle ledger reconcile`).",
        check_specs=[agrees],
    )
    def reconciliation(context: dg.AssetExecutionContext, lifecycle: LifecycleResource) -> StageResult:
        with failures(context):
            found = reconcile(lifecycle.departments(), read_history(context.instance, "this Dagster"))
        metadata: dict[str, Any] = {
            "events": found.size,
            **{what.replace("_", " "): count for what, count in found.looked_at.items()},
            "contradictions": _table([(one.source, one.what) for one in found.contradictions]),
            "told": _table([(one.source, one.what) for one in found.told]),
        }
        said = canonical_bytes([found.size, [one.what for one in found.contradictions], [one.what for one in found.told]])
        passed = dg.AssetCheckResult(
            check_name="agrees",
            passed=found.ok,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"contradictions": len(found.contradictions)},
        )
        return StageResult(data_version=dg.DataVersion(digest_of(said)), metadata=metadata, check_results=[passed])

    return reconciliation


def _table(rows: list[tuple[str, str]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord({"account": source, "what": what}) for source, what in rows or [("", "nothing")]])

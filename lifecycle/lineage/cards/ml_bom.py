"""A model card as CycloneDX 1.6 has it within an ML-BOM: parameters, figures, considerations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifecycle.lineage.cards.limits import known_limits
from lifecycle.lineage.cards.markdown import share
from lifecycle.lineage.cards.version import VersionRecords
from lifecycle.records.evidence import Evidence, Measurement
from lifecycle.records.record import JsonObject


def ml_bom_card(records: VersionRecords) -> JsonObject:
    """The card of one version. Numbers are decimal text, as CycloneDX wants them."""
    body, declared = records.trained.body, records.trained.body.declared
    dataset = body.dataset_digest
    card: dict[str, Any] = {
        "bom-ref": f"card/{records.name}",
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "binary classification",
            "datasets": [{"ref": f"dataset/{dataset}"}],
            "outputs": [{"format": "the probability of the positive outcome"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_metrics(records))},
        "considerations": {
            "users": [f"Team {declared.team}; owner {declared.owner}"],
            "useCases": [f"{declared.purpose} in {declared.jurisdiction}, and no other"],
            "technicalLimitations": [f"{limit.says} (record {limit.index})" for limit in known_limits(records)],
            "ethicalConsiderations": [
                {
                    "name": f"Risk tier {declared.risk_tier}",
                    "mitigationStrategy": f"Limits {declared.limits}, approvals, and a rollout in {len(declared.rollout.steps)} steps",
                }
            ],
            "fairnessAssessments": list(_groups(records.evidence)),
        },
        "properties": [{"name": "lifecycle:ledger:index", "value": str(records.trained.index)}],
    }
    return card


def _metrics(records: VersionRecords) -> Iterator[JsonObject]:
    measured = {} if records.evaluated is None else dict(records.evaluated.body.headline)
    if records.evidence is not None:
        measured |= records.evidence.metrics
    yield from (_metric(name, value, "test split") for name, value in sorted(measured.items()))
    for one in () if records.evidence is None else records.evidence.slices:
        yield from (_metric(name, value, f"{one.column} = {one.group}") for name, value in sorted(one.metrics.items()))


def _metric(name: str, value: Measurement, where: str) -> JsonObject:
    interval: JsonObject = {"lowerBound": f"{value.low:.6g}", "upperBound": f"{value.high:.6g}"}
    return {"type": name, "value": f"{value.value:.6g}", "slice": where, "confidenceInterval": interval}


def _groups(evidence: Evidence | None) -> Iterator[JsonObject]:
    for fairness in () if evidence is None else evidence.fairness:
        for one in fairness.groups:
            rates = (
                f"selected {share(one.selection_rate)}, true positive rate {share(one.true_positive_rate)}, "
                f"false positive rate {share(one.false_positive_rate)}"
            )
            said = rates if one.enough_data else "not known, for want of rows"
            yield {"groupAtRisk": f"{fairness.attribute} = {one.group} ({one.n} rows)", "harms": f"Measured: {said}"}

"""Records as the tables and plots that people look at in Dagster's pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import dagster as dg

from lifecycle.records.evidence import Evidence, Measurement
from lifecycle.records.gates import GateResult
from lifecycle.records.recall import DifferingDecision
from lifecycle.records.rollout import ArmCounts

#: So many decisions are shown in a table; its export has all.
DECISIONS_SHOWN = 50


def measurement(value: Measurement | None) -> str:
    """`0.836 [0.812, 0.858] n=1113`."""
    return "not enough data" if value is None else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}] n={value.n}"


def metrics_table(evidence: Evidence) -> dg.TableMetadataValue:
    compared = {c.metric: c for c in evidence.against_champion.comparisons} if evidence.against_champion else {}
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "metric": name,
                    "candidate": measurement(value),
                    evidence.baseline_name: measurement(evidence.baseline.get(name)),
                    "champion": measurement(compared[name].champion) if name in compared else "no champion",
                }
            )
            for name, value in evidence.metrics.items()
        ]
    )


def slices_table(evidence: Evidence) -> dg.TableMetadataValue:
    """Every slice with its metrics; one that is below the minimum n says so."""
    names = list(evidence.metrics)
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {"slice": f"{part.column} = {part.group}", "n": part.n, **{name: measurement(part.metrics.get(name)) for name in names}}
            )
            for part in evidence.slices
        ]
        or [dg.TableRecord({"slice": "none declared", "n": 0, **dict.fromkeys(names, "")})]
    )


def fairness_table(evidence: Evidence) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "attribute": fairness.attribute,
                    "groups": "; ".join(
                        f"{group.group}: {group.selection_rate:.2f} (n={group.n})"
                        if group.selection_rate is not None
                        else f"{group.group}: not enough data"
                        for group in fairness.groups
                    ),
                    "demographic parity difference": measurement(fairness.demographic_parity_difference),
                    "demographic parity ratio": measurement(fairness.demographic_parity_ratio),
                    "equalised odds difference": measurement(fairness.equalised_odds_difference),
                }
            )
            for fairness in evidence.fairness
        ]
        or [dg.TableRecord({"attribute": "none declared", "groups": ""})]
    )


def violations_table(result: GateResult) -> dg.TableMetadataValue:
    found = [
        dg.TableRecord(
            {
                "rule": violation.rule,
                "severity": violation.severity,
                "what": violation.message,
                "observed": violation.observed,
                "limit": violation.limit,
                "fix": violation.fix,
            }
        )
        for violation in result.violations
    ]
    return dg.MetadataValue.table(
        found or [dg.TableRecord({"rule": "none", "severity": "", "what": "every rule holds", "observed": "", "limit": "", "fix": ""})]
    )


def arms_table(arms: Iterable[ArmCounts]) -> dg.TableMetadataValue:
    rows = [
        dg.TableRecord(
            {
                "arm": arm.arm,
                "version": arm.version or 0,
                "weight": arm.weight,
                "requests": arm.requests,
                "errors": arm.errors,
                "slow": arm.slow,
                "answered by the champion instead": arm.fallbacks,
            }
        )
        for arm in arms
    ]
    return dg.MetadataValue.table(
        rows or [dg.TableRecord({"arm": "none", "version": 0, "weight": 0.0, "requests": 0, "errors": 0, "slow": 0})]
    )


def differing_table(differing: Sequence[DifferingDecision]) -> dg.TableMetadataValue:
    """The first decisions that would be others today."""
    rows = [
        dg.TableRecord(
            {
                "prediction": one.prediction_id,
                "told": f"{one.told.decision} ({one.told.probability:.3f})",
                "now": f"{one.now.decision} ({one.now.probability:.3f})",
            }
        )
        for one in islice(differing, DECISIONS_SHOWN)
    ]
    return dg.MetadataValue.table(rows or [dg.TableRecord({"prediction": "none", "told": "", "now": ""})])

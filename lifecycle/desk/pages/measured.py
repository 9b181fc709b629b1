"""What was measured of a version, row by row, each beside its limit and what the gate said of it.

Which limit stands beside which number is the policy's to say; `METRICS` and its like only know where the policy of this project says
it (tests/desk/pages/test_measured.py holds them against the Rego). A rule that a policy does not have leaves its row without a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lifecycle.desk.pages.judgement import Judgement, Verdict
from lifecycle.desk.plots.strips import Bound
from lifecycle.measures.names import Metric
from lifecycle.records.evidence import Comparison, Disturbance, Disturbed, Evidence, Fairness, Measurement, SliceComparison, SliceMetrics


@dataclass(frozen=True)
class Ruled:
    """Where a policy limits a number: its rule, the name of its limit, and on which side that lies."""

    rule: str
    limit: str
    kind: Literal["least", "most"]
    #: −1 for a margin: the limit is how far below zero a difference may be.
    sign: float = 1.0


METRICS: Mapping[str, Ruled] = {
    "auc": Ruled("PRM-004", "auc_least", "least"),
    "accuracy": Ruled("PRM-005", "accuracy_least", "least"),
    "calibration_error": Ruled("PRM-006", "calibration_error_most", "most"),
}
DIFFERENCES: Mapping[str, Ruled] = {
    "auc": Ruled("PRM-007", "regression_margin", "least", -1.0),
    "accuracy": Ruled("PRM-007", "regression_margin", "least", -1.0),
}
SLICES = Ruled("PRM-008", "slice_regression_margin", "least", -1.0)
FAIRNESS: Mapping[str, Ruled] = {
    "demographic_parity_difference": Ruled("PRM-009", "demographic_parity_most", "most"),
    "equalised_odds_difference": Ruled("PRM-010", "equalised_odds_most", "most"),
}
PARITY = Ruled("PRM-012", "parity_most", "most")
DRIFT = Ruled("PRM-013", "psi_most", "most")
ROBUSTNESS = Ruled("PRM-021", "robustness_margin", "least", -1.0)
ROWS = Ruled("PRM-003", "rows_least", "least")

#: In the order in which they are shown: how each is called, and whether more of it is better.
NAMES: Mapping[Metric, tuple[str, bool]] = {
    "auc": ("AUC", True),
    "accuracy": ("Accuracy", True),
    "calibration_error": ("Calibration error", False),
    "brier": ("Brier score", False),
    "log_loss": ("Log loss", False),
}
#: What is done to the rows, as the page says it.
DISTURBANCES: Mapping[Disturbance, str] = {"noise": "Numbers moved a little", "categories": "Some categories drawn anew"}


@dataclass(frozen=True)
class Row:
    """One number with its interval, its limit and its verdict. `reference` is the value that it is seen beside."""

    name: str
    label: str
    measured: Measurement
    bound: Bound | None
    verdict: Verdict
    more_is_better: bool | None = None
    reference: float | None = None


@dataclass(frozen=True)
class ComparedRow:
    """One metric of candidate and champion on the same rows; `difference` is candidate minus champion."""

    candidate: Measurement
    champion: Measurement
    difference: Row


@dataclass(frozen=True)
class SliceRow:
    """One group of rows, with what was measured in it and by how much that differs from the champion."""

    column: str
    group: str
    n: int
    enough_data: bool
    metrics: Mapping[str, Measurement]
    against: Mapping[str, Row]
    verdict: Verdict


@dataclass(frozen=True)
class FairnessRows:
    """One protected attribute: what each group experiences, and how far the groups are apart."""

    found: Fairness
    differences: tuple[Row, ...]


@dataclass(frozen=True)
class DriftRow:
    column: str
    psi: float
    verdict: Verdict


@dataclass(frozen=True)
class DisturbedRow:
    """One disturbance of the test rows: what it does to the AUC, and how many decisions it changes."""

    strength: float
    auc_difference: Row
    decisions_changed: float


@dataclass(frozen=True)
class Measured:
    """Everything that was measured of a version, in the order of the page."""

    evidence: Evidence
    metrics: tuple[Row, ...]
    against: tuple[ComparedRow, ...]
    slices: tuple[SliceRow, ...]
    slice_bound: Bound | None
    fairness: tuple[FairnessRows, ...]
    drift: tuple[DriftRow, ...]
    drift_bound: Bound | None
    robustness: tuple[DisturbedRow, ...]
    robustness_bound: Bound | None
    parity_verdict: Verdict
    parity_bound: Bound | None
    rows_verdict: Verdict
    rows_bound: Bound | None


def measured(evidence: Evidence, judgement: Judgement | None) -> Measured:
    """The rows of an evidence document under the newest judgement on it; `unjudged` where there is none."""
    champion = evidence.against_champion
    compared = {(one.column, one.group): one for one in champion.slices} if champion else {}
    return Measured(
        evidence=evidence,
        metrics=tuple(
            Row(
                name,
                label,
                evidence.metrics[name],
                _bound(judgement, METRICS.get(name)),
                _verdict(judgement, METRICS.get(name)),
                better,
                evidence.baseline[name].value if name in evidence.baseline else None,
            )
            for name, (label, better) in NAMES.items()
            if name in evidence.metrics
        ),
        against=tuple(_compared(found, judgement) for found in _in_order(champion.comparisons if champion else ())),
        slices=tuple(_slice(found, compared.get((found.column, found.group)), judgement) for found in evidence.slices),
        slice_bound=_bound(judgement, SLICES),
        fairness=tuple(_fairness(found, judgement) for found in evidence.fairness),
        drift=tuple(
            DriftRow(found.column, found.psi, _verdict(judgement, DRIFT, found.column))
            for found in sorted(evidence.drift, key=lambda found: (-found.psi, found.column))
        ),
        drift_bound=_bound(judgement, DRIFT),
        robustness=tuple(_disturbed(found, judgement) for found in evidence.robustness or ()),
        robustness_bound=_bound(judgement, ROBUSTNESS),
        parity_verdict=_verdict(judgement, PARITY),
        parity_bound=_bound(judgement, PARITY),
        rows_verdict=_verdict(judgement, ROWS),
        rows_bound=_bound(judgement, ROWS),
    )


def _in_order(comparisons: Sequence[Comparison]) -> list[Comparison]:
    places: dict[str, int] = {name: place for place, name in enumerate(NAMES)}
    return sorted(comparisons, key=lambda found: places.get(found.metric, len(places)))


def _compared(found: Comparison, judgement: Judgement | None) -> ComparedRow:
    label, better = _named(found.metric)
    ruled = DIFFERENCES.get(found.metric)
    verdict = _verdict(judgement, ruled, found.metric)
    return ComparedRow(
        found.candidate, found.champion, Row(found.metric, label, found.difference, _bound(judgement, ruled), verdict, better)
    )


def _slice(found: SliceMetrics, compared: SliceComparison | None, judgement: Judgement | None) -> SliceRow:
    verdict = _verdict(judgement, SLICES, f"{found.column} = {found.group}") if compared and found.enough_data else "unlimited"
    against = {
        one.metric: Row(one.metric, _named(one.metric)[0], one.difference, _bound(judgement, SLICES), verdict, _named(one.metric)[1])
        for one in (compared.comparisons if compared else ())
    }
    return SliceRow(found.column, found.group, found.n, found.enough_data, found.metrics, against, verdict)


def _fairness(found: Fairness, judgement: Judgement | None) -> FairnessRows:
    told = {
        "demographic_parity_difference": ("Difference of selection rates", found.demographic_parity_difference),
        "equalised_odds_difference": ("Difference of error rates", found.equalised_odds_difference),
    }
    rows = [
        Row(name, label, value, _bound(judgement, FAIRNESS[name]), _verdict(judgement, FAIRNESS[name], found.attribute), False)
        for name, (label, value) in told.items()
        if value is not None
    ]
    return FairnessRows(found, tuple(rows))


def _disturbed(found: Disturbed, judgement: Judgement | None) -> DisturbedRow:
    name = found.disturbance
    label = DISTURBANCES[name]
    verdict = _verdict(judgement, ROBUSTNESS, name)
    return DisturbedRow(
        found.strength, Row(name, label, found.auc_difference, _bound(judgement, ROBUSTNESS), verdict), found.decisions_changed
    )


def _named(metric: str) -> tuple[str, bool | None]:
    for name, told in NAMES.items():
        if name == metric:
            return told
    return metric.replace("_", " "), None


def _bound(judgement: Judgement | None, ruled: Ruled | None) -> Bound | None:
    if judgement is None or ruled is None or ruled.limit not in judgement.limits:
        return None
    return Bound(ruled.sign * judgement.limits[ruled.limit], ruled.kind)


def _verdict(judgement: Judgement | None, ruled: Ruled | None, subject: str | None = None) -> Verdict:
    if ruled is None:
        return "unlimited"
    return "unjudged" if judgement is None else judgement.verdict(ruled.rule, subject)

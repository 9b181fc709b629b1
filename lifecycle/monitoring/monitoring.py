"""Watching one version over one window: verdicts, a report, and the body of the event that records them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.monitoring import verdicts
from lifecycle.monitoring.decay import decay
from lifecycle.monitoring.page import page
from lifecycle.monitoring.quality import quality_of
from lifecycle.monitoring.report import Report, input_report, outcome_report, rounded
from lifecycle.monitoring.shifts import shift_of_numbers, shifts_of
from lifecycle.monitoring.traffic import Traffic, traffic_of
from lifecycle.monitoring.verdicts import Watch
from lifecycle.monitoring.yardstick import Yardstick
from lifecycle.records.bodies.serving import MonitoringReported
from lifecycle.records.evidence import Measurement
from lifecycle.records.record import HOUR_US, JsonObject, Microseconds, Name, Version, canonical_bytes, digest_of


@dataclass(frozen=True)
class Monitored:
    """The body to record, and the two forms of the report that it names by digest. Both are None where nothing was answered."""

    body: MonitoringReported
    html: bytes | None
    json: bytes | None

    @property
    def breached(self) -> tuple[str, ...]:
        """The guardrails that are breached, by name."""
        return tuple(one.guardrail for one in self.body.verdicts if one.verdict == "breached")


def report_window(
    rows: Iterable[Mapping[str, Any]],
    *,
    model: Name,
    version: Version,
    from_us: Microseconds,
    to_us: Microseconds,
    yardstick: Yardstick,
    watch: Watch,
    seed: int = 7,
) -> Monitored:
    """What a version did in [from_us, to_us), held against its limits and its yardstick.

    `rows` are those of the prediction log for all versions of the model: a canary's failure stands in the row of whoever answered in
    its place. Raises MalformedRecord for a row that is not one.
    """
    rows, positive = list(rows), yardstick.positive
    traffic = traffic_of(rows, version=version, from_us=from_us, to_us=to_us)
    trained_on, inputs = yardstick.trained_on, traffic.inputs(yardstick.columns)
    shifts = shifts_of(trained_on, inputs, numbers=yardstick.numbers, categories=yardstick.categories)
    quality = quality_of(traffic.labelled(), positive=positive, seed=seed)
    latencies = _latencies(traffic)
    judged = [
        verdicts.errors(traffic.failed, traffic.requests, watch),
        verdicts.latency(latencies.get("p99"), len(traffic.answered), watch),
        verdicts.drift("drift", shifts, watch),
    ]
    if yardstick.probabilities is not None and traffic.answered:
        moved = shift_of_numbers(yardstick.probabilities, traffic.probabilities())
        judged.append(verdicts.drift("output_shift", {"output": moved}, watch))
    right = verdicts.accuracy(quality.get("accuracy"), watch)
    judged += [right] if right is not None else []
    mature_until = to_us - round(watch.labels_mature_hours * HOUR_US)
    judged += decay(
        traffic.labelled(mature_until),
        _held_out(rows, version, from_us, mature_until),
        positive=positive,
        slices=yardstick.slices,
        evaluation=yardstick.evaluation,
        minimum_n=watch.minimum_n,
    )
    reports, missing = _reports(traffic, yardstick, watch.psi_limit, seed)
    body = MonitoringReported(
        window_from_us=from_us,
        window_to_us=to_us,
        rows=traffic.requests,
        labelled_rows=len(traffic.labelled()),
        verdicts=tuple(judged),
        psi={column: shift.psi for column, shift in shifts.items()},
        summary=_summary(traffic, latencies, quality, positive, missing),
        report_json_digest=None,
        report_html_digest=None,
    )
    if not traffic.answered:
        return Monitored(body, None, None)
    name = f"{model}:{version}"
    record, html = _record(name, body, reports), page(name, traffic, judged, body.psi, quality, reports)
    return Monitored(body.model_copy(update={"report_json_digest": digest_of(record), "report_html_digest": digest_of(html)}), html, record)


def _held_out(rows: Sequence[Mapping[str, Any]], version: Version, from_us: Microseconds, to_us: Microseconds) -> list[Mapping[str, Any]]:
    """The labelled answers of the version before, for the callers that stay with it."""
    return [
        row
        for row in rows
        if row.get("arm") == "holdout"
        and row["version"] not in (None, version)
        and row["outcome"] == "answered"
        and row["label"] is not None
        and from_us <= row["at_us"] < to_us
    ]


def _reports(traffic: Traffic, yardstick: Yardstick, psi_limit: float, seed: int) -> tuple[list[Report], str]:
    """Evidently's reports, and why they are missing: a report that can't be drawn must not cost the verdicts."""
    if len(traffic.answered) == traffic.erased:
        return [], "every input of this window was erased" if traffic.answered else ""
    try:
        found = input_report(traffic, yardstick, psi_limit=psi_limit, seed=seed)
        outcomes = outcome_report(traffic, positive=yardstick.positive, seed=seed)
    except Unavailable as error:
        return [], error.what
    return [found] if outcomes is None else [found, outcomes], ""


def _latencies(traffic: Traffic) -> dict[str, float]:
    """The 50th, 95th and 99th percentile in milliseconds; nothing where nothing was answered."""
    import numpy as np

    if not traffic.answered:
        return {}
    found = np.quantile(traffic.latencies_ms(), (0.50, 0.95, 0.99))
    return dict(zip(("p50", "p95", "p99"), map(float, found), strict=True))


def _summary(
    traffic: Traffic, latencies: Mapping[str, float], quality: Mapping[str, Measurement], positive: str, missing: str
) -> JsonObject:
    answers = len(traffic.answered)
    decided = sum(row["output"]["decision"] == positive for row in traffic.answered)
    return {
        "requests": traffic.requests,
        "failed": traffic.failed,
        "erased_inputs": traffic.erased,
        "latency_ms": dict(latencies),
        "positive_share": decided / answers if answers else None,
        "mean_probability": float(traffic.probabilities().mean()) if answers else None,
        "quality": {name: measured.as_json() for name, measured in quality.items()},
        "report_missing": missing,
    }


def _record(name: str, body: MonitoringReported, reports: Sequence[Report]) -> bytes:
    """The record of the report, in canonical bytes: what was judged, and the value of every metric that the page draws."""
    said = {
        "version": name,
        "window_from_us": body.window_from_us,
        "window_to_us": body.window_to_us,
        "verdicts": [one.as_json() for one in body.verdicts],
        "psi": dict(body.psi),
        "summary": body.summary,
        "evidently": {report.title: report.values for report in reports},
    }
    return canonical_bytes(rounded(said))

"""What the gateway counts, as Prometheus reads it (text format 0.0.4). No label ever holds a request's id.

`request_predict_seconds` is the same time under the name and the label that KServe's own servers have, so that dashboards made for
them show a model that is served here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lifecycle.records.bodies.access import REFUSAL_REASONS, RefusalReason
from lifecycle.serving.answering.counters import CELLS, LATENCY_BOUNDS_US, REFERRAL_CELL, CellCounts, Counters, total
from lifecycle.serving.answering.router import Router
from lifecycle.serving.answering.routes import Route

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

DURATION = "lifecycle_inference_duration_seconds"
KSERVE_DURATION = "request_predict_seconds"
#: Every metric: its kind, and what it counts.
METRICS = {
    "lifecycle_inference_requests_total": ("counter", "Requests by the arm that they went to first."),
    "lifecycle_inference_errors_total": ("counter", "Requests that their arm failed to answer."),
    "lifecycle_inference_failures_total": ("counter", "The same by kind: an exception, a time-out, or what is no answer."),
    "lifecycle_inference_slow_total": ("counter", "Answers slower than the objective."),
    "lifecycle_inference_fallbacks_total": ("counter", "Requests of a failed canary that were answered in its place."),
    "lifecycle_inference_refused_total": ("counter", "Requests that callers must correct."),
    DURATION: ("histogram", "Time from the request's arrival in the router to its answer."),
    KSERVE_DURATION: ("histogram", "The same under KServe's name, over all arms of a model."),
    "lifecycle_predictions_logged_total": ("counter", "Rows that were put into the prediction log."),
    "lifecycle_shadow_dropped_total": ("counter", "Copies of requests that a shadow was too slow to take."),
    "lifecycle_refused_requests_total": ("counter", "Requests that were refused, by reason; the log of refusals names the grants."),
    "lifecycle_rollout_weight": ("gauge", "The share of the traffic that the route table gives a version."),
    "lifecycle_route_epoch": ("gauge", "The epoch of a model's route; it grows with every change."),
}


@dataclass(frozen=True, slots=True)
class ArmMetrics:
    """The counts of one arm of one model; `version` is "" for what went to a person."""

    model: str
    version: str
    arm: str
    weight: float
    counts: CellCounts


def arms_of(model: str, route: Route, counts: Sequence[CellCounts]) -> Iterable[ArmMetrics]:
    """The arms that a route has, with their counts by cell."""
    if route.champion:
        yield ArmMetrics(model, str(route.champion), "champion", route.champion_share, counts[route.champion_cell])
    else:
        yield ArmMetrics(model, "", "referral", route.champion_share, counts[REFERRAL_CELL])
    if route.canary:
        arm = "shadow" if route.copies else "canary"
        yield ArmMetrics(model, str(route.canary), arm, route.canary_share, counts[route.canary_cell])
    if route.holdout:
        yield ArmMetrics(model, str(route.holdout), "holdout", route.holdout_share, counts[route.holdout_cell])


def gathered(router: Router, counters: Sequence[Counters]) -> bytes:
    """All metrics of all models, as all workers together count them."""
    arms: list[ArmMetrics] = []
    epochs: dict[str, int] = {}
    logged: dict[str, int] = {}
    dropped: dict[str, int] = {}
    for name in router.names.values():
        route = router.route(name)
        epochs[name.name] = route.epoch
        logged[name.name] = sum(one.rows_logged(name.slot) for one in counters)
        dropped[name.name] = sum(one.copies_dropped(name.slot) for one in counters)
        arms += arms_of(name.name, route, [total(counters, name.slot, cell) for cell in range(CELLS)])
    refused = {reason: sum(one.turned_away_for(reason) for one in counters) for reason in REFUSAL_REASONS}
    return exposition(arms, epochs, logged, dropped, refused)


def exposition(
    arms: Sequence[ArmMetrics],
    epochs: dict[str, int],
    logged: dict[str, int],
    dropped: dict[str, int],
    refused: Mapping[RefusalReason, int] = MappingProxyType({}),
) -> bytes:
    """All metrics as text. By model: `logged` are its rows in the prediction log, `dropped` the copies that its shadows did not take."""
    lines: dict[str, list[str]] = {name: [] for name in METRICS}
    for arm in arms:
        labels = f'model="{arm.model}",version="{arm.version}",arm="{arm.arm}"'
        for name, value in (
            ("lifecycle_inference_requests_total", arm.counts.requests),
            ("lifecycle_inference_errors_total", arm.counts.errors),
            ("lifecycle_inference_slow_total", arm.counts.slow),
            ("lifecycle_inference_fallbacks_total", arm.counts.fallbacks),
            ("lifecycle_inference_refused_total", arm.counts.refused),
            ("lifecycle_rollout_weight", arm.weight),
        ):
            lines[name].append(f"{name}{{{labels}}} {value}")
        for kind, failures in (("exception", arm.counts.exceptions), ("timeout", arm.counts.timeouts), ("invalid", arm.counts.invalid)):
            failed = f'lifecycle_inference_failures_total{{{labels},kind="{kind}"}} {failures}'
            lines["lifecycle_inference_failures_total"].append(failed)
        lines[DURATION] += _histogram(DURATION, labels, arm.counts)
    for model in epochs:
        whole = sum((arm.counts for arm in arms if arm.model == model), CellCounts())
        lines[KSERVE_DURATION] += _histogram(KSERVE_DURATION, f'model_name="{model}"', whole)
    for model, epoch in epochs.items():
        lines["lifecycle_route_epoch"].append(f'lifecycle_route_epoch{{model="{model}"}} {epoch}')
    for model, rows in logged.items():
        lines["lifecycle_predictions_logged_total"].append(f'lifecycle_predictions_logged_total{{model="{model}"}} {rows}')
    for model, copies in dropped.items():
        lines["lifecycle_shadow_dropped_total"].append(f'lifecycle_shadow_dropped_total{{model="{model}"}} {copies}')
    for reason, requests in refused.items():
        lines["lifecycle_refused_requests_total"].append(f'lifecycle_refused_requests_total{{reason="{reason}"}} {requests}')
    text: list[str] = []
    for name, (kind, meaning) in METRICS.items():
        text += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *lines[name]]
    return ("\n".join(text) + "\n").encode()


def _histogram(name: str, labels: str, counts: CellCounts) -> list[str]:
    below, lines = 0, []
    for bound, bucket in zip((*LATENCY_BOUNDS_US, None), counts.latency_buckets, strict=True):
        below += bucket
        edge = "+Inf" if bound is None else f"{bound / 1e6:g}"
        lines.append(f'{name}_bucket{{{labels},le="{edge}"}} {below}')
    return [*lines, f"{name}_sum{{{labels}}} {counts.latency_sum_us / 1e6}", f"{name}_count{{{labels}}} {below}"]

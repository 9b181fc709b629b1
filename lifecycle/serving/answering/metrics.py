"""What the gateway counts, as Prometheus reads it (text format 0.0.4). No label ever holds a request's id.

`request_predict_seconds` is the same time under the name and the label that KServe's own servers have, so that dashboards made for
them show a model that is served here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lifecycle.records.bodies.access import REFUSAL_REASONS, RefusalReason
from lifecycle.serving.answering.counters import CELLS, LATENCY_BOUNDS_US, REFERRAL_CELL, CellCounts, Counters, total
from lifecycle.serving.answering.router import Router
from lifecycle.serving.answering.routes import Route
from lifecycle.serving.rollouts.gauges import ModelGauges, RolloutGauges

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

DURATION = "lifecycle_inference_duration_seconds"
KSERVE_DURATION = "request_predict_seconds"
#: Every metric: its kind, and what it counts.
METRICS = {
    "lifecycle_inference_requests_total": ("counter", "Requests by the arm that they went to first."),
    "lifecycle_inference_errors_total": ("counter", "Requests that their arm failed to answer."),
    "lifecycle_inference_failures_total": ("counter", "The same by kind: an exception, a time-out, or what is no answer."),
    "lifecycle_inference_slow_total": ("counter", "Answers slower than the objective."),
    "lifecycle_inference_fallbacks_total": ("counter", "Requests of a canary that failed, or had no room, answered in its place."),
    "lifecycle_inference_spilled_total": (
        "counter",
        "Requests that an arm had no room for: a canary's process, or a champion's rows of this second.",
    ),
    "lifecycle_inference_refused_total": ("counter", "Requests that callers must correct."),
    DURATION: ("histogram", "Time from the request's arrival in the router to its answer."),
    KSERVE_DURATION: ("histogram", "The same under KServe's name, over all arms of a model."),
    "lifecycle_predictions_logged_total": ("counter", "Rows that were put into the prediction log."),
    "lifecycle_predictions_dropped_total": ("counter", "Rows of a model, declared as best effort, that the prediction log does not have."),
    "lifecycle_inference_inflight": ("gauge", "Requests that wait for a canary, or for the disk of an audit-grade model."),
    "lifecycle_shadow_dropped_total": ("counter", "Copies of requests that a shadow was too slow to take."),
    "lifecycle_refused_requests_total": ("counter", "Requests that were refused, by reason; the log of refusals names the grants."),
    "lifecycle_rollout_evalue_log": ("gauge", "Evidence of a guardrail against the version that is rolled out (natural logarithm)."),
    "lifecycle_rollout_evalue_log_limit": ("gauge", "Where that evidence takes the version out."),
    "lifecycle_rollout_decision_total": ("counter", "What was decided since the gateway started: a step, an end, or a rollback."),
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


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """What is counted of one model over all of its arms; `logged` and `rows_dropped` are rows, `copies_dropped` a shadow's copies."""

    model: str
    epoch: int = 0
    logged: int = 0
    rows_dropped: int = 0
    copies_dropped: int = 0
    in_flight: int = 0
    rollout: ModelGauges | None = None


def gathered(router: Router, counters: Sequence[Counters], rollouts: RolloutGauges) -> bytes:
    """All metrics of all models, as all workers together count them, and as the controller left them."""
    arms: list[ArmMetrics] = []
    models: list[ModelMetrics] = []
    judged = {one.model: one for one in rollouts.models}
    for name in router.names.values():
        route, slot = router.route(name), name.slot
        models.append(
            ModelMetrics(
                model=name.name,
                epoch=route.epoch,
                logged=sum(one.rows_logged(slot) for one in counters),
                rows_dropped=sum(one.rows_dropped(slot) for one in counters),
                copies_dropped=sum(one.copies_dropped(slot) for one in counters),
                in_flight=sum(one.in_flight(slot) for one in counters),
                rollout=judged.get(name.name),
            )
        )
        arms += arms_of(name.name, route, [total(counters, slot, cell) for cell in range(CELLS)])
    refused = {reason: sum(one.turned_away_for(reason) for one in counters) for reason in REFUSAL_REASONS}
    return exposition(arms, models, refused)


def exposition(
    arms: Sequence[ArmMetrics], models: Sequence[ModelMetrics], refused: Mapping[RefusalReason, int] = MappingProxyType({})
) -> bytes:
    """All metrics as text."""
    lines: dict[str, list[str]] = {name: [] for name in METRICS}
    for arm in arms:
        labels = f'model="{arm.model}",version="{arm.version}",arm="{arm.arm}"'
        for name, value in (
            ("lifecycle_inference_requests_total", arm.counts.requests),
            ("lifecycle_inference_errors_total", arm.counts.errors),
            ("lifecycle_inference_slow_total", arm.counts.slow),
            ("lifecycle_inference_fallbacks_total", arm.counts.fallbacks),
            ("lifecycle_inference_spilled_total", arm.counts.spilled),
            ("lifecycle_inference_refused_total", arm.counts.refused),
            ("lifecycle_rollout_weight", arm.weight),
        ):
            lines[name].append(f"{name}{{{labels}}} {value}")
        for kind, failures in (("exception", arm.counts.exceptions), ("timeout", arm.counts.timeouts), ("invalid", arm.counts.invalid)):
            failed = f'lifecycle_inference_failures_total{{{labels},kind="{kind}"}} {failures}'
            lines["lifecycle_inference_failures_total"].append(failed)
        lines[DURATION] += _histogram(DURATION, labels, arm.counts)
    for model in models:
        whole = sum((arm.counts for arm in arms if arm.model == model.model), CellCounts())
        lines[KSERVE_DURATION] += _histogram(KSERVE_DURATION, f'model_name="{model.model}"', whole)
        for name, value in (
            ("lifecycle_inference_inflight", model.in_flight),
            ("lifecycle_predictions_logged_total", model.logged),
            ("lifecycle_predictions_dropped_total", model.rows_dropped),
            ("lifecycle_shadow_dropped_total", model.copies_dropped),
            ("lifecycle_route_epoch", model.epoch),
        ):
            lines[name].append(f'{name}{{model="{model.model}"}} {value}')
        for name, told in _rollout_lines(model):
            lines[name].append(told)
    for reason, requests in refused.items():
        lines["lifecycle_refused_requests_total"].append(f'lifecycle_refused_requests_total{{reason="{reason}"}} {requests}')
    text: list[str] = []
    for name, (kind, meaning) in METRICS.items():
        text += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *lines[name]]
    return ("\n".join(text) + "\n").encode()


def _rollout_lines(model: ModelMetrics) -> Iterator[tuple[str, str]]:
    """What the controller has made of a model: each line, and the metric that it belongs to."""
    rollout = model.rollout
    if rollout is None:
        return
    for one in rollout.guardrails:
        labels = f'model="{model.model}",version="{rollout.version}",guardrail="{one.guardrail}"'
        yield "lifecycle_rollout_evalue_log", f"lifecycle_rollout_evalue_log{{{labels}}} {one.log_evidence}"
        yield "lifecycle_rollout_evalue_log_limit", f"lifecycle_rollout_evalue_log_limit{{{labels}}} {one.log_limit}"
    for decided, times in rollout.decided.items():
        yield "lifecycle_rollout_decision_total", f'lifecycle_rollout_decision_total{{model="{model.model}",decision="{decided}"}} {times}'


def _histogram(name: str, labels: str, counts: CellCounts) -> list[str]:
    below, lines = 0, []
    for bound, bucket in zip((*LATENCY_BOUNDS_US, None), counts.latency_buckets, strict=True):
        below += bucket
        edge = "+Inf" if bound is None else f"{bound / 1e6:g}"
        lines.append(f'{name}_bucket{{{labels},le="{edge}"}} {below}')
    return [*lines, f"{name}_sum{{{labels}}} {counts.latency_sum_us / 1e6}", f"{name}_count{{{labels}}} {below}"]

"""The dashboard in deployments/grafana shows what the gateway counts: no panel asks for a metric that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lifecycle.serving.answering.counters import CellCounts
from lifecycle.serving.answering.metrics import METRICS, ArmMetrics, ModelMetrics, exposition
from lifecycle.serving.rollouts.gauges import ModelGauges
from lifecycle.serving.rollouts.status import GuardrailStatus

REPOSITORY = Path(__file__).resolve().parents[2]
DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "deployments" / "grafana" / "gateway.json").read_text())
SELECTOR = re.compile(r"(?P<name>[a-z_]+)\{(?P<labels>[^}]*)\}")
SAMPLE = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? \S+$")


def samples() -> dict[str, set[str]]:
    """What the gateway tells, as Prometheus sees it: each series by name, with its labels."""
    arm = ArmMetrics("credit", "1", "champion", 1.0, CellCounts())
    errors = GuardrailStatus(guardrail="errors", log_evidence=0.5, log_limit=5.3, canary=9, canary_bad=1, control=9, control_bad=0)
    rollout = ModelGauges(model="credit", version=2, guardrails=(errors,), decided={"step": 1})
    text = exposition([arm], [ModelMetrics("credit", epoch=1, rollout=rollout)], {"quota": 0}).decode()
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            matched = SAMPLE.match(line)
            assert matched, line
            found.setdefault(matched["name"], set()).update(re.findall(r'(\w+)="', matched["labels"] or ""))
    return found


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_each_panel_asks_for_series_that_the_gateway_has() -> None:
    """Names and labels, of what is selected and of what is grouped by."""
    known = samples()
    for expression in expressions():
        asked = SELECTOR.findall(expression)
        assert asked, expression
        for name, labels in asked:
            assert name in known, f"{name} in {expression}"
            assert set(re.findall(r"(\w+)=~?\"", labels)) <= known[name]
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= set.union(*(known[name] for name, _ in asked))


def test_every_metric_is_shown() -> None:
    """What is counted and shown nowhere is looked at by nobody."""
    asked = {name for expression in expressions() for name, _ in SELECTOR.findall(expression)}
    missing = [name for name in METRICS if not asked & {name, f"{name}_bucket", f"{name}_sum", f"{name}_count"}]
    assert missing == []


def test_panels_do_not_lie_over_each_other() -> None:
    """Each has an id of its own, and a place of its own in a grid 24 wide."""
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not own & places
        places |= own
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_metric_that_is_told_is_declared() -> None:
    """Each series belongs to a metric with a type and a meaning."""
    for name in samples():
        assert name in METRICS or re.sub(r"_(bucket|sum|count)$", "", name) in METRICS

"""Why one prediction is what it is: which version answered, who and what allowed that, and what it came from.

prediction → version → rollout → deployment decision → promotion decision → approvals → evaluation and its report → training →
dataset → source. Everything past the first step is read from the ledger; the first is checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lifecycle.errors import Tampered, UnknownName
from lifecycle.lineage.graph import Activity, Graph, version_id
from lifecycle.lineage.outline import TONES, Outline, detail, moment
from lifecycle.lineage.reading import short
from lifecycle.records.record import JsonObject, Microseconds


@dataclass(frozen=True)
class Explanation:
    """The row of the prediction log, and the steps behind it, nearest first."""

    row: Mapping[str, Any]
    steps: tuple[Outline, ...]

    @property
    def outline(self) -> Outline:
        """The prediction, and under it every step, nearest first."""
        return replace(self.steps[0], children=self.steps[1:])

    def as_json(self) -> JsonObject:
        """The same as a JSON object."""
        return {"prediction": dict(self.row), "steps": [step.as_json() for step in self.steps]}


def explain(graph: Graph, row: Mapping[str, Any]) -> Explanation:
    """What stands behind a row, from the graph of its model.

    Raises Tampered where the row names other bytes than the ledger does for its version, UnknownName where the ledger knows
    no such version.
    """
    answered = Outline(f"prediction {row['id']}", _answer(row), row.get("input_commitment"))
    if row.get("version") is None:
        referred = Outline("no version answered", "it was referred to a person", tone="waiting")
        return Explanation(row, (answered, referred))
    model, version, claimed = str(row["model"]), int(row["version"]), str(row["model_digest"])
    entity = graph.entities.get(version_id(model, version))
    if entity is None:
        raise UnknownName(
            f"The ledger knows no {model}:{version}, which prediction {row['id']} names.",
            "Look at the ledger that belongs to this gateway.",
        )
    if entity.digest != claimed:
        raise Tampered(
            f"Prediction {row['id']} says that {short(claimed)} answered, but {entity.label} is {short(entity.digest or '')}.",
            "Run `lifecycle ledger verify`; then compare the log's segment with its backup.",
        )
    served = Outline(entity.label, "the bytes that answered", entity.digest, entity.index)
    behind = [*_allowing(graph, entity.id, row["at_us"]), *_judging(graph, entity.id, row["at_us"]), *_making(graph, entity.id)]
    return Explanation(row, (answered, served, *behind))


def _answer(row: Mapping[str, Any]) -> str:
    output: Mapping[str, Any] = row.get("output") or {}
    said = str(output.get("decision") or row["outcome"])
    if output.get("probability") is not None:
        said += f" (probability of the positive outcome {output['probability']:.3f})"
    if row.get("fallback_from") is not None:
        said += f", after version {row['fallback_from']} had failed"
    return f"{moment(row['at_us'])}  {said}  by the arm {row['arm']} in {row['latency_us'] / 1_000:.2f} ms"


def _allowing(graph: Graph, version: str, at_us: Microseconds) -> list[Outline]:
    """The rollout that was under way or over at that moment, and the decisions and approvals that it followed."""
    rollouts = [one for one in graph.life_of(version) if one.kind == "rollout" and one.started_us <= at_us]
    if not rollouts:
        return [Outline("no rollout", "the ledger holds no rollout of this version before that moment", tone="bad")]
    found: list[Activity] = []
    unseen = [rollouts[-1].id]
    while unseen:
        activity = graph.activities.get(unseen.pop(0))
        if activity is not None and activity not in found:
            found.append(activity)
            roles = ("allowed_by", "promoted_by", "consumed", "counted")
            unseen += [edge.other for edge in graph.edges_of(activity.id, "followed") if edge.role in roles]
    return [_step(graph, activity) for activity in found]


def _judging(graph: Graph, version: str, at_us: Microseconds) -> list[Outline]:
    """The evaluation that the decisions looked at: the newest before that moment."""
    evaluations = [one for one in graph.life_of(version) if one.kind == "evaluation" and one.started_us <= at_us]
    evaluations = [
        one for one in evaluations if any(edge.other == version and edge.role == "model" for edge in graph.edges_of(one.id, "used"))
    ]
    return [_step(graph, evaluations[-1])] if evaluations else [Outline("no evaluation", "the ledger holds none", tone="bad")]


def _making(graph: Graph, version: str) -> list[Outline]:
    """Training and what allowed it, dataset, ingestion and source."""
    training = graph.maker(version)
    if training is None:
        return [Outline("no training", "the ledger does not say what made this version", tone="bad")]
    allowing = (graph.activities.get(edge.other) for edge in graph.edges_of(training.id, "followed"))
    steps = [_step(graph, training), *(_step(graph, decision) for decision in allowing if decision is not None)]
    for edge in graph.edges_of(training.id, "used"):
        dataset, ingestion = graph.entities[edge.other], graph.maker(edge.other)
        steps.append(Outline(dataset.kind, "", dataset.digest, dataset.index))
        if ingestion is not None:
            steps.append(_step(graph, ingestion))
            sources = (graph.entities[found.other] for found in graph.edges_of(ingestion.id, "used"))
            steps += [Outline(source.kind, str(source.facts.get("source", "")), source.digest, source.index) for source in sources]
    return steps


def _step(graph: Graph, activity: Activity) -> Outline:
    made = (graph.entities[edge.other] for edge in graph.edges_of(activity.id, "generated"))
    children = tuple(
        Outline(one.kind, "", one.digest, one.index) for one in made if one.kind in ("evidence", "report", "page", "statement")
    )
    said = "  ".join(part for part in (f"{moment(activity.started_us)} by {activity.actor.id}", detail(activity)) if part)
    return Outline(activity.label, said, None, activity.indexes[-1], TONES.get(activity.outcome, "plain"), children)

"""The graph as a CycloneDX 1.6 ML-BOM: what a version consists of and came from, and the formulation that made it.

Things are components (a version a machine-learning-model with its model card, a dataset or a source data, the rest files), what
happened is a task of the workflow of its model, and each part that a thing plays in it is an input or an output of that task. What
CycloneDX has no words for stands in properties of the namespace `lifecycle:`. It is written as JSON and not through CycloneDX's own
library, which has no model card and drops it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from lifecycle import __version__
from lifecycle.lineage.derivation import derivations
from lifecycle.lineage.formats.instants import rfc3339
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph
from lifecycle.records.record import JsonObject, canonical_bytes

#: The namespace of our properties, and the name of the one that marks what something followed and no event here speaks of.
OURS, MISSING = "lifecycle:", "lifecycle:missing"
#: Serial numbers are derived from what is in the document, so that the same export is the same document (RFC 9562 §5.5).
SERIAL_NAMESPACE = uuid.UUID("0d1f9f0e-7a54-5c9e-8a5e-5f4f7d0c6a16")
_TYPES = {"version": "machine-learning-model", "model": "machine-learning-model"} | dict.fromkeys(
    ("dataset", "source", "remaining", "predictions"), "data"
)
#: The kinds of task that CycloneDX knows; any other is `other`.
_TASKS = {"training": "build", "evaluation": "test", "rollout": "deploy", "rollback": "deploy"}


def cyclonedx(
    graph: Graph, stamp: JsonObject, *, name: str = "ledger", about: str | None = None, cards: Mapping[str, JsonObject] | None = None
) -> bytes:
    """The ML-BOM in canonical bytes. `about` is the entity that it is the bill of; `cards` are CycloneDX's model cards, by entity.

    `stamp` says how far the ledger reached and carries its newest checkpoint.
    """
    components = {node: _component(entity, (cards or {}).get(node)) for node, entity in graph.entities.items()}
    subject = components.pop(about or "", {"type": "application", "bom-ref": "lineage", "name": name})
    ledger = [_property("ledger:size", stamp["size"]), _property("ledger:checkpoint", stamp["checkpoint"])]
    newest = max((activity.ended_us or activity.started_us for activity in graph.activities.values()), default=None)
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            **({} if newest is None else {"timestamp": rfc3339(newest)}),
            "tools": {"components": [{"type": "application", "name": "lifecycle", "version": __version__}]},
            "component": subject,
            "properties": ledger,
        },
        "components": list(components.values()),
        "dependencies": _dependencies(graph),
        "formulation": [{"bom-ref": "formulation", "workflows": _workflows(graph)}],
    }
    serial = uuid.uuid5(SERIAL_NAMESPACE, canonical_bytes(document).decode())
    return canonical_bytes({**document, "serialNumber": f"urn:uuid:{serial}"})


def _component(entity: Entity, card: JsonObject | None) -> JsonObject:
    facts = entity.facts
    kind = _TYPES.get(entity.kind, "file")
    component: JsonObject = {"type": kind, "bom-ref": entity.id, "name": entity.label}
    if "version" in facts:
        component["version"] = str(facts["version"])
    if entity.digest is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": entity.digest.removeprefix("sha256:")}]
    if facts.get("licence"):
        component["licenses"] = [{"license": {"name": str(facts["licence"])}}]
    if kind == "data":
        classified: JsonObject = {"classification": str(facts["classification"])} if facts.get("classification") else {}
        component["data"] = [{"type": "dataset", "name": entity.label, **classified}]
    if card is not None:
        component["modelCard"] = card
    component["properties"] = [_property("kind", entity.kind), _property("ledger:index", entity.index), *_facts(facts)]
    return component


def _dependencies(graph: Graph) -> list[Any]:
    """What was made from what, for readers that look no further."""
    sources: dict[str, set[str]] = {}
    for activity in graph.activities.values():
        for made, source in derivations(graph, activity):
            sources.setdefault(made.other, set()).add(source.other)
    return [{"ref": node, "dependsOn": sorted(found)} for node, found in sorted(sources.items())]


def _workflows(graph: Graph) -> list[Any]:
    tasks: dict[str, list[Any]] = {}
    dependent: dict[str, list[Any]] = {}
    for activity in graph.activities.values():
        tasks.setdefault(activity.model, []).append(_task(graph, activity))
        before = sorted({edge.other for edge in graph.edges_of(activity.id, "followed")})
        if before:
            dependent.setdefault(activity.model, []).append({"ref": activity.id, "dependsOn": list(before)})
    workflows: list[Any] = [
        {
            "bom-ref": f"workflow/{model}",
            "uid": model,
            "name": f"The life of {model}",
            "taskTypes": ["other"],
            "tasks": found,
            "taskDependencies": dependent.get(model, []),
        }
        for model, found in tasks.items()
    ]
    missing = [
        {"bom-ref": node, "uid": node, "taskTypes": ["other"], "properties": [_property("missing", "true")]} for node in graph.missing()
    ]
    if missing:
        uid = "what stands nowhere in this ledger"
        workflows.append({"bom-ref": "workflow-of-what-is-missing", "uid": uid, "taskTypes": ["other"], "tasks": missing})
    return workflows


def _task(graph: Graph, activity: Activity) -> JsonObject:
    actor = activity.actor
    said = [
        _property("kind", activity.kind),
        _property("environment", activity.environment),
        _property("outcome", activity.outcome),
        _property("actor", actor.id),
        _property("actor:kind", actor.kind),
        _property("actor:basis", "fact" if actor.authenticated else "claim"),
        *(_property("ledger:index", index) for index in activity.indexes),
        *(_property("event", event_id) for event_id in activity.event_ids),
        *([] if activity.run_id is None else [_property("run", activity.run_id)]),
        *_facts(activity.facts),
    ]
    ended: JsonObject = {} if activity.ended_us is None else {"timeEnd": rfc3339(activity.ended_us)}
    return {
        "bom-ref": activity.id,
        "uid": activity.id,
        "name": activity.label,
        "taskTypes": [_TASKS.get(activity.kind, "other")],
        "inputs": [_part(edge) for edge in graph.edges_of(activity.id, "used", "followed")],
        "outputs": [_part(edge) for edge in graph.edges_of(activity.id, "generated")],
        "timeStart": rfc3339(activity.started_us),
        **ended,
        "properties": said,
    }


def _part(edge: Edge) -> JsonObject:
    said = [_property("relation", edge.relation), _property("role", edge.role), _property("ledger:index", edge.index)]
    return {"resource": {"ref": edge.other}, "properties": said}


def _facts(facts: JsonObject) -> list[JsonValue]:
    """The facts that are single values. What is nested stays in the ledger, under the index given."""
    single = [(name, value) for name, value in sorted(facts.items()) if isinstance(value, str | int | float)]
    return [_property(f"fact:{name}", value) for name, value in single]


def _property(name: str, value: JsonValue) -> JsonValue:
    return {"name": OURS + name, "value": value if isinstance(value, str) else canonical_bytes(value).decode()}

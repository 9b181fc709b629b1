"""The graph as W3C PROV-JSON (member submission of 2013-04-24): the document that PROV tools read.

The graph speaks PROV already, so this is a change of dress: entities, activities, agents; used, wasGeneratedBy, wasInformedBy,
wasAssociatedWith, and wasDerivedFrom where an activity used the one and generated the other. Every node and relation carries
`lifecycle:ledgerIndex`, and the ledger's checkpoint is an entity of the document.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lifecycle.lineage.graph import Activity, Edge, Entity, Graph
from lifecycle.records.events import Actor
from lifecycle.records.record import JsonObject, Microseconds, canonical_bytes

#: The namespace of our own names in a PROV document.
NAMESPACE = "urn:lifecycle:prov:"
_AGENTS = {"human": "prov:Person", "service": "prov:SoftwareAgent", "team": "prov:Organization"}
#: PROV's name of a relation, and of its two ends.
_RELATIONS = {
    "used": ("used", "prov:activity", "prov:entity"),
    "generated": ("wasGeneratedBy", "prov:activity", "prov:entity"),
    "followed": ("wasInformedBy", "prov:informed", "prov:informant"),
}
#: What a version, a dataset or a report is derived from; to be looked at by a decision derives nothing.
_DERIVING = frozenset({"ingestion", "training", "evaluation"})


def prov(graph: Graph, stamp: JsonObject) -> bytes:
    """The PROV-JSON document, in canonical bytes. `stamp` says how far the ledger reached and carries its newest checkpoint."""
    agents = {activity.actor.id: activity.actor for activity in graph.activities.values()}
    document: dict[str, dict[str, Any]] = {
        "prefix": {"lifecycle": NAMESPACE},
        "entity": {_name("ledger"): {"prov:type": "ledger", **_attributes(stamp)}},
        "activity": {_name(node): _activity(activity) for node, activity in graph.activities.items()},
        "agent": {_name(f"agent/{name}"): _agent(actor) for name, actor in agents.items()},
    }
    document["entity"] |= {_name(node): _entity(entity) for node, entity in graph.entities.items()}
    for edge in graph.edges:
        if edge.other in graph:
            _add(document, _RELATIONS[edge.relation][0], _related(edge))
    for activity in graph.activities.values():
        _add(document, "wasAssociatedWith", _associated(activity))
        for made, used in _derivations(graph, activity):
            _add(document, "wasDerivedFrom", _derived(activity, made, used))
    return canonical_bytes(document)


def _related(edge: Edge) -> JsonObject:
    _, this, other = _RELATIONS[edge.relation]
    # PROV gives roles to use and generation only.
    role = "lifecycle:role" if edge.relation == "followed" else "prov:role"
    return {this: _name(edge.activity), other: _name(edge.other), role: edge.role, "lifecycle:ledgerIndex": edge.index}


def _associated(activity: Activity) -> JsonObject:
    return {
        "prov:activity": _name(activity.id),
        "prov:agent": _name(f"agent/{activity.actor.id}"),
        "lifecycle:basis": "fact" if activity.actor.authenticated else "claim",
        "lifecycle:ledgerIndex": activity.indexes[0],
    }


def _derived(activity: Activity, made: Edge, used: Edge) -> JsonObject:
    return {
        "prov:generatedEntity": _name(made.other),
        "prov:usedEntity": _name(used.other),
        "prov:activity": _name(activity.id),
        "lifecycle:ledgerIndex": made.index,
    }


def _derivations(graph: Graph, activity: Activity) -> list[tuple[Edge, Edge]]:
    if activity.kind not in _DERIVING:
        return []
    used = {edge.other: edge for edge in graph.edges_of(activity.id, "used")}
    generated = {edge.other: edge for edge in graph.edges_of(activity.id, "generated")}
    return [(made, source) for made in generated.values() for source in used.values()]


def _add(document: dict[str, dict[str, Any]], relation: str, said: JsonObject) -> None:
    """Relations have no names of their own; blank ones are counted, so that the same graph gives the same document."""
    held = document.setdefault(relation, {})
    held[f"_:{relation}{len(held)}"] = said


def _name(node: str) -> str:
    """A qualified name: what has a meaning of its own in one (a colon, above all) is percent-encoded."""
    return f"lifecycle:{quote(node, safe='/')}"


def _entity(entity: Entity) -> JsonObject:
    digest: JsonObject = {} if entity.digest is None else {"lifecycle:digest": entity.digest}
    return {
        "prov:label": entity.label,
        "prov:type": entity.kind,
        "lifecycle:ledgerIndex": entity.index,
        **digest,
        **_attributes(entity.facts),
    }


def _activity(activity: Activity) -> JsonObject:
    ended: JsonObject = {} if activity.ended_us is None else {"prov:endTime": _time(activity.ended_us)}
    indexes: list[Any] = list(activity.indexes)
    return {
        "prov:label": activity.label,
        "prov:type": activity.kind,
        "prov:startTime": _time(activity.started_us),
        **ended,
        "lifecycle:outcome": activity.outcome,
        "lifecycle:environment": activity.environment,
        "lifecycle:ledgerIndex": indexes[0] if len(indexes) == 1 else indexes,
        **_attributes(activity.facts),
    }


def _agent(actor: Actor) -> JsonObject:
    return {"prov:type": {"$": _AGENTS[actor.kind], "type": "prov:QUALIFIED_NAME"}, "prov:label": actor.id}


def _attributes(facts: JsonObject) -> JsonObject:
    """The facts that PROV can carry: single values. What is nested stays in the ledger, under the index given."""
    return {f"lifecycle:{name}": value for name, value in sorted(facts.items()) if isinstance(value, str | int | float)}


def _time(at_us: Microseconds) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_us % 1_000_000:06d}+00:00"

"""The graph as W3C PROV-JSON (member submission of 2013-04-24): the document that PROV tools read.

The graph speaks PROV already, so this is a change of dress: entities, activities, agents; used, wasGeneratedBy, wasInformedBy,
wasAssociatedWith, and wasDerivedFrom where an activity used the one and generated the other. Every node and relation carries
`lifecycle:ledgerIndex`, and the ledger's checkpoint is an entity of the document. What an activity followed and no event speaks of
is declared as an activity of the type `missing`. Facts that are single values stand under the prefix `fact`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from lifecycle.lineage.derivation import derivations
from lifecycle.lineage.formats.instants import rfc3339
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation
from lifecycle.records.events import Actor
from lifecycle.records.record import JsonObject, canonical_bytes

#: The namespace of our own names in a PROV document.
NAMESPACE, FACTS = "urn:lifecycle:prov:", "urn:lifecycle:prov:fact:"
AGENTS = {"human": "prov:Person", "service": "prov:SoftwareAgent", "team": "prov:Organization"}
#: The type of what something followed and no event here speaks of.
MISSING = "missing"
#: PROV's name of a relation, and of its two ends.
RELATIONS: Mapping[Relation, tuple[str, str, str]] = {
    "used": ("used", "prov:activity", "prov:entity"),
    "generated": ("wasGeneratedBy", "prov:activity", "prov:entity"),
    "followed": ("wasInformedBy", "prov:informed", "prov:informant"),
}


def prov(graph: Graph, stamp: JsonObject) -> bytes:
    """The PROV-JSON document, in canonical bytes. `stamp` says how far the ledger reached and carries its newest checkpoint."""
    document: dict[str, dict[str, Any]] = {
        "prefix": {"lifecycle": NAMESPACE, "fact": FACTS},
        "entity": {_name("ledger"): {"prov:type": "ledger", **_attributes("lifecycle", stamp)}},
        "activity": {_name(node): {"prov:type": MISSING} for node in graph.missing()},
        "agent": {_name(agent_id(activity.actor)): _agent(activity.actor) for activity in graph.activities.values()},
    }
    document["entity"] |= {_name(node): _entity(entity) for node, entity in graph.entities.items()}
    document["activity"] |= {_name(node): _activity(activity) for node, activity in graph.activities.items()}
    for edge in graph.edges:
        _add(document, RELATIONS[edge.relation][0], _related(edge))
    for activity in graph.activities.values():
        _add(document, "wasAssociatedWith", _associated(activity))
        for made, used in derivations(graph, activity):
            _add(document, "wasDerivedFrom", _derived(activity, made, used))
    return canonical_bytes(document)


def agent_id(actor: Actor) -> str:
    """Who acted, as a node: the same name may be a person's and a service's."""
    return f"agent/{actor.kind}/{actor.id}"


def _related(edge: Edge) -> JsonObject:
    _, this, other = RELATIONS[edge.relation]
    # PROV gives roles to use and generation only.
    role = "lifecycle:role" if edge.relation == "followed" else "prov:role"
    return {this: _name(edge.activity), other: _name(edge.other), role: edge.role, "lifecycle:ledgerIndex": edge.index}


def _associated(activity: Activity) -> JsonObject:
    return {
        "prov:activity": _name(activity.id),
        "prov:agent": _name(agent_id(activity.actor)),
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
        **_attributes("fact", entity.facts),
    }


def _activity(activity: Activity) -> JsonObject:
    ended: JsonObject = {} if activity.ended_us is None else {"prov:endTime": _time(activity.ended_us)}
    run: JsonObject = {} if activity.run_id is None else {"lifecycle:run": activity.run_id}
    return {
        "prov:label": activity.label,
        "prov:type": activity.kind,
        "prov:startTime": _time(activity.started_us),
        **ended,
        "lifecycle:outcome": activity.outcome,
        "lifecycle:environment": activity.environment,
        "lifecycle:model": activity.model,
        # An attribute with several values is a set in PROV; the ids of events are in order, so they are one value.
        "lifecycle:events": " ".join(activity.event_ids),
        "lifecycle:ledgerIndex": _one_or_list(activity.indexes),
        **run,
        **_attributes("fact", activity.facts),
    }


def _agent(actor: Actor) -> JsonObject:
    return {"prov:type": {"$": AGENTS[actor.kind], "type": "prov:QUALIFIED_NAME"}, "prov:label": actor.id}


def _attributes(prefix: str, facts: JsonObject) -> JsonObject:
    """The facts that PROV can carry: single values. What is nested stays in the ledger, under the index given."""
    return {f"{prefix}:{name}": value for name, value in sorted(facts.items()) if isinstance(value, str | int | float)}


def _one_or_list(values: Sequence[JsonValue]) -> JsonValue:
    """An attribute with one value is that value, as every writer of PROV-JSON has it."""
    return values[0] if len(values) == 1 else list(values)


def _time(at_us: int) -> str:
    """PROV's own library reads a zone as an offset only."""
    return rfc3339(at_us, zone="+00:00")

"""PROV-JSON read back: the graph is the document's own, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from lifecycle.lineage.formats.instants import microseconds
from lifecycle.lineage.formats.prov import MISSING, RELATIONS
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation
from lifecycle.lineage.parsing.exported import Exported, refusing
from lifecycle.records.events import Actor
from lifecycle.records.record import parse_json


@refusing("PROV-JSON")
def parse_prov(content: bytes) -> Exported:
    """The graph of a document, as we wrote it or as another program of PROV hands it on.

    Raises MalformedRecord for what is no export of ours.
    """
    document: Any = _plain(parse_json(content))
    actors = {said["prov:activity"]: said for said in document.get("wasAssociatedWith", {}).values()}
    said_entities = {_node(name): said for name, said in document["entity"].items()}
    ledger = said_entities.pop("ledger")
    said_activities = {name: said for name, said in document.get("activity", {}).items() if said["prov:type"] != MISSING}
    graph = Graph(
        entities={node: _entity(node, said) for node, said in said_entities.items()},
        activities={_node(name): _activity(_node(name), said, actors[name]) for name, said in said_activities.items()},
        edges=tuple(edge for relation in RELATIONS for edge in _edges(document, relation)),
    )
    return Exported(graph.bare(), {"size": ledger["lifecycle:size"], "checkpoint": ledger["lifecycle:checkpoint"]})


def _entity(node: str, said: Any) -> Entity:
    return Entity(node, said["prov:type"], said["prov:label"], said.get("lifecycle:digest"), said["lifecycle:ledgerIndex"], {})


def _activity(node: str, said: Any, associated: Any) -> Activity:
    _, kind, name = _node(associated["prov:agent"]).split("/")
    ended = said.get("prov:endTime")
    return Activity(
        id=node,
        kind=said["prov:type"],
        label=said["prov:label"],
        model=said["lifecycle:model"],
        environment=said["lifecycle:environment"],
        actor=Actor.of({"id": name, "kind": kind, "authenticated": associated["lifecycle:basis"] == "fact"}),
        started_us=microseconds(said["prov:startTime"]),
        ended_us=None if ended is None else microseconds(ended),
        outcome=said["lifecycle:outcome"],
        indexes=tuple(sorted(_listed(said["lifecycle:ledgerIndex"]))),
        event_ids=tuple(said["lifecycle:events"].split(" ")),
        run_id=said.get("lifecycle:run"),
        facts={},
    )


def _edges(document: Any, relation: Relation) -> Iterator[Edge]:
    name, this, other = RELATIONS[relation]
    for said in document.get(name, {}).values():
        role = said["lifecycle:role" if relation == "followed" else "prov:role"]
        yield Edge(_node(said[this]), relation, _node(said[other]), role, said["lifecycle:ledgerIndex"])


def _plain(value: Any) -> Any:
    """A PROV-JSON value without the types of its literals: a number may come as `{"$": "7", "type": "xsd:int"}`."""
    if isinstance(value, dict) and "$" in value:
        return int(value["$"]) if value.get("type") in ("xsd:int", "xsd:long", "xsd:integer") else value["$"]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _node(name: str) -> str:
    return unquote(name.removeprefix("lifecycle:"))

"""in-toto attestations read back: each statement is an activity, with the parts that things played in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from lifecycle.errors import MalformedRecord
from lifecycle.lineage.formats.in_toto import ACTIVITY, PAYLOAD_TYPE, SLSA_PROVENANCE, STATEMENT
from lifecycle.lineage.formats.instants import microseconds
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation
from lifecycle.lineage.parsing.exported import Exported, refusing
from lifecycle.records.events import Actor
from lifecycle.records.record import parse_json


@refusing("in-toto")
def parse_in_toto(content: bytes) -> Exported:
    """The graph of a file of envelopes. Their signatures are not verified. Raises MalformedRecord for what is no export of ours."""
    entities: dict[str, Entity] = {}
    activities: dict[str, Activity] = {}
    edges: list[Edge] = []
    stamp = None
    for line in content.splitlines():
        ours, used = _predicate(line)
        stamp = ours["ledger"]
        activity = _activity(ours["activity"])
        activities[activity.id] = activity
        edges += [Edge(activity.id, "followed", one["activity"], one["role"], one["ledgerIndex"]) for one in ours["followed"]]
        for entity, edge in (*_parts(activity, "used", used), *_parts(activity, "generated", ours["generated"])):
            entities[entity.id] = entity
            edges.append(edge)
    return Exported(Graph(entities=entities, activities=activities, edges=tuple(edges)).bare(), stamp)


def _predicate(line: bytes) -> tuple[Any, list[Any]]:
    """What a statement says in our words, and the things that its activity used."""
    envelope: Any = parse_json(line)
    statement: Any = parse_json(base64.b64decode(envelope["payload"], validate=True))
    if envelope["payloadType"] != PAYLOAD_TYPE or statement["_type"] != STATEMENT:
        raise MalformedRecord(f"{envelope['payloadType']} is no in-toto statement.", "Export it again.")
    predicate = statement["predicate"]
    if statement["predicateType"] == ACTIVITY:
        return predicate, predicate["used"]
    if statement["predicateType"] == SLSA_PROVENANCE:
        definition = predicate["buildDefinition"]
        # The commit of the code is a dependency in SLSA's sense, and no node of the graph.
        used = [resource for resource in definition["resolvedDependencies"] if "annotations" in resource]
        return definition["internalParameters"]["lifecycle"], used
    raise MalformedRecord(f"{statement['predicateType']} is no predicate of ours.", "Export it again.")


def _activity(told: Any) -> Activity:
    return Activity(
        id=told["id"],
        kind=told["kind"],
        label=told["label"],
        model=told["model"],
        environment=told["environment"],
        actor=Actor.of(told["actor"]),
        started_us=microseconds(told["startedOn"]),
        ended_us=microseconds(told["endedOn"]) if "endedOn" in told else None,
        outcome=told["outcome"],
        indexes=tuple(told["ledgerIndexes"]),
        event_ids=tuple(told["events"]),
        run_id=told["run"],
        facts={},
    )


def _parts(activity: Activity, relation: Relation, resources: list[Any]) -> Iterator[tuple[Entity, Edge]]:
    for resource in resources:
        said = resource["annotations"]
        digest = f"sha256:{resource['digest']['sha256']}" if "digest" in resource else None
        entity = Entity(resource["name"], said["kind"], said["label"], digest, said["firstIndex"], {})
        yield entity, Edge(activity.id, relation, entity.id, said["role"], said["ledgerIndex"])

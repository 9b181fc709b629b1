"""OpenLineage run events read back: the graph of the runs, from the facet `lifecycle` and the inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifecycle.lineage.formats.instants import microseconds
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation
from lifecycle.lineage.parsing.exported import Exported, refusing
from lifecycle.records.events import Actor
from lifecycle.records.record import parse_json


@refusing("OpenLineage")
def parse_openlineage(content: bytes) -> Exported:
    """The graph of newline-delimited run events. Raises MalformedRecord for what is no export of ours."""
    entities: dict[str, Entity] = {}
    activities: dict[str, Activity] = {}
    edges: set[Edge] = set()
    stamp = None
    for line in content.splitlines():
        event: Any = parse_json(line)
        facet = event["run"]["facets"]["lifecycle"]
        stamp = facet["ledger"]
        activity = _activity(event, facet, activities.get(facet["activity"]))
        activities[activity.id] = activity
        for before in facet["followed"]:
            edges.add(Edge(activity.id, "followed", before["activity"], before["role"], before["ledgerIndex"]))
        for entity, edge in (*_ends(activity, "used", event["inputs"]), *_ends(activity, "generated", event["outputs"])):
            entities[entity.id] = entity
            edges.add(edge)
    return Exported(Graph(entities=entities, activities=activities, edges=tuple(edges)).bare(), stamp)


def _activity(event: Any, facet: Any, before: Activity | None) -> Activity:
    """A run as far as this event tells it: it starts with its first event, and its last one says how it went."""
    at_us = microseconds(event["eventTime"])
    return Activity(
        id=facet["activity"],
        kind=facet["kind"],
        label=facet["label"],
        model=facet["model"],
        environment=event["job"]["namespace"].removeprefix("lifecycle."),
        actor=Actor.of(facet["actor"]),
        started_us=at_us if before is None else before.started_us,
        ended_us=None if event["eventType"] == "START" else at_us,
        outcome=facet["outcome"],
        indexes=tuple(facet["ledgerIndexes"]),
        event_ids=tuple(facet["eventIds"]),
        run_id=facet["dagsterRun"],
        facts={},
    )


def _ends(activity: Activity, relation: Relation, datasets: Any) -> Iterator[tuple[Entity, Edge]]:
    for dataset in datasets:
        facet = dataset["facets"]["lifecycle"]
        entity = Entity(facet["id"], facet["kind"], facet["label"], facet["digest"], facet["ledgerIndex"], {})
        for part in facet["parts"]:
            yield entity, Edge(activity.id, relation, entity.id, part["role"], part["ledgerIndex"])

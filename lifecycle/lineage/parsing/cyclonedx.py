"""A CycloneDX ML-BOM read back: components are the things, tasks of the formulation are what happened to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lifecycle.lineage.formats.cyclonedx import MISSING, OURS
from lifecycle.lineage.formats.instants import microseconds
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph
from lifecycle.lineage.parsing.exported import Exported, refusing
from lifecycle.records.events import Actor
from lifecycle.records.record import parse_json


@refusing("CycloneDX")
def parse_cyclonedx(content: bytes) -> Exported:
    """The graph of an ML-BOM. Raises MalformedRecord for what is no export of ours."""
    document: Any = parse_json(content)
    metadata = document["metadata"]
    # What the bill is of is a component as well, unless it is of a whole ledger.
    components = [one for one in (metadata["component"], *document["components"]) if "properties" in one]
    workflows = [workflow for formula in document["formulation"] for workflow in formula["workflows"]]
    tasks = [(workflow["uid"], task) for workflow in workflows for task in workflow["tasks"] if MISSING not in _said(task)]
    graph = Graph(
        entities={component["bom-ref"]: _entity(component) for component in components},
        activities={task["bom-ref"]: _activity(model, task) for model, task in tasks},
        edges=tuple(edge for _, task in tasks for edge in _edges(task)),
    )
    ledger = _said(metadata)
    return Exported(graph.bare(), {"size": int(_one(ledger, "ledger:size")), "checkpoint": _one(ledger, "ledger:checkpoint")})


def _entity(component: Any) -> Entity:
    said, hashes = _said(component), component.get("hashes")
    digest = "sha256:" + hashes[0]["content"] if hashes else None
    return Entity(component["bom-ref"], _one(said, "kind"), component["name"], digest, int(_one(said, "ledger:index")), {})


def _activity(model: str, task: Any) -> Activity:
    said = _said(task)
    actor = {"id": _one(said, "actor"), "kind": _one(said, "actor:kind"), "authenticated": _one(said, "actor:basis") == "fact"}
    return Activity(
        id=task["bom-ref"],
        kind=_one(said, "kind"),
        label=task["name"],
        model=model,
        environment=_one(said, "environment"),
        actor=Actor.of(actor),  # type: ignore[arg-type]  # texts and a boolean
        started_us=microseconds(task["timeStart"]),
        ended_us=microseconds(task["timeEnd"]) if "timeEnd" in task else None,
        outcome=_one(said, "outcome"),
        indexes=tuple(int(index) for index in said[OURS + "ledger:index"]),
        event_ids=tuple(said[OURS + "event"]),
        run_id=_one(said, "run") if OURS + "run" in said else None,
        facts={},
    )


def _edges(task: Any) -> Iterator[Edge]:
    for part in (*task["inputs"], *task["outputs"]):
        said = _said(part)
        relation: Any = _one(said, "relation")
        yield Edge(task["bom-ref"], relation, part["resource"]["ref"], _one(said, "role"), int(_one(said, "ledger:index")))


def _said(holder: Any) -> dict[str, list[str]]:
    """The properties by name: CycloneDX lets one name stand several times."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in holder.get("properties", ()):
        found[one["name"]].append(one["value"])
    return dict(found)


def _one(said: dict[str, list[str]], name: str) -> str:
    return said[OURS + name][0]

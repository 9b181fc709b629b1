"""The graph as OpenLineage run events (spec 2-0-2): one line of canonical JSON an event.

OpenLineage has no words of its own for models, decisions or approvals, so every run, dataset and version carries the facet `lifecycle`
with what the ledger says; standard facets are used where there is one. A job is a stage of a model's life, a run is one activity, a
dataset is a thing with a digest, whose version is that digest. It is an export: the ledger stays the truth.

The facet `lifecycle` of a run: activity, kind, label, model, actor, outcome, facts, eventIds, ledgerIndexes, ledger (size and newest
checkpoint), dagsterRun, followed (what had to end first: activity, role, ledgerIndex, and its run unless no event here speaks of it).
Of a dataset: id, kind, label, digest, ledgerIndex (of the event that made it known), parts (the roles that it plays in this run, each
with the ledgerIndex of the event that says so).
"""

from __future__ import annotations

import uuid
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Literal

from lifecycle import __version__
from lifecycle.lineage.formats.instants import rfc3339
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation
from lifecycle.records.record import JsonObject, Microseconds, canonical_bytes

PRODUCER = f"urn:lifecycle:{__version__}"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = "https://openlineage.io/spec/facets"
#: The facet of our own.
OWN_FACET = "urn:lifecycle:openlineage:facet:1"
#: Run ids are derived from activities, so that every export of one ledger names one run alike (RFC 9562 §5.5).
RUN_NAMESPACE = uuid.UUID("6f1f4a8e-63c5-5d0e-9f0b-3a0a5a1f5c11")

#: What of a dataset's facts others filter by.
TAGS = ("classification", "licence")

EventType = Literal["START", "COMPLETE", "FAIL", "ABORT"]
_ENDS: dict[str, EventType] = {"failed": "FAIL", "aborted": "ABORT"}


@dataclass(frozen=True)
class RunEvent:
    """One run event, and the record of the ledger that it is told at."""

    index: int
    kind: EventType
    run_id: str
    said: JsonObject


def openlineage(graph: Graph, stamp: JsonObject) -> bytes:
    """Newline-delimited run events in ledger order. `stamp` says how far the ledger reached and carries its newest checkpoint."""
    return b"".join(canonical_bytes(event.said) + b"\n" for event in run_events(graph, stamp))


def run_events(graph: Graph, stamp: JsonObject, within: Container[int] | None = None) -> list[RunEvent]:
    """The run events in ledger order: each activity starts at its first record, and ends at its last unless it is open.

    `within` leaves out what is told at other records.
    """
    events: list[RunEvent] = []
    for activity in graph.activities.values():
        end = _ENDS.get(activity.outcome, "COMPLETE")
        told: list[tuple[int, EventType, Microseconds]] = [(activity.indexes[0], "START", activity.started_us)]
        told += [] if activity.ended_us is None else [(activity.indexes[-1], end, activity.ended_us)]
        for index, kind, at_us in told:
            if within is None or index in within:
                events.append(RunEvent(index, kind, run_id(activity), _event(graph, activity, kind, at_us, stamp)))
    return sorted(events, key=lambda event: event.index)


def run_id(activity: Activity) -> str:
    """The OpenLineage run of an activity: the same in every export."""
    return str(uuid.uuid5(RUN_NAMESPACE, f"{activity.environment}/{activity.id}"))


def _event(graph: Graph, activity: Activity, kind: EventType, at_us: Microseconds, stamp: JsonObject) -> JsonObject:
    # What an activity made is told when it ends; of one that is open, at once.
    made = kind != "START" or activity.ended_us is None
    return {
        "eventType": kind,
        "eventTime": rfc3339(at_us),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": run_id(activity), "facets": _run_facets(graph, activity, kind, stamp)},
        "job": {
            **_job(activity),
            "facets": {
                "jobType": _facet("2-0-4/JobTypeJobFacet", processingType="BATCH", integration="LIFECYCLE", jobType=activity.kind.upper()),
            },
        },
        "inputs": _datasets(graph, activity, "used"),
        "outputs": _datasets(graph, activity, "generated") if made else [],
    }


def _job(activity: Activity) -> JsonObject:
    return {"namespace": f"lifecycle.{activity.environment}", "name": f"{activity.model}.{_stage(activity)}"}


def _stage(activity: Activity) -> str:
    """Decisions of different gates are different jobs."""
    return f"{activity.facts['gate']}_gate" if activity.kind == "decision" else activity.kind


def _run_facets(graph: Graph, activity: Activity, kind: EventType, stamp: JsonObject) -> JsonObject:
    facets: JsonObject = {
        "lifecycle": _own_facet(
            activity=activity.id,
            kind=activity.kind,
            model=activity.model,
            actor=activity.actor.as_json(),
            outcome=activity.outcome if kind != "START" else "open",
            label=activity.label,
            eventIds=list(activity.event_ids),
            ledgerIndexes=list(activity.indexes),
            ledger=stamp,
            dagsterRun=activity.run_id,
            followed=[_followed(graph, edge) for edge in graph.edges_of(activity.id, "followed")],
            facts=activity.facts,
        ),
        "processing_engine": _facet("1-1-1/ProcessingEngineRunFacet", name="lifecycle", version=__version__),
    }
    upstream = [_upstream(graph.activities[node]) for node in _before(graph, activity)]
    if upstream:
        facets["jobDependencies"] = _facet("1-0-1/JobDependenciesRunFacet", upstream=upstream)
    if kind in ("FAIL", "ABORT"):
        message = str(activity.facts.get("reason") or activity.label)
        facets["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")
    return facets


def _before(graph: Graph, activity: Activity) -> list[str]:
    """The activities that it followed, each once, but for what no event here speaks of."""
    return list(dict.fromkeys(edge.other for edge in graph.edges_of(activity.id, "followed") if edge.other in graph.activities))


def _upstream(before: Activity) -> JsonObject:
    job, run = _job(before), {"runId": run_id(before)}
    return {"job": job, "run": dict(run), "dependency_type": "IMPLICIT_DEPENDENCY", "sequence_trigger_rule": "FINISH_TO_START"}


def _followed(graph: Graph, edge: Edge) -> JsonObject:
    before = graph.activities.get(edge.other)
    run: JsonObject = {} if before is None else {"run": run_id(before)}
    return {"activity": edge.other, "role": edge.role, "ledgerIndex": edge.index, **run}


def _datasets(graph: Graph, activity: Activity, relation: Relation) -> list[Any]:
    """Each thing once, however many parts it plays."""
    parts: dict[str, list[Edge]] = {}
    for edge in graph.edges_of(activity.id, relation):
        parts.setdefault(edge.other, []).append(edge)
    return [_dataset(activity, graph.entities[node], played, relation) for node, played in parts.items()]


def _dataset(activity: Activity, entity: Entity, played: list[Edge], relation: Relation) -> JsonObject:
    parts: list[Any] = [{"role": edge.role, "ledgerIndex": edge.index} for edge in played]
    facets: JsonObject = {
        "lifecycle": _own_facet(
            id=entity.id, kind=entity.kind, label=entity.label, digest=entity.digest, ledgerIndex=entity.index, parts=parts
        ),
    }
    if entity.digest is not None:
        facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=entity.digest)
    tags: list[Any] = [{"key": key, "value": str(entity.facts[key]), "source": "LIFECYCLE"} for key in TAGS if entity.facts.get(key)]
    if tags and entity.kind in ("dataset", "source"):
        facets["tags"] = _facet("1-0-0/TagsDatasetFacet", tags=tags)
    columns = entity.facts.get("columns")
    described: list[Any] = columns if entity.kind == "dataset" and isinstance(columns, list) else []
    if described:
        fields: list[Any] = [{"name": column["column"], "type": column["kind"]} for column in described]
        facets["schema"] = _facet("1-2-0/SchemaDatasetFacet", fields=fields)
    dataset: JsonObject = {"namespace": "lifecycle", "name": _name(activity, entity), "facets": facets}
    if described and relation == "used":
        metrics: JsonObject = {one["column"]: {"nullCount": one["missing"], "distinctCount": one["distinct"]} for one in described}
        quality = _facet("1-0-3/DataQualityMetricsInputDatasetFacet", rowCount=entity.facts["rows"], columnMetrics=metrics)
        dataset["inputFacets"] = {"dataQualityMetrics": quality}
    return dataset


def _name(activity: Activity, entity: Entity) -> str:
    """What governs all models goes by its kind, what is of one model by the model's name and its kind."""
    kind = "model" if entity.kind == "version" else entity.kind
    return kind if kind in ("bundle", "limits", "people") else f"{activity.model}/{kind}"


def _facet(path: str, **fields: Any) -> JsonObject:
    version, name = path.split("/")
    return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}/{version}/{name}.json#/$defs/{name}", **fields}


def _own_facet(**fields: Any) -> JsonObject:
    return {"_producer": PRODUCER, "_schemaURL": OWN_FACET, **fields}

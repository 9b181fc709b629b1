"""Reading the graph from the ledger: events in, entities, activities and edges out. The same events give the same graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lifecycle.lineage.describing import OPEN, Description, describe
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph, Relation, version_id
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.bodies.training import ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Digest, JsonObject

#: The roles in which a link names a version, and the field of the body that says which, where one does.
VERSION_ROLES = {
    "model": "",
    "champion": "champion_version",
    "superseded": "superseded_version",
    "from": "from_version",
    "to": "to_version",
}
#: What other roles are called as kinds of entity; any role that is not here is its own kind.
KINDS = {"report_json": "report", "report_html": "page", "approval": "statement"}


def read_graph(recorded: Iterable[Recorded]) -> Graph:
    """The graph of these events, which must be in ledger order."""
    events = tuple(recorded)
    reader = _Reader(_training_ids(events))
    for one in events:
        reader.read(one.index, one.event)
    return Graph(entities=reader.entities, activities=reader.activities, edges=tuple(reader.edges))


class _Reader:
    def __init__(self, training_ids: dict[str, str]) -> None:
        self.entities: dict[str, Entity] = {}
        self.activities: dict[str, Activity] = {}
        #: Kept in order and free of repetitions, whatever index they are repeated at.
        self.edges: dict[Edge, None] = {}
        self._said: set[tuple[str, Relation, str, str]] = set()
        self._training_ids = training_ids
        self._version_of: dict[tuple[str, Digest], int] = {}

    def read(self, index: int, event: Event) -> None:
        said = describe(event)
        if event.id in self._training_ids:
            said = replace(said, activity=f"training/{self._training_ids[event.id]}")
        if isinstance(event.body, ModelTrained) and event.subject.version is not None:
            self._version_of[event.subject.name, event.body.model_digest] = event.subject.version
        self._tell(index, event, said)
        used = [(link.role, link.digest) for link in event.inputs] + list(said.used)
        generated = [(link.role, link.digest) for link in event.outputs] + list(said.generated)
        subject = event.subject
        if subject.digest is not None and subject.kind in ("model", "dataset"):
            own = (str(subject.kind), subject.digest)
            (generated if isinstance(event.body, ModelTrained | DatasetIngested) else used).append(own)
        for role, digest in used:
            self._link(index, event, said, "used", role, digest)
        for role, digest in generated:
            self._link(index, event, said, "generated", role, digest)
        for activity, role in said.follows:
            self._edge(said.activity, "followed", activity, role, index)

    def _tell(self, index: int, event: Event, said: Description) -> None:
        """One more event of an activity: it starts with the first, ends with the last, and keeps what each of them said."""
        before = self.activities.get(said.activity)
        facts = said.facts if before is None else _merged(before.facts, said.facts)
        label = said.label if before is None or said.label != said.kind else before.label
        self.activities[said.activity] = Activity(
            id=said.activity,
            kind=said.kind,
            label=label,
            model=event.subject.name,
            environment=event.environment,
            actor=event.actor if before is None else before.actor,
            started_us=event.occurred_at_us if before is None else before.started_us,
            ended_us=None if said.outcome in OPEN else event.occurred_at_us,
            outcome=said.outcome,
            indexes=(*(before.indexes if before else ()), index),
            event_ids=(*(before.event_ids if before else ()), event.id),
            run_id=event.run_id or (before.run_id if before else None),
            facts=facts,
        )

    def _link(self, index: int, event: Event, said: Description, relation: Relation, role: str, digest: Digest) -> None:
        entity = self._entity(index, event, said, role, digest)
        self._edge(said.activity, relation, entity, role, index)

    def _entity(self, index: int, event: Event, said: Description, role: str, digest: Digest) -> str:
        facts: JsonObject = {}
        if role in VERSION_ROLES:
            version = self._version(event, role, digest)
            node, kind = (f"model/{digest}", "model") if version is None else (version_id(event.subject.name, version), "version")
            label = f"model {short(digest)}" if version is None else f"{event.subject.name}:{version}"
            facts = {} if version is None else {"model": event.subject.name, "version": version}
        else:
            kind = KINDS.get(role, role)
            node, label = f"{kind}/{digest}", f"{kind} {short(digest)}"
        if kind in ("dataset", "source"):
            facts = said.facts if said.kind == "ingestion" else {}
        if node not in self.entities:
            self.entities[node] = Entity(id=node, kind=kind, label=label, digest=digest, index=index, facts=facts)
        return node

    def _version(self, event: Event, role: str, digest: Digest) -> int | None:
        """Which version a link means. Two versions may be the same bytes, so what the event says of itself comes first."""
        said = getattr(event.body, VERSION_ROLES[role], None) if VERSION_ROLES[role] else None
        if isinstance(said, int):
            return said
        if isinstance(event.body, PredictionsSealed):
            return next((answered.version for answered in event.body.versions if answered.model_digest == digest), None)
        if role == "model" and event.subject.digest == digest and event.subject.version is not None:
            return event.subject.version
        return self._version_of.get((event.subject.name, digest))

    def _edge(self, activity: str, relation: Relation, other: str, role: str, index: int) -> None:
        key = (activity, relation, other, role)
        if key not in self._said and activity != other:
            self._said.add(key)
            self.edges[Edge(activity, relation, other, role, index)] = None


def _merged(before: JsonObject, after: JsonObject) -> JsonObject:
    """Facts of two events of one activity: lists grow, everything else is what was said last."""
    merged = dict(before)
    for name, value in after.items():
        old = merged.get(name)
        merged[name] = [*old, *value] if isinstance(old, list) and isinstance(value, list) else value
    return merged


def _training_ids(events: tuple[Recorded, ...]) -> dict[str, str]:
    """The training id of every start that does not name its own: that of the next end in the same run."""
    waiting: dict[tuple[str, str], list[str]] = {}
    found: dict[str, str] = {}
    for one in events:
        key = (one.event.subject.name, one.event.run_id or "")
        if isinstance(one.event.body, TrainingStarted) and one.event.body.training_id is None:
            waiting.setdefault(key, []).append(one.event.id)
        elif isinstance(one.event.body, ModelTrained | TrainingFailed):
            found |= dict.fromkeys(waiting.pop(key, ()), one.event.body.training_id)
    return found


def short(digest: Digest) -> str:
    """The first twelve hex digits of a digest: enough for a person to tell two apart."""
    return digest.removeprefix("sha256:")[:12]

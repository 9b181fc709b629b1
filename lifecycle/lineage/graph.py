"""The lineage graph: entities, the activities that used and made them, and what followed from what.

The three relations are those of W3C PROV, so that an export adds nothing and loses nothing:

- an activity *used* an entity (PROV `used`),
- an activity *generated* an entity (PROV `wasGeneratedBy`),
- an activity *followed* another one, which had to happen first (PROV `wasInformedBy`).

Every node and edge carries the ledger index of the event that says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from lifecycle.records.events import Actor
from lifecycle.records.record import Digest, JsonObject, Microseconds

Relation = Literal["used", "generated", "followed"]

#: The roles of a version that an activity only compared with or replaced: it is not about that version.
YARDSTICKS = frozenset({"champion", "superseded"})


@dataclass(frozen=True)
class Entity:
    """A thing with a digest: a source, a dataset, a version, a report, a policy bundle. `index` is the event that made it known."""

    id: str
    kind: str
    label: str
    digest: Digest | None
    index: int
    facts: JsonObject


@dataclass(frozen=True)
class Activity:
    """Something that happened, from one event or from several: a training run, a decision, a rollout."""

    id: str
    kind: str
    label: str
    model: str
    environment: str
    actor: Actor
    started_us: Microseconds
    #: None while it is open.
    ended_us: Microseconds | None
    outcome: str
    indexes: tuple[int, ...]
    event_ids: tuple[str, ...]
    run_id: str | None
    facts: JsonObject


@dataclass(frozen=True, order=True)
class Edge:
    """What an activity has to do with an entity, or with an activity before it, and in which role."""

    activity: str
    relation: Relation
    other: str
    role: str
    index: int


@dataclass(frozen=True)
class Graph:
    """Nodes by id, in the order in which the ledger first speaks of them, and edges in ledger order."""

    entities: Mapping[str, Entity]
    activities: Mapping[str, Activity]
    edges: tuple[Edge, ...]

    def as_json(self) -> JsonObject:
        """The graph as a JSON object: nodes by id, and edges."""
        return {
            "entities": {
                one.id: {"kind": one.kind, "label": one.label, "digest": one.digest, "ledger_index": one.index, "facts": one.facts}
                for one in self.entities.values()
            },
            "activities": {
                one.id: {
                    "kind": one.kind,
                    "label": one.label,
                    "model": one.model,
                    "environment": one.environment,
                    "actor": one.actor.as_json(),
                    "started_us": one.started_us,
                    "ended_us": one.ended_us,
                    "outcome": one.outcome,
                    "ledger_indexes": list(one.indexes),
                    "event_ids": list(one.event_ids),
                    "run_id": one.run_id,
                    "facts": one.facts,
                }
                for one in self.activities.values()
            },
            "edges": [
                {"activity": one.activity, "relation": one.relation, "other": one.other, "role": one.role, "ledger_index": one.index}
                for one in self.edges
            ],
        }

    @cached_property
    def _by_activity(self) -> Mapping[str, list[Edge]]:
        return _grouped((edge.activity, edge) for edge in self.edges)

    @cached_property
    def _by_other(self) -> Mapping[str, list[Edge]]:
        return _grouped((edge.other, edge) for edge in self.edges)

    def edges_of(self, activity: str, *relations: Relation) -> tuple[Edge, ...]:
        """What an activity used, generated or followed."""
        return tuple(edge for edge in self._by_activity.get(activity, ()) if edge.relation in relations)

    def edges_to(self, node: str, *relations: Relation) -> tuple[Edge, ...]:
        """The activities that used or generated an entity, or that followed an activity."""
        return tuple(edge for edge in self._by_other.get(node, ()) if edge.relation in relations)

    def maker(self, entity: str) -> Activity | None:
        """The activity that first generated an entity; None for what came from outside."""
        return next((self.activities[edge.activity] for edge in self.edges_to(entity, "generated")), None)

    def origins(self, *nodes: str) -> frozenset[str]:
        """These nodes and all that they came from, with what they say they followed even where it stands nowhere.

        Behind a version that is not one of them it does not look: that is another life.
        """
        found: set[str] = set()
        unseen = list(nodes)
        while unseen:
            node = unseen.pop()
            if node in found:
                continue
            found.add(node)
            if node in self.activities:
                unseen += [edge.other for edge in self.edges_of(node, "used", "followed")]
            elif node in self.entities and (node in nodes or self.entities[node].kind != "version"):
                unseen += [edge.activity for edge in self.edges_to(node, "generated")]
        return frozenset(found)

    def life_of(self, version: str) -> tuple[Activity, ...]:
        """Every activity that made or was about a version, in ledger order. As a yardstick for another it is not about it."""
        about = [edge.activity for edge in self.edges_to(version, "used", "generated") if edge.role not in YARDSTICKS]
        return tuple(sorted((self.activities[node] for node in dict.fromkeys(about)), key=lambda activity: activity.indexes))

    def around(self, version: str) -> Graph:
        """The part of the graph that is one version's: its life, all that its life came from, and all that its life made."""
        kept = set(self.origins(version, *(activity.id for activity in self.life_of(version))))
        kept |= {edge.other for node in tuple(kept) if node in self.activities for edge in self.edges_of(node, "generated")}
        return Graph(
            entities={node: entity for node, entity in self.entities.items() if node in kept},
            activities={node: activity for node, activity in self.activities.items() if node in kept},
            edges=tuple(edge for edge in self.edges if edge.activity in kept and (edge.other in kept or edge.relation == "followed")),
        )

    def bare(self) -> Graph:
        """The graph without its facts, its edges in one order: what every export carries whole, so that two can be compared."""
        return Graph(
            entities={node: replace(entity, facts={}) for node, entity in self.entities.items()},
            activities={node: replace(activity, facts={}) for node, activity in self.activities.items()},
            edges=tuple(sorted(set(self.edges))),
        )

    def missing(self) -> tuple[str, ...]:
        """The activities that something here followed and of which no event here speaks, sorted. An export shows each as missing."""
        return tuple(sorted({edge.other for edge in self.edges if edge.other not in self}))

    def __contains__(self, node: object) -> bool:
        return node in self.entities or node in self.activities


def version_id(model: str, version: int) -> str:
    """The id of a version's entity. Not its digest: two versions may be the same bytes, and each has a life of its own."""
    return f"version/{model}:{version}"


def _grouped(pairs: Iterable[tuple[str, Edge]]) -> Mapping[str, list[Edge]]:
    found: dict[str, list[Edge]] = defaultdict(list)
    for key, edge in pairs:
        found[key].append(edge)
    return found

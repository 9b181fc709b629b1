"""One version's life as an outline: what a person reads on a terminal, and what `--json` says, from the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lifecycle.errors import UnknownName
from lifecycle.lineage.graph import Activity, Entity, Graph, version_id
from lifecycle.lineage.reading import short
from lifecycle.records.record import Digest, JsonObject, Microseconds

Tone = Literal["plain", "good", "bad", "waiting"]
#: What happens again and again while a version serves, and how many of the last of each are told where nothing was breached.
RECURRING, LAST_REPORTS = ("monitoring", "sealing"), 3

#: How an outcome reads: what it means for the version, at a glance.
TONES: dict[str, Tone] = {
    "allow": "good",
    "approved": "good",
    "deny": "bad",
    "denied": "bad",
    "rejected": "bad",
    "failed": "bad",
    "aborted": "bad",
    "breached": "bad",
    "needs_approval": "waiting",
    "open": "waiting",
}


@dataclass(frozen=True)
class Outline:
    """A line, what there is to add to it, the digest and the ledger index that stand behind it, and what belongs under it."""

    what: str
    detail: str = ""
    digest: Digest | None = None
    index: int | None = None
    tone: Tone = "plain"
    children: tuple[Outline, ...] = ()

    def as_json(self) -> JsonObject:
        """The same as a JSON object."""
        return {
            "what": self.what,
            "detail": self.detail,
            "digest": self.digest,
            "ledger_index": self.index,
            "children": [child.as_json() for child in self.children],
        }


def outline_of(graph: Graph, model: str, version: int, states: Mapping[str, str]) -> Outline:
    """The life of one version. `states` is its state per environment. Raises UnknownName that lists the versions that there are."""
    entity = graph.entities.get(version_id(model, version))
    if entity is None:
        known = [one.label for one in graph.entities.values() if one.kind == "version" and one.facts.get("model") == model]
        raise UnknownName(
            f"The ledger knows no {model}:{version}.",
            f"The versions of {model} are {', '.join(known)}." if known else "`lifecycle status` lists the models and their versions.",
        )
    where = ", ".join(f"{state.replace('_', ' ')} in {environment}" for environment, state in sorted(states.items()))
    children = tuple(_activity(graph, one, entity.id) for one in told(graph.life_of(entity.id)))
    return Outline(entity.label, where, entity.digest, entity.index, children=children)


def told(life: Sequence[Activity]) -> list[Activity]:
    """A life without what recurs every minute or quarter of an hour: of that, what breached a guardrail and the last few."""
    last = {activity.id for kind in RECURRING for activity in [one for one in life if one.kind == kind][-LAST_REPORTS:]}
    return [activity for activity in life if activity.kind not in RECURRING or activity.outcome == "breached" or activity.id in last]


def _activity(graph: Graph, activity: Activity, version: str) -> Outline:
    """An activity with what it needed and what it made. What training used is told down to its source."""
    children: list[Outline] = []
    if activity.kind == "training":
        children += [_entity(graph, graph.entities[edge.other]) for edge in graph.edges_of(activity.id, "used")]
    for edge in graph.edges_of(activity.id, "followed"):
        children.append(_followed(graph, edge.other, edge.role))
    made = (graph.entities[edge.other] for edge in graph.edges_of(activity.id, "generated") if edge.other != version)
    children += [Outline(one.kind, "", one.digest, one.index) for one in made]
    children += [Outline(str(said), tone=TONES.get(activity.outcome, "plain")) for said in _listed(activity.facts, "violations")]
    return Outline(
        activity.label,
        "  ".join(part for part in (f"{moment(activity.started_us)} by {_who(activity)}", detail(activity)) if part),
        None,
        activity.indexes[-1],
        TONES.get(activity.outcome, "plain"),
        tuple(children),
    )


def _followed(graph: Graph, node: str, role: str) -> Outline:
    before = graph.activities.get(node)
    if before is None:
        return Outline(f"{role.replace('_', ' ')} {node}", "stands nowhere in the ledger", tone="bad")
    return Outline(f"{role.replace('_', ' ')} {before.label}", "", None, before.indexes[-1], TONES.get(before.outcome, "plain"))


def _entity(graph: Graph, entity: Entity) -> Outline:
    """A thing that training used, and under it how it came to be, down to the source."""
    maker = graph.maker(entity.id)
    under: tuple[Outline, ...] = ()
    if maker is not None:
        sources = tuple(Outline(graph.entities[e.other].kind, "", graph.entities[e.other].digest) for e in graph.edges_of(maker.id, "used"))
        under = (Outline(maker.label, f"{moment(maker.started_us)} by {_who(maker)}", None, maker.indexes[-1], children=sources),)
    return Outline(entity.kind, _dataset_detail(entity.facts), entity.digest, entity.index, children=under)


def detail(activity: Activity) -> str:
    """What is worth knowing of an activity, in one line."""
    facts = activity.facts
    if activity.kind == "training" and "seconds" in facts:
        return f"{facts['epochs']} epochs in {facts['seconds']:.1f} s on {facts['device']}, {facts['cost']:.4f} {facts['currency']}"
    if activity.kind == "evaluation":
        return "  ".join(_measured(name, value) for name, value in sorted(_mapping(facts, "headline").items()))
    if activity.kind == "decision":
        given = [f"approvals: {said}" for said in _listed(facts, "required")]
        return ", ".join([*given, f"policy {short(str(facts['bundle_digest']))}"])
    if activity.kind in ("approval", "barred"):
        return f"“{facts['reason']}”"
    if activity.kind == "rollout":
        reached = _listed(facts, "reached")
        ended = {"complete": "complete", "aborted": f"aborted by {facts.get('cause')}: {facts.get('reason')}"}.get(
            activity.outcome, "under way"
        )
        return f"{ended}, after {reached[-1]}" if reached and activity.outcome != "complete" else ended
    if activity.kind == "rollback" and "metric" in facts:
        return f"{facts['trigger']}: {facts['detail']}, in {float(str(facts['actuation_us'])) / 1_000:.1f} ms"
    if activity.kind == "monitoring":
        breached = _listed(facts, "breached")
        return f"breached: {', '.join(map(str, breached))}" if breached else "every guardrail holds or has not enough data"
    return str(facts.get("reason", ""))


def moment(at_us: Microseconds) -> str:
    """A moment as people write it, in UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _who(activity: Activity) -> str:
    """Who did it; a person whom nothing but a text names is a claim."""
    claimed = activity.actor.kind == "human" and not activity.actor.authenticated
    return f"{activity.actor.id} (a claim)" if claimed else activity.actor.id


def _dataset_detail(facts: JsonObject) -> str:
    splits = ", ".join(f"{rows:,} {name}" for name, rows in _mapping(facts, "splits").items())
    return f"{facts['rows']:,} rows ({splits}), licence {facts['licence']}" if "rows" in facts else ""


def _measured(name: str, value: Any) -> str:
    return f"{name} {value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _listed(facts: JsonObject, name: str) -> list[Any]:
    value = facts.get(name)
    return value if isinstance(value, list) else []


def _mapping(facts: JsonObject, name: str) -> dict[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, dict) else {}

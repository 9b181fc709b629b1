"""The lineage of one version as a picture: what it came from above it, what was decided and done with it below.

Things (data, versions, reports) have round ends, what happened has corners. What has the same maker, or serves the same, shares a box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from lifecycle.desk.plots.layers import Edge, Layout, laid_out, reduced
from lifecycle.desk.plots.strips import Tone
from lifecycle.desk.plots.svg import drawing, element, text
from lifecycle.lineage.graph import Activity, Entity, Graph
from lifecycle.lineage.outline import TONES, told
from lifecycle.lineage.reading import short

_BOX, _HEIGHT, _ACROSS, _DOWN, _EDGE = 192.0, 44.0, 22.0, 30.0, 10.0
#: What stands alone in its box, whatever else has the same maker.
_ALONE = frozenset({"version", "dataset", "model"})
_SIGNS: Mapping[Tone, str] = {"good": "✓", "bad": "✕", "waiting": "…", "plain": ""}
#: What fits into a box, in characters.
_FITS = 24


@dataclass(frozen=True)
class Box:
    """One box of the picture: what it stands for, in one line, and what names it, in a second one."""

    id: str
    shape: Literal["thing", "happening"]
    says: str
    named: str
    tone: Tone
    is_subject: bool = False


def lineage_picture(graph: Graph, version: str) -> Markup:
    """The picture of the graph around one version, with that version set off."""
    drawn = without_recurring(graph, version)
    edges = reduced(_in_order(drawn), _downward(drawn))
    box_of = _shared(drawn, edges)
    boxes = _boxes(drawn, box_of, version)
    later = [(box_of[start], box_of[end]) for start, end in _by_time(drawn, version)]
    layout = laid_out([box.id for box in boxes], [(box_of[start], box_of[end]) for start, end in edges], later)
    width = layout.columns * (_BOX + _ACROSS) - _ACROSS + 2 * _EDGE
    height = layout.layers * (_HEIGHT + _DOWN) - _DOWN + 2 * _EDGE
    centre = width / 2
    parts = [*_ways(layout, centre), *(_drawn(box, layout.places[box.id], centre) for box in boxes)]
    subject = graph.entities[version].label
    title = f"What {subject} came from and what became of it"
    says = f"{len(boxes)} boxes in {layout.layers} rows, from the source of the data down to what was done with {subject} last. {_TOLD}"
    return drawing(width, height, parts, class_="lineage", sized=True, title=title, says=says, key="lineage")


_TOLD = "The history on this page tells the same in words."


def _downward(graph: Graph) -> Iterator[tuple[str, str]]:
    """Every edge in the direction of time: from what was used or came first to what happened, and on to what that made."""
    for edge in graph.edges:
        if edge.other not in graph or edge.activity not in graph:
            continue
        yield (edge.activity, edge.other) if edge.relation == "generated" else (edge.other, edge.activity)


def without_recurring(graph: Graph, version: str) -> Graph:
    """The graph with only those of the recurring activities that a history tells of as well."""
    life = graph.life_of(version)
    kept = {activity.id for activity in told(life)}
    left_out = {activity.id for activity in life} - kept
    if not left_out:
        return graph
    edges = tuple(edge for edge in graph.edges if edge.activity not in left_out)
    joined = {edge.other for edge in edges} | {version}
    return Graph(
        entities={node: entity for node, entity in graph.entities.items() if node in joined},
        activities={node: activity for node, activity in graph.activities.items() if node not in left_out},
        edges=edges,
    )


def _in_order(graph: Graph) -> list[str]:
    """The nodes in the order in which the ledger first speaks of them."""
    return sorted((*graph.entities, *graph.activities), key=lambda node: _first(graph, node))


def _first(graph: Graph, node: str) -> tuple[int, bool]:
    """Of what one record speaks of, what happened comes after what it used."""
    return (graph.entities[node].index, False) if node in graph.entities else (graph.activities[node].indexes[0], True)


def _by_time(graph: Graph, version: str) -> Iterator[tuple[str, str]]:
    """What happened to a version after everything before it, although it names nothing that it followed: a rollback, a report."""
    life = graph.life_of(version)
    for place, activity in enumerate(life):
        if place and not graph.edges_of(activity.id, "followed"):
            yield from ((before.id, activity.id) for before in life[:place])


def _shared(graph: Graph, edges: Sequence[Edge]) -> dict[str, str]:
    """The box of each node: its own, or that of the first node which came about or serves in the same way."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        before[end].append(start)
        after[start].append(end)
    firsts: dict[tuple[object, ...], str] = {}
    box_of: dict[str, str] = {}
    for node in _in_order(graph):
        around = ("after", *sorted(before[node]), "before", *sorted(after[node]))
        if node in graph.entities:
            entity = graph.entities[node]
            alone = entity.kind in _ALONE
            made = ("made", *sorted(before[node])) if before[node] else around
            box_of[node] = firsts.setdefault((node,) if alone else made, node)
        else:
            activity = graph.activities[node]
            same = (activity.kind, activity.label, activity.outcome, *around)
            box_of[node] = firsts.setdefault(same if activity.kind == "ingestion" else (node,), node)
    return box_of


def _boxes(graph: Graph, box_of: Mapping[str, str], version: str) -> list[Box]:
    """The boxes in the order in which the ledger first speaks of them."""
    inside: dict[str, list[str]] = defaultdict(list)
    for node, box in box_of.items():
        inside[box].append(node)
    found: list[tuple[int, Box]] = []
    for box, nodes in inside.items():
        if box in graph.entities:
            things = [graph.entities[node] for node in nodes]
            found.append((things[0].index, _thing(box, things, is_subject=box == version)))
        else:
            found.append((graph.activities[box].indexes[0], _happening(graph.activities[box], len(nodes))))
    return [box for _, box in sorted(found, key=lambda one: one[0])]


def _thing(box: str, things: Sequence[Entity], *, is_subject: bool) -> Box:
    first = things[0]
    says = first.label if first.kind == "version" else ", ".join(dict.fromkeys(one.kind.replace("_", " ") for one in things))
    named = "" if first.digest is None or len(things) > 1 else short(first.digest)
    return Box(box, "thing", says, named or f"{len(things)} artifacts", "plain", is_subject)


def _happening(activity: Activity, times: int) -> Box:
    records = f"record {activity.indexes[0]}" if len(activity.indexes) == 1 else f"records {activity.indexes[0]}–{activity.indexes[-1]}"
    return Box(
        activity.id,
        "happening",
        activity.label,
        f"{records}, {times} times" if times > 1 else records,
        TONES.get(activity.outcome, "plain"),
    )


def _ways(layout: Layout, centre: float) -> Iterator[Markup]:
    for way in layout.ways.values():
        points = [_middle(place, centre) for place in way]
        (x, y), path = (points[0][0], points[0][1] + _HEIGHT / 2), ""
        path = f"M{x:.1f} {y:.1f}"
        for number, (across, down) in enumerate(points[1:], 1):
            arrives = down - _HEIGHT / 2
            bend = (y + arrives) / 2
            path += f" C{x:.1f} {bend:.1f} {across:.1f} {bend:.1f} {across:.1f} {arrives:.1f}"
            if number < len(points) - 1:
                path += f" V{down + _HEIGHT / 2:.1f}"
            x, y = across, down + _HEIGHT / 2
        yield element("path", d=path, class_="way")


def _middle(place: tuple[float, int], centre: float) -> tuple[float, float]:
    column, layer = place
    return centre + column * (_BOX + _ACROSS), _EDGE + layer * (_HEIGHT + _DOWN) + _HEIGHT / 2


def _drawn(box: Box, place: tuple[float, int], centre: float) -> Markup:
    x, y = _middle(place, centre)
    corner = 22.0 if box.shape == "thing" else 5.0
    subject = " is-subject" if box.is_subject else ""
    sign = f"{_SIGNS[box.tone]} " if _SIGNS[box.tone] else ""
    return element(
        "g",
        element("title", f"{box.says} ({box.named})"),
        element("rect", x=x - _BOX / 2, y=y - _HEIGHT / 2, width=_BOX, height=_HEIGHT, rx=corner),
        text(x, y - 3.0, sign + _fitting(box.says, _FITS - len(sign)), "says"),
        text(x, y + 13.0, _fitting(box.named, _FITS + 6), "named"),
        class_=f"box is-{box.shape} is-{box.tone}{subject}",
    )


def _fitting(said: str, most: int) -> str:
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"

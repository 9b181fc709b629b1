"""Laying out a graph without cycles in layers, from the top down: every edge leads down, as few as possible cross.

The method is that of Sugiyama, Tagawa and Toda (1981): edges that another way implies are left out, a node stands one layer below the
lowest that leads to it, an edge that passes a layer bends there, and layers are sorted by the mean place of their neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: How often the layers are sorted, down and up; pictures of this size are at rest before.
_SWEEPS = 8

Edge = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """The layer of each node, its place within it (a centred column, so that 0 is the middle), and the bends of each edge."""

    places: Mapping[str, tuple[float, int]]
    #: The columns and layers that an edge passes through, both ends included.
    ways: Mapping[Edge, tuple[tuple[float, int], ...]]
    columns: int
    layers: int


def laid_out(nodes: Sequence[str], edges: Iterable[Edge], later: Iterable[Edge] = ()) -> Layout:
    """The layout of these nodes; of each pair in `later`, the second stands below the first although no edge is drawn.

    The same nodes and edges in the same order give the same layout.
    """
    kept = reduced(nodes, edges)
    layer = _layers(nodes, reduced(nodes, [*kept, *later]))
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    chains: dict[Edge, list[str]] = {}
    segments: list[Edge] = []
    for start, end in kept:
        chain = [start, *(f"{start}\0{end}\0{number}" for number in range(layer[start] + 1, layer[end])), end]
        for number, bend in enumerate(chain[1:-1], layer[start] + 1):
            rows[number].append(bend)
        chains[start, end] = chain
        segments += pairwise(chain)
    _sort(rows, segments)
    places = {node: (place - (len(row) - 1) / 2, number) for number, row in enumerate(rows) for place, node in enumerate(row)}
    return Layout(
        places={node: places[node] for node in nodes},
        ways={edge: tuple(places[node] for node in chain) for edge, chain in chains.items()},
        columns=max(map(len, rows), default=0),
        layers=len(rows),
    )


def reduced(nodes: Sequence[str], edges: Iterable[Edge]) -> list[Edge]:
    """The edges without those that a longer way implies, in the order of the nodes.

    Of edges that form a circle, the one that closes it is left out, as seen from the first node.
    """
    known = set(nodes)
    following = _without_circles(nodes, {(start, end) for start, end in edges if start in known and end in known})
    reached: dict[str, set[str]] = {}

    def beyond(node: str) -> set[str]:
        if node not in reached:
            reached[node] = set().union(*({after} | beyond(after) for after in following[node]))
        return reached[node]

    return [
        (node, after)
        for node in nodes
        for after in following[node]
        if not any(after in beyond(one) for one in following[node] if one != after)
    ]


def _without_circles(nodes: Sequence[str], edges: set[Edge]) -> dict[str, list[str]]:
    """What each node leads to, in the order of the nodes, without the edges that lead back to where a way came from."""
    order = {node: number for number, node in enumerate(nodes)}
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in sorted(edges, key=lambda edge: (order[edge[0]], order[edge[1]])):
        following[start].append(end)
    kept: dict[str, list[str]] = {}

    def walk(node: str, above: frozenset[str]) -> None:
        kept[node] = [after for after in following[node] if after not in above]
        for after in kept[node]:
            if after not in kept:
                walk(after, above | {after})

    for node in nodes:
        if node not in kept:
            walk(node, frozenset({node}))
    return kept


def _layers(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way that leads to a node; one that nothing leads to stands right above the first that it leads to."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        before[end].append(start)
        after[start].append(end)
    found: dict[str, int] = {}

    def depth(node: str) -> int:
        if node not in found:
            found[node] = max((depth(one) + 1 for one in before[node]), default=0)
        return found[node]

    for node in nodes:
        depth(node)
    for node in nodes:
        if not before[node] and after[node]:
            found[node] = max(0, min(found[one] for one in after[node]) - 1)
    return found


def _sort(rows: list[list[str]], segments: Sequence[Edge]) -> None:
    """Sorts each row by the mean place of what it is joined to in the row before, down and up by turns."""
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for start, end in segments:
        above[end].append(start)
        below[start].append(end)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        joined = above if down else below
        for number in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            neighbour = rows[number - 1 if down else number + 1]
            middle = (len(neighbour) - 1) / 2
            at = {node: place - middle for place, node in enumerate(neighbour)}
            own = {node: place - (len(rows[number]) - 1) / 2 for place, node in enumerate(rows[number])}

            def mean(node: str, at: dict[str, float] = at, own: dict[str, float] = own, joined: dict[str, list[str]] = joined) -> float:
                found = [at[one] for one in joined[node] if one in at]
                return sum(found) / len(found) if found else own[node]

            rows[number].sort(key=mean)

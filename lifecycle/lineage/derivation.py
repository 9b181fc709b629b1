"""What was made from what: the short way through the graph, past the activity between the two."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.lineage.graph import Activity, Edge, Graph

#: What makes one thing from another. To be looked at by a decision or an approval derives nothing.
DERIVING = frozenset({"ingestion", "training", "evaluation"})


def derivations(graph: Graph, activity: Activity) -> Iterator[tuple[Edge, Edge]]:
    """(what the activity made, what it made it from), each pair of things once."""
    if activity.kind in DERIVING:
        used = {edge.other: edge for edge in graph.edges_of(activity.id, "used")}
        generated = {edge.other: edge for edge in graph.edges_of(activity.id, "generated")}
        yield from ((made, source) for made in generated.values() for source in used.values() if made.other != source.other)

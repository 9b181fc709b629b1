"""Laying out graphs in layers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.desk.plots.layers import laid_out, reduced

NODES = [f"n{number}" for number in range(12)]
EDGES = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=30)


def downward(edges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """These edges without circles: each from a node to one with a greater number."""
    return [(start, end) for start, end in edges if NODES.index(start) < NODES.index(end)]


def reaches(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(edges)
    while True:
        more = {(start, end) for start, middle in found for other, end in found if middle == other} - found
        if not more:
            return found
        found |= more


@given(EDGES)
def test_every_edge_leads_down(edges: list[tuple[str, str]]) -> None:
    """Whatever was given, circles included: what is drawn ends in a lower layer than it starts, layer by layer."""
    layout = laid_out(NODES, edges)
    for (start, end), way in layout.ways.items():
        assert way[0] == layout.places[start]
        assert way[-1] == layout.places[end]
        assert [layer for _, layer in way] == list(range(way[0][1], way[-1][1] + 1))


@given(EDGES)
def test_no_two_things_stand_in_one_place(edges: list[tuple[str, str]]) -> None:
    """Neither two nodes nor a node and the bend of an edge."""
    layout = laid_out(NODES, edges)
    bends = [place for way in layout.ways.values() for place in way[1:-1]]
    everything = [*layout.places.values(), *bends]
    assert len(set(everything)) == len(everything)
    assert max(layer for _, layer in everything) + 1 == layout.layers


@given(EDGES)
def test_what_leads_where_is_kept(edges: list[tuple[str, str]]) -> None:
    """Leaving out what another way implies changes nothing about what leads where, and nothing more can be left out."""
    given_edges = downward(edges)
    kept = reduced(NODES, given_edges)
    assert reaches(kept) == reaches(given_edges)
    assert all(reaches([one for one in kept if one != left_out]) != reaches(kept) for left_out in kept)


@given(EDGES)
def test_the_same_graph_is_laid_out_the_same_way(edges: list[tuple[str, str]]) -> None:
    """In whatever order its edges are told, and however often."""
    assert laid_out(NODES, edges) == laid_out(NODES, [*reversed(edges), *edges])


def test_what_is_later_stands_lower_without_an_edge() -> None:
    """A pair of `later` moves a node down and draws nothing."""
    layout = laid_out(["a", "b", "c"], [("a", "b"), ("a", "c")], later=[("b", "c")])
    assert [layout.places[node][1] for node in ("a", "b", "c")] == [0, 1, 2]
    assert set(layout.ways) == {("a", "b"), ("a", "c")}


def test_nothing_is_laid_out_as_nothing() -> None:
    """A graph without nodes has no layers."""
    assert (laid_out([], []).layers, laid_out([], []).columns) == (0, 0)

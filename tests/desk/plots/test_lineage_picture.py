"""The lineage of a version as a picture."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given

from lifecycle.desk.plots.lineage import lineage_picture, without_recurring
from lifecycle.lineage.graph import Entity, Graph, version_id
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.selection import events_behind
from tests.lineage.graphs import graphs
from tests.lineage.lives import whole_life

SUBJECT = Entity(id="version/x:1", kind="version", label="x:1", digest=None, index=0, facts={})


def life_of(version: int) -> Graph:
    return read_graph(events_behind(whole_life(), "credit", version)).around(version_id("credit", version))


def texts(svg: str, class_: str) -> list[str]:
    return ["".join(part.itertext()) for part in ET.fromstring(svg).iter() if part.get("class") == class_]


def test_the_picture_tells_the_life_from_the_source_to_the_rollback() -> None:
    """Source, data, training, the version itself, evaluation, decisions, approval, rollout and rollback are in it, top to bottom."""
    svg = lineage_picture(life_of(3), version_id("credit", 3))
    boxes = {
        "".join(group.find("title").itertext()): float(group.find("rect").get("y", ""))  # type: ignore[union-attr]  # each box has both
        for group in ET.fromstring(svg).iter()
        if group.tag == "g"
    }

    def row(start: str) -> float:
        return next(y for told, y in boxes.items() if told.startswith(start))

    order = (
        "source",
        "ingested",
        "dataset",
        "trained credit:3",
        "credit:3",
        "evaluated",
        "promotion",
        "deployment",
        "rollout",
        "rolled back",
    )
    rows = [row(start) for start in order]
    assert rows == sorted(rows)
    assert len(set(rows)) == len(rows)


def test_the_version_itself_is_set_off_once() -> None:
    """One box is the subject's."""
    root = ET.fromstring(lineage_picture(life_of(1), version_id("credit", 1)))
    assert len([part for part in root.iter() if "is-subject" in (part.get("class") or "")]) == 1


def test_an_outcome_is_told_by_a_sign_and_not_by_colour_alone() -> None:
    """A box that is coloured for its outcome begins with its sign."""
    root = ET.fromstring(lineage_picture(life_of(2), version_id("credit", 2)))
    for tone, sign in (("is-good", "✓"), ("is-bad", "✕"), ("is-waiting", "…")):
        for group in root.iter("g"):
            if tone in (group.get("class") or "").split():
                assert (group.findtext("text") or "").startswith(sign)
    assert "is-bad" in ET.tostring(root, encoding="unicode")


def test_a_screen_reader_is_told_what_the_picture_is() -> None:
    """It is one picture with a title and a description."""
    root = ET.fromstring(lineage_picture(life_of(1), version_id("credit", 1)))
    assert root.get("role") == "img"
    named = {part.get("id"): part.text for part in root if part.tag in ("title", "desc")}
    assert list(named) == (root.get("aria-labelledby") or "").split()
    assert all(named.values())


@given(graphs())
def test_any_graph_can_be_drawn(graph: Graph) -> None:
    """Odd labels, circles and activities that stand nowhere make no picture that can't be read."""
    whole = Graph(entities={**graph.entities, SUBJECT.id: SUBJECT}, activities=graph.activities, edges=graph.edges)
    root = ET.fromstring(lineage_picture(whole, SUBJECT.id))
    assert len([part for part in root.iter() if "is-subject" in (part.get("class") or "")]) == 1


def test_what_recurs_does_not_fill_the_picture() -> None:
    """Of a hundred reports on what serves, those are drawn that the history tells."""
    ledger = whole_life()
    graph = read_graph(events_behind(ledger, "credit", 1)).around(version_id("credit", 1))
    report = next(one for one in graph.activities.values() if one.kind == "monitoring")
    more = {f"monitoring/{number}": replace(report, id=f"monitoring/{number}", outcome="holds") for number in range(100)}
    edges = [edge for edge in graph.edges if edge.activity == report.id]
    crowded = Graph(
        entities=graph.entities,
        activities={**graph.activities, **more},
        edges=(*graph.edges, *(replace(edge, activity=name) for name in more for edge in edges)),
    )
    assert len(without_recurring(crowded, version_id("credit", 1)).activities) < len(graph.activities) + 5

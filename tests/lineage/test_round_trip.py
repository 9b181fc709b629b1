"""One graph, whichever language it is written in: read back, each export is the same nodes and the same edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.lineage.export import FORMATS, Lineage, lineage_of, written
from lifecycle.lineage.graph import Graph
from lifecycle.lineage.parsing import PARSERS
from lifecycle.lineage.parsing.exported import Exported
from lifecycle.lineage.reading import read_graph
from lifecycle.records.events import Recorded
from lifecycle.records.record import JsonObject
from tests.lineage import in_memory, lives
from tests.lineage.graphs import graphs
from tests.lineage.signers import SIGNER
from tests.records.samples.happenings import happenings

STAMP: JsonObject = {"size": 7, "checkpoint": in_memory.CHECKPOINT}


def round_trip(lineage: Lineage, form: str) -> Exported:
    (content,) = written(lineage, form, SIGNER).values()
    return PARSERS[form](content)


def whole() -> in_memory.Ledger:
    """The whole life, with what goes wrong, what governs, and a rollout whose decision stands nowhere."""
    ledger = lives.whole_life()
    lives.rejected(ledger)
    lives.training_failed(ledger)
    lives.enrolled(ledger)
    lives.revoked(ledger, 3)
    del ledger.recorded[next(one.index for one in ledger.recorded if one.event.id == "decided-deployment-1")]
    return ledger


def test_every_format_has_its_parser() -> None:
    """What is written can be read back."""
    assert list(PARSERS) == list(FORMATS)


@pytest.mark.parametrize("chosen", [{}, {"model": "credit"}, {"model": "credit", "version": 1}, {"model": "credit", "version": 3}], ids=str)
def test_the_four_exports_of_a_life_are_one_graph(chosen: dict[str, Any]) -> None:
    """Whole, of one model and of one version: the nodes and edges that are read back are the same in all four."""
    lineage = lineage_of(whole(), **chosen)
    read = {form: round_trip(lineage, form) for form in FORMATS}
    expected = lineage.graph.bare()
    assert expected.edges
    for form, exported in read.items():
        assert exported.graph == expected, form
        assert exported.stamp == lineage.stamp, form


@pytest.mark.parametrize("form", FORMATS)
def test_every_type_of_event_survives_every_format(form: str) -> None:
    """One event of each type there is, each gate among them: none is lost in any language."""
    recorded = tuple(Recorded(index=index, event=event) for index, event in enumerate(happenings()))
    lineage = Lineage("every-type", read_graph(recorded), recorded, STAMP)
    told = {event_id for activity in lineage.graph.activities.values() for event_id in activity.event_ids}
    assert told == {one.event.id for one in recorded}
    assert round_trip(lineage, form).graph == lineage.graph.bare()


def test_what_an_activity_followed_and_nothing_speaks_of_is_told_as_missing() -> None:
    """The decision that is gone is in no export a node, and in each of them an edge."""
    lineage = lineage_of(whole())
    assert lineage.graph.missing() == ("decision/deployment-1",)
    for form in FORMATS:
        graph = round_trip(lineage, form).graph
        assert "decision/deployment-1" not in graph
        assert graph.missing() == ("decision/deployment-1",)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=50)
@given(graph=graphs())
def test_any_graph_survives_any_format(form: str, graph: Graph) -> None:
    """Nothing is lost, added or renamed on the way: odd names, open ends, several parts of one thing, missing origins."""
    exported = round_trip(Lineage("any", graph, (), STAMP), form)
    assert exported.graph == graph.bare()
    assert exported.stamp in (STAMP, None)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=50)
@given(graph=graphs())
def test_any_graph_gives_the_same_bytes_twice(form: str, graph: Graph) -> None:
    """An export depends on the graph and on nothing else: not on a clock, a random number or an order of hashing."""
    lineage = Lineage("any", graph, (), STAMP)
    assert written(lineage, form, SIGNER) == written(lineage, form, SIGNER)


@pytest.mark.parametrize("form", FORMATS)
@given(content=st.one_of(st.binary(max_size=40), st.sampled_from((b"{}", b"[]", b"null", b"1", b'{"entity":{}}', b'{"run":1}'))))
def test_what_is_no_export_is_refused_by_name(form: str, content: bytes) -> None:
    """Bytes of something else raise MalformedRecord, never another error."""
    if form in ("openlineage", "in-toto") and not content.splitlines():
        assert PARSERS[form](content).graph.activities == {}
        return
    with pytest.raises(MalformedRecord):
        PARSERS[form](content)

"""Which records stand behind a version: all of its life, and little of the others'."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.lineage.export import lineage_of
from lifecycle.lineage.graph import Graph, version_id
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.selection import answers_of, events_behind
from lifecycle.records.bodies.serving import PredictionsSealed, SealedVersion
from lifecycle.records.events import Recorded, Subject
from tests.lineage import in_memory, lives


def shape(graph: Graph) -> tuple[set[str], set[tuple[str, str, str, str]]]:
    """What is in a graph, without the index that first spoke of a thing: that may be a record of another version."""
    return {*graph.entities, *graph.activities}, {(one.activity, one.relation, one.other, one.role) for one in graph.edges}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_records_behind_a_version_tell_its_whole_life(version: int) -> None:
    """The graph that they give is that of the whole ledger around the version: nothing is missing, nothing is more."""
    ledger = lives.whole_life()
    expected = read_graph(ledger.events(name="credit")).around(version_id("credit", version))
    found = lineage_of(ledger, "credit", version).graph
    assert shape(found) == shape(expected)


def test_every_index_that_a_version_s_lineage_names_is_among_its_records() -> None:
    """Whoever is handed these records can look each statement up."""
    lineage = lineage_of(lives.whole_life(), "credit", 3)
    held = {one.index for one in lineage.recorded}
    named = {one.index for one in lineage.graph.entities.values()} | {one.index for one in lineage.graph.edges}
    assert named | {index for one in lineage.graph.activities.values() for index in one.indexes} <= held


def test_another_version_s_approvals_and_decisions_are_not_read() -> None:
    """The denied version's records are its own, its data's and its training's."""
    ids = {one.event.id for one in events_behind(lives.whole_life(), "credit", 2)}
    assert {"ingested", "started-2", "trained-2", "evaluated-2", "decided-promotion-2"} <= ids
    assert not ids & {"approved-1", "decided-promotion-1", "trained-1", "evaluated-3"}


def test_a_decision_that_another_run_took_is_found() -> None:
    """What allowed the training is among the records, though no run joins the two."""
    ids = {one.event.id for one in events_behind(lives.whole_life(), "credit", 1)}
    assert "decided-access-1" in ids


def sealed(ledger: in_memory.Ledger, number: int, *versions: int) -> None:
    answered = tuple(
        SealedVersion(
            version=version, model_digest=in_memory.model_digest(version), decision_id=None, bundle_digest=None, arm="champion", rows=1
        )
        for version in versions
    )
    body = PredictionsSealed(
        segment=f"{number}.jsonl",
        stream="stream-1",
        number=number,
        rows=len(versions),
        from_us=in_memory.START_US,
        to_us=in_memory.START_US + 1,
        root=in_memory.digest(f"rows {number}"),
        versions=answered,
    )
    about = Subject(kind="model", name="credit")
    ledger.add(body, about, run_id=None, outputs={"predictions": body.root}, event_id=f"sealed-{number}")


def test_a_version_s_segments_are_those_in_which_it_answered() -> None:
    """Not those of others, and none before its first rollout; the versions in them are known without their trainings."""
    ledger = lives.whole_life()
    sealed(ledger, 1, 1)
    sealed(ledger, 2, 1, 3)
    found = lineage_of(ledger, "credit", 3).graph
    assert [node for node in found.activities if node.startswith("sealing/")] == ["sealing/sealed-2"]
    assert {edge.other for edge in found.edges_of("sealing/sealed-2", "used")} == {"version/credit:1", "version/credit:3"}
    assert "sealing/sealed-2" not in lineage_of(ledger, "credit", 3, answers=False).graph


def test_a_version_s_records_do_not_grow_with_the_others() -> None:
    """A hundred more versions add nothing to one of them."""
    ledger = in_memory.Ledger()
    lives.ingested(ledger)
    for version in range(1, 101):
        lives.trained(ledger, version)
        lives.evaluated(ledger, version)
    assert [one.event.id for one in events_behind(ledger, "credit", 50)] == ["ingested", "started-50", "trained-50", "evaluated-50"]


def test_a_rollback_belongs_to_the_two_versions_that_it_is_between() -> None:
    """It stands under the one that was left, and under no third one."""
    ledger = lives.whole_life()
    (back,) = [one.index for one in ledger.events(types=("RolledBack",))]
    assert [back in {one.index for one in events_behind(ledger, "credit", version)} for version in (1, 2, 3)] == [True, False, True]


def test_data_that_a_version_did_not_learn_from_is_not_its_own() -> None:
    """A later reading of the same model's data is for the versions to come."""
    ledger = lives.whole_life()
    before = events_behind(ledger, "credit", 1)
    other = Subject(kind="dataset", name="credit", digest=in_memory.digest("other rows"))
    ledger.add(ledger.events(types=("DatasetIngested",))[0].event.body, other, event_id="later")
    assert events_behind(ledger, "credit", 1) == before


def test_answers_are_read_a_page_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants the first of a year's segments does not read the others."""
    monkeypatch.setattr("lifecycle.lineage.selection.PAGE", 2)
    ledger = lives.whole_life()
    for number in range(1, 8):
        sealed(ledger, number, 1 + 2 * (number % 2))
    read: list[int] = []
    events = ledger.events

    def counted(**wanted: Any) -> list[Recorded]:
        found = events(**wanted)
        read.append(len(found))
        return found

    monkeypatch.setattr(ledger, "events", counted)
    answers = answers_of(ledger, "credit", 3)
    assert next(answers).event.id == "sealed-1"
    assert read == [1, 2]
    assert [one.event.id for one in answers] == ["sealed-3", "sealed-5", "sealed-7"]

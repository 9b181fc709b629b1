"""The graph: what came from what, and where one version's life ends and another's begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.lineage.describing import TELLERS
from lifecycle.lineage.graph import Graph, version_id
from lifecycle.lineage.reading import read_graph
from lifecycle.records.bodies import BODIES
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Recorded
from tests.lineage import in_memory, lives


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_graph(lives.whole_life().recorded)


def test_every_type_of_event_has_a_place_in_the_graph() -> None:
    """No body is left without a description: a new one must be given a place."""
    assert set(TELLERS) == set(BODIES.values())


def test_a_version_comes_from_its_training_data_and_source(graph: Graph) -> None:
    """Behind a version stand its training, what allowed that, the dataset, the ingestion and the source, and nothing else."""
    kinds = sorted(node.split("/")[0] for node in graph.origins(version_id("credit", 1)))
    assert kinds == ["bundle", "dataset", "decision", "ingestion", "limits", "people", "source", "training", "version"]


def test_a_start_and_its_end_are_one_training(graph: Graph) -> None:
    """TrainingStarted and ModelTrained of one run make one activity, with both events behind it."""
    training = graph.activities["training/training-1"]
    assert training.event_ids == ("started-1", "trained-1")
    assert training.outcome == "complete"
    assert training.ended_us == training.started_us + 1_000_000


def test_a_rollout_is_one_activity_from_request_to_end(graph: Graph) -> None:
    """The steps that were reached are its facts, and its outcome is how it ended."""
    assert graph.activities["rollout/rollout-1"].facts["reached"] == ["10 %", "50 %"]
    assert graph.activities["rollout/rollout-1"].outcome == "complete"
    assert graph.activities["rollout/rollout-3"].outcome == "aborted"


def test_a_deployment_follows_its_promotion_and_consumes_the_approval(graph: Graph) -> None:
    """The chain of decisions and people is in the edges, with the role of each."""
    edges = {(edge.other, edge.role) for edge in graph.edges_of("decision/deployment-1", "followed")}
    assert edges == {("decision/promotion-1-again", "promoted_by"), ("approval/approved-1", "consumed")}
    assert ("decision/promotion-1", "asked_by") in {(e.other, e.role) for e in graph.edges_of("approval/approved-1", "followed")}


def test_the_champion_of_a_comparison_is_not_an_origin(graph: Graph) -> None:
    """Version 3 was compared with version 1; the history of version 1 is not part of it."""
    around = graph.around(version_id("credit", 3))
    assert version_id("credit", 1) in around
    assert "training/training-1" not in around
    assert "approval/approved-1" not in around


def test_a_version_that_is_rolled_back_to_has_that_in_its_life(graph: Graph) -> None:
    """The rollback from 3 to 1 belongs to both lives; the evaluation of 3 against 1 belongs to that of 3 only."""
    life = [activity.id for activity in graph.life_of(version_id("credit", 1))]
    assert "rollback/rollback-3" in life
    assert "evaluation/evaluated-3" not in life


def test_two_versions_of_the_same_bytes_have_a_life_each() -> None:
    """Training is deterministic: the same bytes may come twice, and each version keeps its own training."""
    ledger = in_memory.Ledger()
    lives.ingested(ledger)
    lives.trained(ledger, 1)
    twin = ledger.recorded[-1].event
    assert isinstance(twin.body, ModelTrained)
    body = twin.body.model_copy(update={"training_id": "training-2"})
    ledger.add(body, twin.subject.model_copy(update={"version": 2}), event_id="trained-2", outputs={"model": body.model_digest})
    graph = read_graph(ledger.recorded)
    makers = {version: graph.maker(version_id("credit", version)) for version in (1, 2)}
    assert {version: maker.id for version, maker in makers.items() if maker is not None} == {
        1: "training/training-1",
        2: "training/training-2",
    }


def test_every_edge_names_an_event_that_is_in_the_ledger(graph: Graph) -> None:
    """An edge carries the index of the event that says so."""
    size = len(lives.whole_life().recorded)
    assert all(0 <= edge.index < size for edge in graph.edges)
    assert all(edge.other in graph for edge in graph.edges)


def test_a_failed_training_and_a_refused_dataset_stay_in_the_graph() -> None:
    """What went wrong is lineage as well, with its reason."""
    ledger = in_memory.Ledger()
    lives.rejected(ledger)
    lives.training_failed(ledger)
    activities = read_graph(ledger.recorded).activities
    assert activities["ingestion/rejected"].outcome == "failed"
    assert activities["training/training-9"].facts["reason"] == "out of memory"


LIFE = lives.whole_life().recorded


@given(st.sets(st.integers(min_value=0, max_value=len(LIFE) - 1)))
def test_any_part_of_a_ledger_can_be_read(kept: set[int]) -> None:
    """Whatever is missing, reading raises nothing and each event that is there is behind an activity."""
    part: list[Recorded] = [one for one in LIFE if one.index in kept]
    graph = read_graph(part)
    assert {event for activity in graph.activities.values() for event in activity.event_ids} == {one.event.id for one in part}
    for entity in graph.entities.values():
        graph.around(entity.id)

"""Completeness: whether an event made each thing that a version came from."""

from __future__ import annotations

from lifecycle.lineage.completeness import missing_lineage
from lifecycle.lineage.reading import read_graph
from tests.lineage import in_memory, lives


def without(*event_ids: str) -> tuple[str, ...]:
    kept = [one for one in lives.whole_life().recorded if one.event.id not in event_ids]
    return missing_lineage(read_graph(kept), "credit", 1)


def test_a_whole_life_misses_nothing() -> None:
    """Every version of the story is accounted for down to its source."""
    graph = read_graph(lives.whole_life().recorded)
    assert [missing_lineage(graph, "credit", version) for version in (1, 2, 3)] == [(), (), ()]


def test_a_version_without_its_training_is_named() -> None:
    """A version that other events speak of but that no training made is not accounted for."""
    assert without("trained-1") == ("no training made credit:1",)


def test_a_dataset_that_nothing_ingested_is_named_by_digest() -> None:
    """Training on bytes that the ledger never saw ingested shows."""
    (missing,) = without("ingested")
    assert "nothing made dataset" in missing
    assert in_memory.DATASET.removeprefix("sha256:")[:12] in missing


def test_a_decision_that_is_claimed_and_not_recorded_is_named() -> None:
    """A training that says it was allowed by a decision which stands nowhere is not accounted for."""
    assert without("decided-access-1") == ("decision access-1 is followed but stands nowhere in the ledger",)

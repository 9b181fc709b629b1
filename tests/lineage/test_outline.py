"""The outline of a version's life, and the tree that is drawn of it."""

from __future__ import annotations

import io

import pytest

from lifecycle.errors import UnknownName
from lifecycle.lineage.graph import Graph
from lifecycle.lineage.outline import Outline, outline_of
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.tree import tree_of
from tests.lineage import lives


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_graph(lives.whole_life().recorded)


def lines(outline: Outline) -> list[str]:
    return [outline.what, *(line for child in outline.children for line in lines(child))]


def drawn(outline: Outline) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=200, highlight=False).print(tree_of(outline))
    return out.getvalue()


def test_a_life_is_told_in_the_order_in_which_it_happened(graph: Graph) -> None:
    """From training to the rollback that brought it back, each thing once."""
    outline = outline_of(graph, "credit", 1, {"local": "serving"})
    assert [child.what for child in outline.children] == [
        "trained credit:1",
        "evaluated credit:1",
        "promotion: needs approval",
        "approval asked of 1 of role risk",
        "dora was barred by SOD-001",
        "approved by rita",
        "promotion: allow",
        "deployment: allow",
        "rollout 10 % → 50 % → 100 %",
        "watched over 1,114 answers",
        "rolled back from credit:3 to credit:1",
    ]
    assert outline.detail == "serving in local"


def test_training_is_told_down_to_the_source(graph: Graph) -> None:
    """Under the training stand the dataset, its ingestion, the source, and the decision that allowed it."""
    training = lines(outline_of(graph, "credit", 1, {}).children[0])
    assert training[1:4] == ["dataset", "ingested from credit_applications.csv", "source"]
    assert "allowed by data access: allow" in training


def test_why_a_version_was_denied_stands_under_the_decision(graph: Graph) -> None:
    """Each violation is a line with its rule."""
    assert "PRM-006: the difference is too large" in lines(outline_of(graph, "credit", 2, {"local": "denied"}))


def test_a_rollout_that_was_aborted_says_why(graph: Graph) -> None:
    """The cause and the reason are in its line."""
    text = drawn(outline_of(graph, "credit", 3, {"local": "rolled_back"}))
    assert "aborted by guardrail: errors" in text
    assert "in 2.6 ms" in text
    assert "rolled back in local" in text


def test_every_line_of_an_event_names_its_index(graph: Graph) -> None:
    """What is read on the terminal can be looked up in the ledger."""
    children = outline_of(graph, "credit", 1, {}).children
    assert children
    for child in children:
        assert child.index is not None
        assert f"#{child.index}" in drawn(child)


def test_a_year_of_reports_does_not_bury_the_life() -> None:
    """Of forty reports in which everything held the last three are told."""
    ledger = lives.whole_life()
    for _ in range(39):
        lives.watched(ledger)
    told = [child.what for child in outline_of(read_graph(ledger.recorded), "credit", 1, {}).children]
    assert told.count("watched over 1,114 answers") == 3


def test_text_from_the_ledger_is_not_markup() -> None:
    """A reason that looks like markup is shown as it was written."""
    assert "[red]look[/red]" in drawn(Outline("x", "[red]look[/red]"))


def test_an_unknown_version_is_named_with_those_that_there_are(graph: Graph) -> None:
    """The next step lists the versions of the model."""
    with pytest.raises(UnknownName, match="no credit:9") as raised:
        outline_of(graph, "credit", 9, {})
    assert "credit:1, credit:2, credit:3" in raised.value.next_step

"""Why one prediction is what it is."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.errors import Tampered, UnknownName
from lifecycle.lineage.explanation import explain
from lifecycle.lineage.reading import read_graph
from tests.lineage import in_memory, lives

LATER_US = in_memory.START_US + 10**9


def row(**changed: Any) -> dict[str, Any]:
    return {
        "id": "prediction-1",
        "at_us": LATER_US,
        "model": "credit",
        "version": 1,
        "model_digest": in_memory.model_digest(1),
        "arm": "champion",
        "latency_us": 900,
        "outcome": "answered",
        "output": {"probability": 0.81, "decision": "good"},
        "fallback_from": None,
        "input_commitment": in_memory.digest("commitment"),
    } | changed


def steps(changed: dict[str, Any]) -> list[str]:
    graph = read_graph(lives.whole_life().recorded)
    return [step.what for step in explain(graph, row(**changed)).steps]


def test_a_prediction_is_followed_to_its_source() -> None:
    """Version, rollout, decisions, approval, evaluation, training, dataset and source, in that order."""
    assert steps({}) == [
        "prediction prediction-1",
        "credit:1",
        "rollout 10 % → 50 % → 100 %",
        "deployment: allow",
        "promotion: allow",
        "approved by rita",
        "evaluated credit:1",
        "trained credit:1",
        "data access: allow",
        "dataset",
        "ingested from credit_applications.csv",
        "source",
    ]


def test_a_referral_was_answered_by_no_version() -> None:
    """Where no version answered, a person decides, and there is nothing behind it."""
    referred = {"version": None, "model_digest": None, "outcome": "referred", "output": {"probability": None, "decision": "refer"}}
    assert steps(referred) == ["prediction prediction-1", "no version answered"]


def test_a_row_that_names_other_bytes_is_tampered_with() -> None:
    """The digest in the row must be that of the version in the ledger."""
    with pytest.raises(Tampered, match="credit:1 is"):
        steps({"model_digest": in_memory.model_digest(2)})


def test_a_version_that_the_ledger_does_not_know_is_an_error() -> None:
    """A row of another ledger's gateway explains nothing here."""
    with pytest.raises(UnknownName, match="no credit:9"):
        steps({"version": 9})


def test_a_prediction_before_any_rollout_is_told_as_such() -> None:
    """An answer that the ledger does not account for is not papered over."""
    assert "no rollout" in steps({"at_us": in_memory.START_US})


def test_a_fallback_says_which_version_had_failed() -> None:
    """The champion's answer after the canary's failure names the canary."""
    graph = read_graph(lives.whole_life().recorded)
    assert "after version 3 had failed" in explain(graph, row(fallback_from=3)).steps[0].detail

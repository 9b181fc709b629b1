"""The limits that a decision went by."""

from __future__ import annotations

from pathlib import Path

from lifecycle.life.gates import standing
from lifecycle.life.gates.limits import limits_behind
from tests.scenarios.homes import copy_of_home_at_the_gate


def test_the_limits_are_those_of_the_decision_s_own_bundle(tmp_path: Path) -> None:
    """In its own case, with what the declaration overrode then; a bundle that the store has lost leaves none, not those of today."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    _, decision = standing.decisions(departments, "credit", 1, "promotion")[-1]
    case = {"risk_tier": decision.input.subject.risk_tier, "jurisdiction": decision.input.target.jurisdiction}
    assert limits_behind(departments, decision) == departments.gate_keeper.limits("consumer_credit", {}, **case)
    subject = decision.input.subject.model_copy(update={"limit_overrides": {"auc_least": 0.7}})
    overridden = decision.model_copy(update={"input": decision.input.model_copy(update={"subject": subject})})
    assert limits_behind(departments, overridden)["auc_least"] == 0.7
    lost = decision.policy.model_copy(update={"bundle_digest": "sha256:" + "0" * 64})
    assert limits_behind(departments, decision.model_copy(update={"policy": lost})) == {}

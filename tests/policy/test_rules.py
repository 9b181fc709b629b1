"""Every rule of every gate: broken alone, it is named alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.documents import parse_yaml
from lifecycle.records.gates import GateInput
from tests.policy.breaks import APART, BREAKS, NEEDS_HIGH_RISK, SURELY_WORSE, evaluation
from tests.policy.questions import OTHER_DIGEST, approval, challenging, changed, good, with_approvals


def failing(keeper: GateKeeper, question: GateInput) -> set[str]:
    """The rules that the decision names, blocking or not."""
    result = keeper.ask(question).result
    return {failure.rule for failure in (*result.violations, *result.warnings)}


def test_every_rule_is_broken_here(bundle: Bundle) -> None:
    """A rule that no test breaks is a rule that may never say no."""
    registered = {(gate, rule) for gate, rules in bundle.rules.items() for rule in rules}
    assert registered == set(BREAKS) | APART


@pytest.mark.parametrize(("gate", "rule"), sorted(BREAKS))
def test_a_broken_rule_is_named_and_no_other(bundle: Bundle, keeper: GateKeeper, gate: str, rule: str) -> None:
    """Breaking one rule names that rule, and blocks exactly where its severity says so."""
    tier = "high" if rule.startswith(NEEDS_HIGH_RISK) else "low"
    question = good(bundle, gate, risk_tier=tier)
    before = failing(keeper, question)
    decision = keeper.ask(BREAKS[gate, rule](bundle, question))
    found = {failure.rule: failure.severity for failure in (*decision.result.violations, *decision.result.warnings)}
    assert set(found) == before | {rule}
    assert found[rule] == bundle.rules[gate][rule].severity
    if found[rule] in ("critical", "high"):
        assert decision.result.outcome == ("needs_approval" if bundle.rules[gate][rule].awaits_people else "deny")


@pytest.mark.parametrize("gate", ["data_access", "training_budget", "promotion", "deployment", "rollback", "serving_access", "waiver"])
def test_good_evidence_is_allowed_by_each_gate(bundle: Bundle, keeper: GateKeeper, gate: str) -> None:
    """The gate is no wall: what meets every rule passes, with the digests of all that decided."""
    decision = keeper.ask(good(bundle, gate))
    assert decision.allowed
    assert decision.result.outcome == "allow"
    assert decision.policy.bundle_digest == bundle.digest
    assert decision.policy.limits_digest == bundle.limits_digest
    assert decision.input_digest == decision.input.content_digest()


def test_high_risk_waits_for_one_of_the_role_risk(bundle: Bundle, keeper: GateKeeper) -> None:
    """APR-001: nothing but people is missing, so the gate waits and says for whom."""
    result = keeper.ask(good(bundle, "promotion", risk_tier="high")).result
    assert result.outcome == "needs_approval"
    assert not result.allow
    assert [(need.role, need.count, need.given) for need in result.required_approvals] == [("risk", 1, 0)]
    assert [violation.rule for violation in result.violations] == ["APR-001"]


def test_an_approval_that_counts_allows(bundle: Bundle, keeper: GateKeeper) -> None:
    """One person of the role, over these bytes and with no part in them, is what the gate waits for."""
    for gate in ("promotion", "deployment"):
        question = good(bundle, gate, risk_tier="high")
        assert keeper.ask(with_approvals(question, approval(bundle, question))).result.outcome == "allow"


def test_two_names_of_one_person_are_one_person(bundle: Bundle, keeper: GateKeeper) -> None:
    """Where two must approve, the same person twice is one."""
    question = good(bundle, "promotion", risk_tier="high", limit_overrides={"approvals_high": 2.0})
    twice = with_approvals(question, approval(bundle, question), approval(bundle, question, event_id="approval-2"))
    assert keeper.ask(twice).result.outcome == "needs_approval"
    both = with_approvals(
        question, approval(bundle, question), approval(bundle, question, event_id="approval-2", approver="second_officer")
    )
    assert keeper.ask(both).result.outcome == "allow"


def test_missing_people_do_not_hide_a_violation(bundle: Bundle, keeper: GateKeeper) -> None:
    """Where a rule is broken and people are missing as well, the outcome is a denial and not a wait."""
    question = changed(good(bundle, "promotion", risk_tier="high"), "evidence", "signature", "valid", False)
    result = keeper.ask(question).result
    assert result.outcome == "deny"
    assert {violation.rule for violation in result.violations} == {"PRM-002", "APR-001"}


def test_a_challenger_within_the_margin_is_allowed(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-007: the lower bound of the paired difference may be a little below zero."""
    assert failing(keeper, challenging(good(bundle, "promotion"), -0.01, 0.02)) == set()


def test_a_challenger_that_may_be_worse_is_denied(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-007: a lower bound past the margin is a denial, whatever the value."""
    assert failing(keeper, challenging(good(bundle, "promotion"), -0.2, 0.5)) == {"PRM-007"}


def test_a_comparison_that_is_missing_is_not_passed(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-007, PRM-008 and PRM-020: a later version without a comparison fails all three."""
    question = changed(challenging(good(bundle, "promotion"), 0.0, 0.1), "evidence", "evaluation", "against_champion", None)
    assert failing(keeper, question) == {"PRM-007", "PRM-008", "PRM-020"}


def test_a_version_that_was_judged_beside_another_champion_is_denied(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-020: since it was evaluated another version took over, and nobody saw that one answer."""
    question = challenging(good(bundle, "promotion"), 0.0, 0.1)
    assert failing(keeper, changed(question, "evidence", "rollback_target", OTHER_DIGEST)) == {"PRM-020"}


def test_evidence_from_before_robustness_was_measured_is_not_passed(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-021: what was not measured is not robust."""
    question = changed(good(bundle, "promotion"), "evidence", "evaluation", "robustness", None)
    assert failing(keeper, question) == {"PRM-021"}


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        ({"roles": ["operator"]}, True),
        ({"roles": ["risk"]}, True),
        ({"id": "canary"}, True),
        ({"roles": ["clerk"]}, False),
        ({"roles": ["operator"], "authenticated": False}, False),
        ({"kind": "service", "authenticated": False}, True),
    ],
    ids=["operator", "risk", "owner", "clerk", "claims-a-role", "unknown"],
)
def test_who_may_ask_for_a_rollback(bundle: Bundle, keeper: GateKeeper, actor: dict[str, Any], may: bool) -> None:
    """RBK-005: an operator, a risk officer, the team; a run of which nobody knows who asked counts as asked by the team."""
    makers = [{"id": "canary", "part": "owner", "basis": "fact"}]
    question = changed(good(bundle, "rollback"), "subject", "makers", makers)
    somebody = {"id": "ada", "kind": "human", "roles": [], "authenticated": True, **actor}
    assert failing(keeper, changed(question, "request", "actor", somebody)) == (set() if may else {"RBK-005"})


def test_a_slice_that_is_surely_worse_is_named(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-008: beyond the noise on one slice is a denial that names the slice."""
    result = keeper.ask(challenging(good(bundle, "promotion"), 0.0, 0.1, [SURELY_WORSE])).result
    assert [(violation.rule, violation.subject) for violation in result.violations] == [("PRM-008", "home = rent")]


def test_a_slice_that_is_too_small_is_never_gated_on(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-008: not enough data is reported elsewhere and denies nothing."""
    small = {**SURELY_WORSE, "enough_data": False}
    assert failing(keeper, challenging(good(bundle, "promotion"), 0.0, 0.1, [small])) == set()


def test_high_risk_without_fairness_is_denied(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-011: a model of high risk is judged on at least one protected attribute."""
    question = changed(good(bundle, "promotion", risk_tier="high"), "evidence", "evaluation", "fairness", [])
    assert failing(keeper, question) == {"PRM-011", "APR-001"}


def test_groups_below_the_minimum_deny_nothing(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-009 and PRM-010: `not_enough_data` is never gated on."""
    attribute = {
        "attribute": "marital",
        "minimum_n": 100,
        "verdict": "not_enough_data",
        "groups": [],
        "demographic_parity_difference": None,
        "demographic_parity_ratio": None,
        "equalised_odds_difference": None,
    }
    assert failing(keeper, changed(good(bundle, "promotion"), "evidence", "evaluation", "fairness", [attribute])) == set()


def test_measured_without_a_measurement_is_denied(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-009: a verdict without its number is evidence that is missing."""
    question = changed(good(bundle, "promotion"), "evidence", "evaluation", "fairness", 0, "demographic_parity_difference", None)
    assert failing(keeper, question) == {"PRM-009"}


def test_a_later_version_needs_a_way_back(bundle: Bundle, keeper: GateKeeper) -> None:
    """PRM-018: with a champion there must be something to go back to, and PRM-020 wants it tried."""
    question = changed(challenging(good(bundle, "promotion"), 0.0, 0.1), "evidence", "rollback_target", None)
    assert failing(keeper, question) == {"PRM-018", "PRM-020"}


def test_a_first_version_can_be_taken_out_of_service(bundle: Bundle, keeper: GateKeeper) -> None:
    """RBK-002 and RBK-003: with nothing before it, a rollback leads to no version at all."""
    question = good(bundle, "rollback")
    for field in ("to_digest", "to_version"):
        question = changed(question, "evidence", field, None)
    result = keeper.ask(changed(question, "evidence", "to_was_allowed", False)).result
    assert result.allow
    assert [obligation.kind for obligation in result.obligations] == ["post_review"]
    assert result.obligations[0].deadline_us > question.now_us


def test_a_violation_says_what_was_observed_against_which_limit(bundle: Bundle, keeper: GateKeeper) -> None:
    """Observed value, limit, controls and the way out are in the decision, not in somebody's head."""
    result = keeper.ask(evaluation("metrics", "auc", "low", 0.1)(bundle, good(bundle, "promotion"))).result
    violation = result.violations[0]
    assert (violation.observed, violation.limit) == ("0.1", "0.78")
    assert violation.controls
    assert violation.fix


def test_an_override_tightens_a_limit(bundle: Bundle, keeper: GateKeeper) -> None:
    """A declaration's override is what the gate compares with."""
    question = good(bundle, "promotion", limit_overrides={"auc_least": 0.999})
    assert failing(keeper, question) == {"PRM-004"}


def test_every_control_of_a_rule_is_registered(bundle: Bundle, governance: Path) -> None:
    """governance/controls names the source of each control that a rule serves, and none that no rule serves."""
    registered = parse_yaml((governance / "controls" / "controls.yaml").read_text(), "controls.yaml")
    assert isinstance(registered, dict)
    controls = registered["controls"]
    assert isinstance(controls, dict)
    assert {control for gate in bundle.rules.values() for rule in gate.values() for control in rule.controls} == set(controls)

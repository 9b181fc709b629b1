"""Every rule of every gate: broken alone, it is named alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.recheck import believed
from lifecycle.records.documents import parse_yaml
from lifecycle.records.gates import BREAK_GLASS, GateInput, Waiver
from tests.policy.questions import OTHER_DIGEST, approval, challenging, changed, comparison, good, with_approvals

Break = Callable[[Bundle, GateInput], GateInput]


def setting(*path_and_value: Any) -> Break:
    """Breaks a rule by one value of the input."""
    return lambda _, question: changed(question, *path_and_value)


def evidence(*path_and_value: Any) -> Break:
    """Breaks a rule by one value of the evidence on a candidate, wherever the gate is shown it."""

    def apply(_: Bundle, question: GateInput) -> GateInput:
        where = ("evidence", "promotion") if question.gate == "deployment" else ("evidence",)
        return changed(question, *where, *path_and_value)

    return apply


def evaluation(*path_and_value: Any) -> Break:
    return evidence("evaluation", *path_and_value)


def approved(**changes: Any) -> Break:
    """Breaks a rule by an approval that does not count."""
    return lambda bundle, question: with_approvals(question, approval(bundle, question, **changes))


SURELY_WORSE: dict[str, Any] = {
    "column": "home",
    "group": "rent",
    "n": 900,
    "enough_data": True,
    "comparisons": [comparison("auc", -0.4, -0.3)],
}
MEASURED: dict[str, Any] = {"value": 0.5, "low": 0.4, "high": 0.9, "n": 1000}

#: (gate, rule) → what breaks this rule and no other.
BREAKS: dict[tuple[str, str], Break] = {
    ("data_access", "DAT-001"): setting("subject", "digest", OTHER_DIGEST),
    ("data_access", "DAT-002"): setting("evidence", "contract_passed", False),
    ("data_access", "DAT-003"): setting("target", "purpose", "elsewhere"),
    ("data_access", "DAT-004"): setting("target", "jurisdiction", "XX"),
    ("data_access", "DAT-005"): setting("evidence", "licence", "unknown"),
    ("data_access", "DAT-006"): setting("evidence", "contains_personal_data", True),
    ("data_access", "DAT-007"): setting("evidence", "rows", 10),
    ("data_access", "DAT-008"): setting("evidence", "largest_single_feature_auc", 0.99),
    ("data_access", "DAT-009"): setting("evidence", "duplicate_share", 0.9),
    ("data_access", "DAT-010"): setting("evidence", "label_flip_share", 0.9),
    ("training_budget", "BUD-001"): setting("evidence", "currency", ""),
    ("training_budget", "BUD-002"): setting("evidence", "spent_cost", 2.0),
    ("training_budget", "BUD-003"): setting("evidence", "estimated_cost", 0.9),
    ("training_budget", "BUD-004"): setting("evidence", "period_started_at_us", 2**52),
    ("deployment", "DEP-001"): setting("evidence", "promotion_outcome", "deny"),
    ("deployment", "DEP-002"): setting("evidence", "promotion_subject_digest", OTHER_DIGEST),
    ("deployment", "DEP-003"): setting("evidence", "revoked", True),
    ("deployment", "DEP-004"): setting("evidence", "first_weight", 0.9),
    ("rollback", "RBK-001"): setting("subject", "digest", OTHER_DIGEST),
    ("rollback", "RBK-002"): setting("evidence", "to_was_allowed", False),
    ("rollback", "RBK-003"): lambda _, question: changed(question, "evidence", "to_digest", question.subject.digest),
    ("rollback", "RBK-004"): setting("evidence", "to_revoked", True),
    ("rollback", "RBK-005"): setting("request", "actor", {"id": "ada", "kind": "human", "roles": ["clerk"], "authenticated": True}),
    ("serving_access", "ACC-001"): setting("subject", "digest", None),
    ("serving_access", "ACC-002"): setting("evidence", "models", ["other"]),
    ("serving_access", "ACC-003"): setting("evidence", "purpose", "elsewhere"),
    ("serving_access", "ACC-004"): setting("evidence", "revoked", True),
    ("serving_access", "ACC-005"): setting("evidence", "expires_at_us", 2**52),
    ("serving_access", "ACC-006"): setting("evidence", "quota", "rows_per_day", 2**52),
    ("serving_access", "ACC-007"): setting("evidence", "version_revoked", True),
    ("waiver", "WVR-001"): setting("evidence", "rule", "PRM-002"),
    ("waiver", "WVR-002"): setting("evidence", "expires_at_us", 0),
    ("waiver", "WVR-003"): setting("evidence", "signatures", []),
    ("waiver", "WVR-006"): setting("evidence", "ticket", ""),
}
CANDIDATE: dict[str, Break] = {
    "PRM-001": evaluation("version", 99),
    "PRM-002": evidence("signature", "valid", False),
    "PRM-003": evaluation("rows", 10),
    "PRM-004": evaluation("metrics", "auc", "low", 0.1),
    "PRM-005": evaluation("metrics", "accuracy", "low", 0.1),
    "PRM-006": evaluation("metrics", "calibration_error", "high", 0.9),
    "PRM-009": evaluation("fairness", 0, "demographic_parity_difference", MEASURED),
    "PRM-010": evaluation("fairness", 0, "equalised_odds_difference", MEASURED),
    "PRM-012": evaluation("parity", "largest_difference", 0.1),
    "PRM-013": evaluation("drift", 0, "psi", 0.9),
    "PRM-014": evidence("leaking_columns", ["answer"]),
    "PRM-015": evidence("missing_lineage", ["dataset"]),
    "PRM-016": evidence("formats", ["pickle"]),
    "PRM-017": evidence("monitoring_wired", False),
    "PRM-019": evaluation("baseline", "auc", "value", 1.0),
    "PRM-020": evidence("rollback_target", OTHER_DIGEST),
    "PRM-021": evaluation("robustness", 0, "auc_difference", "low", -0.4),
    "APR-002": approved(decision="reject"),
    "APR-003": approved(report_digest=OTHER_DIGEST),
    "APR-004": approved(expires_at_us=0),
    "APR-005": approved(consumed=True),
    "APR-006": approved(roles=["engineer"]),
    "SOD-001": approved(approver="canary"),
    "SOD-002": setting("subject", "makers", []),
}
BREAKS |= {(gate, rule): broken for gate in ("promotion", "deployment") for rule, broken in CANDIDATE.items()}
#: Rules that take more than one change to break; each has a test of its own below.
APART = {(gate, rule) for gate in ("promotion", "deployment") for rule in ("PRM-007", "PRM-008", "PRM-011", "PRM-018", "APR-001")}
APART |= {("waiver", rule) for rule in ("WVR-004", "WVR-005")}
#: A freeze stands in the limits, and not in the question: tests/policy/test_limits.py.
APART |= {("deployment", "DEP-005")}
#: Rules about approvals are asked of a version that needs one.
NEEDS_HIGH_RISK = ("APR-", "SOD-")


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


@pytest.mark.parametrize(
    ("changes", "rule"), [({"also": ["canary"]}, "WVR-004"), ({"signer": "canary"}, "WVR-004"), ({"roles": ["engineer"]}, "WVR-005")]
)
def test_a_signature_under_a_waiver_that_does_not_count_denies(
    bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any], rule: str
) -> None:
    """By somebody who had a part in the work, under any name, or without the role: named, and the second one is missing."""
    question = good(bundle, "waiver")
    for name, value in changes.items():
        question = changed(question, "evidence", "signatures", 1, name, value)
    decision = keeper.ask(question)
    assert decision.result.outcome == "deny"
    assert {failure.rule for failure in decision.result.violations} == {rule, "WVR-003"}


def waiver(question: GateInput, **changes: Any) -> Waiver:
    """A waiver of PRM-004 that holds for this question, with these changes."""
    content: dict[str, Any] = {
        "rule": "PRM-004",
        "subject_digest": question.subject.digest or OTHER_DIGEST,
        "granted_by": ["officer", "another"],
        "expires_at_us": question.now_us + 1,
        "ticket": "RISK-7",
        **changes,
    }
    return Waiver.of(content)


@pytest.mark.parametrize("gate", ["promotion", "deployment"])
def test_a_waiver_moves_its_rule_from_violations_to_waived(bundle: Bundle, keeper: GateKeeper, gate: str) -> None:
    """The failure stays in the decision, and blocks nothing; any other failure still does."""
    question = BREAKS[gate, "PRM-004"](bundle, good(bundle, gate))
    waived = question.model_copy(update={"waivers": (waiver(question),)})
    decision = keeper.ask(waived)
    assert decision.allowed
    assert [failure.rule for failure in decision.result.waived] == ["PRM-004"]
    both = keeper.ask(BREAKS[gate, "PRM-002"](bundle, waived))
    assert [failure.rule for failure in both.result.violations] == ["PRM-002"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_digest": OTHER_DIGEST},
        {"expires_at_us": 0},
        {"granted_by": ["officer"]},
        {"granted_by": ["officer", "officer"]},
        {"granted_by": ["officer", "canary"]},
        {"ticket": ""},
        {"rule": "PRM-005"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_waiver_that_does_not_hold_waives_nothing(bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any]) -> None:
    """Of other bytes, ended, by one person or a maker, without a ticket, or of another rule."""
    question = BREAKS["promotion", "PRM-004"](bundle, good(bundle, "promotion"))
    decision = keeper.ask(question.model_copy(update={"waivers": (waiver(question, **changes),)}))
    assert decision.result.outcome == "deny"
    assert decision.result.waived == ()


def test_what_must_hold_is_never_waived(bundle: Bundle, keeper: GateKeeper) -> None:
    """Digests, signatures, leakage, lineage, formats, approvals and separation of duties: no rule of these says that it may be."""
    waivable = {rule.id for rules in bundle.rules.values() for rule in rules.values() if rule.waivable}
    measured = {f"PRM-{number:03}" for number in (4, 5, 6, 7, 8, 9, 10, 13, 19, 21)}
    assert waivable == measured | {"DEP-005"}
    for (gate, rule), broken in BREAKS.items():
        if rule not in waivable and bundle.rules[gate][rule].severity in ("critical", "high") and gate in ("promotion", "deployment"):
            question = broken(bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
            decision = keeper.ask(question.model_copy(update={"waivers": (waiver(question, rule=rule),)}))
            assert decision.result.outcome == "deny", rule


def under_glass(question: GateInput, *, said: bool = True, **changes: Any) -> GateInput:
    """The question, asked under a broken glass."""
    glass = waiver(question, rule=BREAK_GLASS, **changes)
    return question.model_copy(update={"waivers": (glass,), "request": question.request.model_copy(update={"break_glass": said})})


def test_an_emergency_breaks_what_may_be_broken_and_nothing_else(bundle: Bundle, keeper: GateKeeper) -> None:
    """Signatures, digests, lineage, leakage, formats, approvals and separation of duties stand in every emergency."""
    emergency = {rule.id for rules in bundle.rules.values() for rule in rules.values() if rule.emergency}
    assert emergency == {"PRM-003", "PRM-011", "PRM-017", "PRM-018", "PRM-020", "DEP-004"}
    for (gate, rule), broken in BREAKS.items():
        declared = bundle.rules[gate][rule]
        if gate not in ("promotion", "deployment") or declared.severity not in ("critical", "high"):
            continue
        question = broken(bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
        assert keeper.ask(under_glass(question)).allowed is (declared.waivable or declared.emergency), rule


@pytest.mark.parametrize(
    "changes",
    [{"said": False}, {"granted_by": ["officer"]}, {"granted_by": ["officer", "canary"]}, {"expires_at_us": 0}, {"ticket": ""}],
    ids=lambda changes: "-".join(changes),
)
def test_a_glass_that_does_not_hold_breaks_nothing(bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any]) -> None:
    """Unless the question says so, two others broke it, it has not ended and there is a ticket."""
    question = BREAKS["deployment", "DEP-004"](bundle, good(bundle, "deployment"))
    assert keeper.ask(under_glass(question)).allowed
    assert keeper.ask(under_glass(question, **changes)).result.outcome == "deny"


def test_a_policy_that_breaks_more_than_may_be_broken_is_not_believed(bundle: Bundle) -> None:
    """Python holds the same conditions: an engine that lets a signature pass under a broken glass contradicts itself."""
    question = under_glass(BREAKS["promotion", "PRM-002"](bundle, good(bundle, "promotion")))
    name = "policies/lib/waivers/waivers.rego"
    careless = bundle.files[name].replace("true in {rule.waivable, rule.emergency}", 'rule.severity != "none"')
    forged = Bundle({**bundle.files, name: careless}).checked("a test")
    with pytest.raises(EngineFailure, match="waives PRM-002"):
        believed(EmbeddedEngine(forged).answer("promotion", question.as_json()), question, forged.rules["promotion"])

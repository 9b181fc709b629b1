"""What breaks each rule, and no other: one change of a question that its gate would allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle.policy.bundle import Bundle
from lifecycle.records.gates import GateInput, Waiver
from tests.policy.questions import OTHER_DIGEST, approval, changed, comparison, with_approvals

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
    ("serving_access", "ACC-008"): lambda _, question: changed(
        changed(question, "evidence", "labels", "any"), "evidence", "expires_at_us", question.now_us + 8_000 * 3_600 * 1_000_000
    ),
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
#: Rules that take more than one change to break; each has a test of its own.
APART = {(gate, rule) for gate in ("promotion", "deployment") for rule in ("PRM-007", "PRM-008", "PRM-011", "PRM-018", "APR-001")}
APART |= {("waiver", rule) for rule in ("WVR-004", "WVR-005")}
#: A freeze stands in the limits, and not in the question: tests/policy/test_limits.py.
APART |= {("deployment", "DEP-005")}
#: Rules about approvals are asked of a version that needs one.
NEEDS_HIGH_RISK = ("APR-", "SOD-")


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

"""Questions to gates: good ones, and every way to break a rule."""

from __future__ import annotations

import copy
from typing import Any

from lifecycle.policy.bundle import Bundle
from lifecycle.records.gates import GateInput, VerifiedApproval
from lifecycle.records.record import JsonObject

NOBODY_DIGEST = "sha256:" + "0" * 64
OTHER_DIGEST = "sha256:" + "f" * 64
STATEMENT_DIGEST = "sha256:" + "7" * 64
CHAMPION_DIGEST = "sha256:" + "9" * 64


def good(bundle: Bundle, gate: str, **subject: Any) -> GateInput:
    """A question that the gate allows in the environment `local`, with these changes to its subject."""
    canary = bundle.canaries[gate]
    changes = {"limits": "consumer_credit", **subject}
    return canary.model_copy(
        update={
            "subject": canary.subject.model_copy(update=changes),
            "target": canary.target.model_copy(update={"environment": "local"}),
        }
    )


def changed(question: GateInput, *path_and_value: Any) -> GateInput:
    """The question with one value replaced: names and positions down to it, then the value."""
    *path, last, value = path_and_value
    content: Any = copy.deepcopy(question.as_json())
    place = content
    for step in path:
        place = place[step]
    place[last] = value
    return GateInput.of(content)


def approval(bundle: Bundle, question: GateInput, **changes: Any) -> VerifiedApproval:
    """An approval by a risk officer that counts for this question, with these changes."""
    evidence: Any = question.as_json()["evidence"]
    shown = evidence["promotion"] if question.gate == "deployment" else evidence
    evaluation = shown["evaluation"]
    content: JsonObject = {
        "event_id": "approval-1",
        "statement_digest": STATEMENT_DIGEST,
        "approver": "officer",
        "also": ["model_risk"],
        "roles": ["risk"],
        "decision": "approve",
        "subject_digest": question.subject.digest,
        "dataset_digest": evaluation["dataset_digest"],
        "report_digest": evaluation["report_json_digest"],
        "evidence_digest": shown["evaluation_digest"],
        "bundle_digest": bundle.digest,
        "environment": question.target.environment,
        "approved_at_us": question.now_us - 1,
        "expires_at_us": question.now_us + 1,
        "consumed": False,
        **changes,
    }
    return VerifiedApproval.of(content)


def with_approvals(question: GateInput, *approvals: VerifiedApproval) -> GateInput:
    """The question with these approvals."""
    return question.model_copy(update={"approvals": approvals})


def comparison(metric: str, low: float, high: float) -> JsonObject:
    """Candidate against champion, by the interval of their difference."""
    measured: JsonObject = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 1000}
    return {
        "metric": metric,
        "candidate": measured,
        "champion": measured,
        "difference": {"value": low, "low": low, "high": high, "n": 1000},
    }


def against_champion(low: float, high: float, slices: list[JsonObject] | None = None) -> JsonObject:
    """What the evidence says of a comparison with a champion."""
    return {
        "champion_version": 1,
        "champion_digest": CHAMPION_DIGEST,
        "comparisons": [comparison("auc", low, high), comparison("accuracy", 0.0, 0.0)],
        "slices": list(slices or ()),
    }


def challenging(question: GateInput, low: float, high: float, slices: list[JsonObject] | None = None) -> GateInput:
    """The question of a version that has a champion to beat."""
    question = changed(question, "evidence", "first_version", False)
    question = changed(question, "evidence", "rollback_target", CHAMPION_DIGEST)
    return changed(question, "evidence", "evaluation", "against_champion", against_champion(low, high, slices))

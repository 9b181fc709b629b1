"""Judgements of the real promotion gate on evidence that a test has changed."""

from __future__ import annotations

from typing import Any

from lifecycle.desk.pages.judgement import Judgement
from lifecycle.desk.pages.measured import Measured, measured
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.limits import set_named
from lifecycle.records.gates import GateInput, PromotionEvidence
from tests.policy.questions import approval, good, with_approvals


def approved_question(bundle: Bundle, **subject: Any) -> GateInput:
    """A question of the promotion gate that is allowed: people have answered."""
    question = good(bundle, "promotion", **subject)
    return with_approvals(question, approval(bundle, question))


def judged(keeper: GateKeeper, question: GateInput) -> Judgement:
    """What the gate says to a question, with the limits that it went by."""
    decision = keeper.ask(question)
    limits = set_named(keeper.bundle.limit_sets, question.subject.limits).with_overrides(question.subject.limit_overrides)
    return Judgement(decision, "event-1", question.now_us, limits)


def rows_of(keeper: GateKeeper, question: GateInput) -> Measured:
    """What the page shows of a question's evidence after the gate has answered."""
    assert isinstance(question.evidence, PromotionEvidence)
    return measured(question.evidence.evaluation, judged(keeper, question))

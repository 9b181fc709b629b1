"""What the page says of a decision."""

from __future__ import annotations

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.gates import Waiver
from tests.desk.pages.judgements import approved_question, judged
from tests.policy.questions import NOBODY_DIGEST, changed, good, with_approvals


def test_that_people_have_not_answered_is_no_violation_of_the_work(keeper: GateKeeper, bundle: Bundle) -> None:
    """It is told where people are asked, and not among what the work broke."""
    judgement = judged(keeper, good(bundle, "promotion", risk_tier="high"))
    assert judgement.decision.result.outcome == "needs_approval"
    assert judgement.violations == ()
    assert [(need.role, need.count) for need in judgement.required] == [("risk", 1)]


def test_what_the_work_broke_is_told_beside_it(keeper: GateKeeper, bundle: Bundle) -> None:
    """Each broken rule once, with what was observed."""
    question = changed(with_approvals(good(bundle, "promotion")), "evidence", "evaluation", "metrics", "auc", "low", 0.4)
    assert [(found.rule, found.observed) for found in judged(keeper, question).violations] == [("PRM-004", "0.4")]


def test_passed_and_failed_add_up(keeper: GateKeeper, bundle: Bundle) -> None:
    """A rule is counted once, however much it found."""
    before = judged(keeper, approved_question(bundle))
    drift = [{"column": "age", "psi": 0.8}, {"column": "income", "psi": 0.9}]
    after = judged(keeper, changed(approved_question(bundle), "evidence", "evaluation", "drift", drift))
    assert len(after.violations) == len(before.violations) + 2
    assert after.passed == before.passed - 1


def test_a_waived_rule_is_neither_within_nor_beyond(keeper: GateKeeper, bundle: Bundle) -> None:
    """The page says that it is beyond its limit and waived."""
    question = changed(approved_question(bundle), "evidence", "evaluation", "metrics", "auc", "low", 0.4)
    waiver = Waiver(
        rule="PRM-004",
        subject_digest=question.subject.digest or NOBODY_DIGEST,
        granted_by=("rita", "ron"),
        expires_at_us=question.now_us + 1_000_000,
        ticket="RISK-1",
    )
    judgement = judged(keeper, question.model_copy(update={"waivers": (waiver,)}))
    assert judgement.verdict("PRM-004") == "waived"
    assert judgement.violations == ()

"""Labels of a rollout: joined with its answers, counted by arm, stage and group once they are old enough, and weighed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lifecycle.records.identity import new_id
from lifecycle.records.rollout import Guardrail, RolloutPlan
from lifecycle.serving.rollouts.controller import Complete, Hold, Undo, decide
from lifecycle.serving.rollouts.guardrails import Watching
from lifecycle.serving.rollouts.outcomes import Answered, OutcomeBook
from lifecycle.serving.rollouts.rails import rails_of
from lifecycle.serving.rollouts.seen import Labels, Observed, StageCounts, View
from tests.serving.packages import plan

WRONG = Guardrail(kind="wrong_labels", mature_seconds=10.0)
MISSED = Guardrail(kind="missed_approvals", favourable="good", column="home", groups=("rent", "owner"), mature_seconds=0.0)
STEPS = ((0.1, 0, 60.0), (1.0, 0, 0.0))
SECOND = 1_000_000


def book(*guardrails: Guardrail, most: int = 1_000) -> OutcomeBook:
    return OutcomeBook(rails_of(plan(*STEPS, guardrails=guardrails)), most)


def answer(at: float = 1.0, *, by_canary: bool = True, decision: str = "bad", home: str = "rent", subject: str = "") -> Answered:
    return Answered(round(at * SECOND), by_canary, decision, {"home": home}, subject)


def counted(outcomes: OutcomeBook, now: float, *starts: float) -> tuple[tuple[Labels, ...], ...]:
    return outcomes.counts([round(start * SECOND) for start in starts or (0.0,)], round(now * SECOND))


# Joining.


def test_a_label_counts_once_its_answer_is_old_enough() -> None:
    """A label that comes soon waits until the declared age; then it counts for its arm."""
    outcomes = book(WRONG)
    outcomes.answered("a", answer(1.0))
    outcomes.labelled("a", "good")
    assert counted(outcomes, 10.9) == ((Labels(),),)
    assert counted(outcomes, 11.0) == ((Labels(canary=1, canary_bad=1),),)


def test_the_label_that_is_known_when_it_counts_is_the_one_that_does() -> None:
    """A label that is sent again before its answer is old enough takes the place of the first; one that comes later changes nothing."""
    outcomes = book(WRONG)
    outcomes.answered("a", answer(1.0, by_canary=False))
    outcomes.labelled("a", "good")
    outcomes.labelled("a", "bad")
    assert counted(outcomes, 20.0) == ((Labels(control=1),),)
    outcomes.labelled("a", "good")
    assert counted(outcomes, 40.0) == ((Labels(control=1),),)


def test_a_label_that_comes_before_its_row_is_kept_for_it() -> None:
    """A row may reach the log a moment after its label was sent."""
    outcomes = book(WRONG)
    outcomes.labelled("a", "bad")
    outcomes.answered("a", answer(1.0))
    assert counted(outcomes, 20.0) == ((Labels(canary=1),),)


def test_labels_count_for_the_stage_in_which_they_were_answered() -> None:
    """A label that comes in a later step stands beside those of the step of its answer."""
    outcomes = book(WRONG)
    for name, at in (("before", 1.0), ("first", 6.0), ("second", 16.0)):
        outcomes.answered(name, answer(at))
        outcomes.labelled(name, "bad")
    assert counted(outcomes, 99.0, 5.0, 15.0) == ((Labels(canary=1), Labels(canary=1)),)


def test_missed_approvals_are_counted_by_group_among_those_who_should_be_approved() -> None:
    """Somebody whose label is not the favourable one counts for no group; others for their own."""
    outcomes = book(MISSED)
    for name, home, decision, label in (("a", "rent", "bad", "good"), ("b", "owner", "good", "good"), ("c", "rent", "bad", "bad")):
        outcomes.answered(name, answer(home=home, decision=decision))
        outcomes.labelled(name, label)
    assert counted(outcomes, 2.0) == ((Labels(canary=1, canary_bad=1),), (Labels(canary=1),))


def test_a_person_counts_once_for_each_arm() -> None:
    """However often one customer is answered, and wrongly: the first of an arm counts."""
    outcomes = book(WRONG)
    for number, by_canary in enumerate((True, True, False, True)):
        outcomes.answered(f"{number}", answer(by_canary=by_canary, subject="customer-7"))
        outcomes.labelled(f"{number}", "good")
    assert counted(outcomes, 99.0) == ((Labels(canary=1, canary_bad=1, control=1, control_bad=1),),)


def test_of_too_many_answers_an_even_share_is_remembered() -> None:
    """What is left out says nothing of arm or outcome: both arms keep about the same part, and memory is bounded."""
    outcomes = book(WRONG, most=1_000)
    for number in range(6_000):
        prediction_id = new_id()
        outcomes.answered(prediction_id, answer(by_canary=number % 2 == 0))
        outcomes.labelled(prediction_id, "bad")
    ((found,),) = counted(outcomes, 99.0)
    assert 250 < found.canary < 500
    assert 250 < found.control < 500


@given(order=st.permutations(["answer", "label", "again"]))
def test_the_order_in_which_labels_and_answers_come_does_not_matter(order: list[str]) -> None:
    """Whatever comes first, an answer with a label counts once."""
    outcomes = book(WRONG)
    for what in order:
        if what == "answer":
            outcomes.answered("a", answer())
        else:
            outcomes.labelled("a", "good")
    assert counted(outcomes, 99.0) == ((Labels(canary=1, canary_bad=1),),)


# Weighing.


def view(*labels: tuple[Labels, ...], now: float = 60.0, weight: float = 0.1, has_champion: bool = True) -> View:
    stages = [StageCounts(weight, Observed(1_000), Observed(9_000))]
    return View(stages, 99.0, 0, has_champion, now_seconds=now, labels=labels)


def watched(rollout_plan: RolloutPlan, *seen: View) -> Watching:
    watching = Watching().after(rollout_plan, replace(seen[0], labels=(), now_seconds=0.0))
    for one in seen:
        watching = watching.after(rollout_plan, one)
    return watching


def test_the_groups_of_a_guardrail_share_its_alpha() -> None:
    """Two guardrails, one of which looks at two groups: their parts add up to the mean of their alphas."""
    rails = rails_of(plan(*STEPS, guardrails=(Guardrail(kind="errors", alpha=0.02), MISSED)))
    assert [(rail.name, rail.alpha) for rail in rails] == [
        ("errors", 0.01),
        ("missed_approvals home=rent", 0.0025),
        ("missed_approvals home=owner", 0.0025),
    ]


def test_wrong_labels_take_a_canary_out() -> None:
    """A canary that decides wrongly four times as often as its champion is out, and the trigger says so."""
    guarded = plan(*STEPS, guardrails=(WRONG,))
    seen = view((Labels(200, 80, 1_800, 180),))
    verdict = decide(guarded, seen, watched(guarded, seen))
    assert isinstance(verdict, Undo)
    assert verdict.trigger.metric == "wrong_labels"
    assert verdict.trigger.detail.startswith("80 of 200 labelled canary answers, beside 180 in the control")


def test_a_subgroup_alone_takes_a_canary_out() -> None:
    """Where approvals are missed in one group only, the guardrail names it, whatever the others say."""
    guarded = plan(*STEPS, guardrails=(MISSED,))
    seen = view((Labels(500, 50, 4_500, 450),), (Labels(60, 30, 540, 54),))
    verdict = decide(guarded, seen, watched(guarded, seen))
    assert isinstance(verdict, Undo)
    assert verdict.trigger.metric == "missed_approvals home=owner"


def test_an_arm_that_has_more_of_the_labels_is_not_worse_for_it() -> None:
    """Where the canary's answers are labelled more often, more wrong labels are its own: what counts is its share of the labels."""
    guarded = plan(*STEPS, guardrails=(WRONG,))
    seen = view((Labels(1_000, 100, 1_000, 100),))
    assert not isinstance(decide(guarded, seen, watched(guarded, seen)), Undo)


def test_labels_without_a_control_are_held_against_the_declared_ceiling_alone() -> None:
    """In a first version's rollout nothing is judged by labels unless a ceiling is declared."""
    seen = view((Labels(300, 120, 0, 0),), has_champion=False)
    without = plan(*STEPS, guardrails=(WRONG,))
    assert not isinstance(decide(without, seen, watched(without, seen)), Undo)
    declared = plan(*STEPS, guardrails=(WRONG.model_copy(update={"ceiling": 0.2}),))
    assert isinstance(decide(declared, seen, watched(declared, seen)), Undo)
    fine = view((Labels(300, 45, 0, 0),), has_champion=False)
    assert not isinstance(decide(declared, fine, watched(declared, fine)), Undo)


def test_labels_are_not_asked_for_before_a_version_goes_on() -> None:
    """`no_worse` asks errors and latency: outcomes may come long after the last step."""
    guarded = plan((1.0, 0, 0.0), guardrails=(Guardrail(kind="wrong_labels"),)).model_copy(update={"no_worse": None})
    seen = View([StageCounts(1.0, Observed(100), Observed())], 99.0, 0, has_champion=True)
    assert decide(guarded, seen, watched(guarded, seen)) == Complete()
    assert decide(guarded, replace(seen, baked_seconds=-1.0), watched(guarded, seen)) == Hold()


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05])
def test_looked_at_all_the_while_groups_together_err_no_more_often_than_alpha(alpha: float) -> None:
    """Over healthy canaries whose labels come by and by in three groups of their own rates, at most alpha are ever taken out."""
    rails = Guardrail(kind="missed_approvals", favourable="good", column="home", groups=("a", "b", "c"), alpha=alpha)
    guarded, runs, out, generator = plan(*STEPS, guardrails=(rails,)), 120, 0, np.random.default_rng(23)
    for _ in range(runs):
        told = np.zeros((3, 4), dtype=int)
        watching = Watching().after(guarded, view(now=0.0))
        for look in range(1, 121):
            for group, rate in enumerate((0.05, 0.2, 0.4)):
                canary, control = generator.poisson(0.7), generator.poisson(6.0)
                told[group] += [canary, generator.binomial(canary, rate), control, generator.binomial(control, rate)]
            seen = view(*((Labels(*map(int, counts)),) for counts in told), now=look * 0.5)
            watching = watching.after(guarded, seen)
            if isinstance(decide(guarded, seen, watching), Undo):
                out += 1
                break
    assert out <= int(binom.ppf(1 - 1e-6, runs, alpha))

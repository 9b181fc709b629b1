"""The controller's decisions: pure, over counts and time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.rollout import Guardrail, RolloutPlan
from lifecycle.serving.rollouts.controller import Advance, Complete, Hold, Observed, StageCounts, Undo, View, decide
from tests.serving.packages import plan

PLAN = plan((0.1, 100, 30.0), (0.5, 100, 30.0), (1.0, 100, 30.0))
HEALTHY = Observed(1_000)
LATENCY = plan((0.1, 100, 30.0), (1.0, 100, 30.0), guardrails=(Guardrail(kind="latency", objective_ms=50.0),))


def view(
    canary: Observed,
    control: Observed = HEALTHY,
    *,
    weight: float = 0.1,
    baked: float = 60.0,
    consecutive: int = 0,
    has_champion: bool = True,
    death: str = "",
) -> View:
    return View([StageCounts(weight, canary, control)], baked, consecutive, has_champion, death)


def trigger(rollout_plan: RolloutPlan, seen: View) -> str:
    verdict = decide(rollout_plan, seen)
    assert isinstance(verdict, Undo)
    return verdict.trigger.metric


def test_enough_answers_and_time_lead_to_the_next_step() -> None:
    """A step that answered its minimum and baked leads to the one after it."""
    assert decide(PLAN, view(Observed(100))) == Advance(1)


def test_the_last_step_leads_to_the_end() -> None:
    """After the last step the rollout is complete."""
    steps = [StageCounts(weight, Observed(100), Observed(100)) for weight in (0.1, 0.5, 1.0)]
    assert decide(PLAN, View(steps, 60.0, 0, has_champion=True)) == Complete()


def test_a_step_holds_until_it_has_answered_enough() -> None:
    """Time alone advances nothing, and neither do failures: only what was answered counts."""
    assert decide(PLAN, view(Observed(99))) == Hold()
    assert decide(PLAN, view(Observed(101, errors=2), Observed(1_000, errors=18))) == Hold()


def test_a_step_holds_until_it_has_baked() -> None:
    """Answers alone advance nothing."""
    assert decide(PLAN, view(Observed(5_000), baked=29.9)) == Hold()


def test_a_dead_process_is_undone_before_anything_else() -> None:
    """A canary whose process ended is out, however good its counts are."""
    verdict = decide(PLAN, view(Observed(100), death="killed"))
    assert isinstance(verdict, Undo)
    assert (verdict.trigger.kind, verdict.trigger.detail) == ("crash", "killed")


def test_failures_in_a_row_trip_the_breaker() -> None:
    """The plan's number of consecutive failures takes the canary out; one fewer does not."""
    assert trigger(PLAN, view(Observed(5, errors=0), consecutive=5)) == "breaker"
    assert decide(PLAN, view(Observed(4, errors=0), consecutive=4)) == Hold()


def test_a_breaker_of_none_never_trips() -> None:
    """A plan without a breaker relies on its guardrails."""
    assert decide(plan((1.0, 10, 0.0), breaker=0, guardrails=()), view(Observed(9, errors=9), consecutive=9)) == Hold()


def test_errors_that_only_the_canary_has_are_a_breach() -> None:
    """Some errors in a canary of ten per cent beside none in the champion are evidence enough."""
    assert trigger(PLAN, view(Observed(90, errors=4), Observed(900))) == "errors"


def test_errors_that_both_arms_have_are_none() -> None:
    """A shared outage takes no canary out, however many requests fail."""
    assert decide(PLAN, view(Observed(1_000, errors=500), Observed(9_000, errors=4_500), baked=0.0)) == Hold()


def test_two_errors_are_too_few_whatever_the_odds() -> None:
    """Two failures may share one cause: a canary of one per cent is not taken out for them."""
    assert decide(PLAN, view(Observed(100, errors=2), Observed(9_900), weight=0.01, baked=0.0)) == Hold()


def test_slow_answers_are_a_breach_of_a_latency_guardrail_only() -> None:
    """What is slow breaches the guardrail that is about it, and not the one about errors."""
    slow = view(Observed(50, slow=20), Observed(450, slow=3), baked=0.0)
    assert trigger(LATENCY, slow) == "latency"
    assert decide(PLAN, slow) == Hold()


def test_without_a_champion_errors_are_held_against_a_fixed_share() -> None:
    """A first version that fails a third of its requests is out; one that fails one in two hundred stays."""
    assert trigger(PLAN, view(Observed(30, errors=10), Observed(270), has_champion=False)) == "errors"
    assert decide(PLAN, view(Observed(1_000, errors=5), has_champion=False, baked=0.0)) == Hold()


def test_the_last_step_is_watched_although_nothing_runs_beside_it() -> None:
    """At the full weight a canary that begins to fail is still taken out."""
    steps = [StageCounts(0.5, Observed(500), Observed(500)), StageCounts(1.0, Observed(60, errors=20), Observed())]
    assert trigger(PLAN, View(steps, 60.0, 0, has_champion=True)) == "errors"


def test_what_earlier_steps_showed_still_counts() -> None:
    """Evidence from a step is not forgotten when the next one begins."""
    steps = [StageCounts(0.1, Observed(90, errors=2), Observed(910)), StageCounts(0.5, Observed(20, errors=2), Observed(20))]
    assert trigger(PLAN, View(steps, 0.0, 0, has_champion=True)) == "errors"


@given(
    requests=st.integers(0, 10_000),
    errors=st.integers(0, 10_000),
    control_errors=st.integers(0, 10_000),
    consecutive=st.integers(0, 20),
    baked=st.floats(0.0, 100.0),
    has_champion=st.booleans(),
)
def test_a_rollout_never_goes_on_while_something_is_wrong(
    requests: int, errors: int, control_errors: int, consecutive: int, baked: float, has_champion: bool
) -> None:
    """Whatever was seen, a verdict to go on means that the breaker holds and that enough was answered and baked."""
    seen = view(
        Observed(requests, min(errors, requests)),
        Observed(10_000, control_errors),
        consecutive=consecutive,
        baked=baked,
        has_champion=has_champion,
    )
    verdict = decide(PLAN, seen)
    if isinstance(verdict, Advance | Complete):
        assert consecutive < PLAN.breaker
        assert requests - min(errors, requests) >= 100
        assert baked >= 30.0

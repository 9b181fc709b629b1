"""The controller's decisions: pure, over counts and time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.rollout import Guardrail, NoWorse, RolloutPlan
from lifecycle.serving.rollouts.controller import Advance, Complete, Hold, Undo, Verdict, decide
from lifecycle.serving.rollouts.guardrails import SLOT_SECONDS, Watching
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View
from tests.serving.packages import plan
from tests.serving.watching import Played, once

PLAN = plan((0.1, 100, 30.0), (0.5, 100, 30.0), (1.0, 100, 30.0))
HEALTHY = Observed(900)
ERRORS, LATENCY = Guardrail(kind="errors"), Guardrail(kind="latency", objective_ms=50.0)
#: One request that fails, in an arm; and slots in which nothing or little goes wrong.
FAILS, WELL = Observed(1, errors=1), Observed(10)


def view(
    canary: Observed,
    control: Observed = HEALTHY,
    *,
    weight: float = 0.1,
    baked: float = 60.0,
    consecutive: int = 0,
    has_champion: bool = True,
    death: str = "",
    promoted: bool = False,
) -> View:
    return View([StageCounts(weight, canary, control)], baked, consecutive, has_champion, death, promoted)


def decided(rollout_plan: RolloutPlan, seen: View) -> Verdict:
    """The verdict on what is seen at the first look."""
    return decide(rollout_plan, seen, once(rollout_plan, seen))


def trigger(verdict: Verdict) -> str:
    assert isinstance(verdict, Undo)
    return verdict.trigger.metric


def test_enough_answers_and_time_lead_to_the_next_step() -> None:
    """A step that answered its minimum and baked leads to the one after it."""
    assert decided(PLAN, view(Observed(100))) == Advance(1)


def test_the_last_step_leads_to_the_end() -> None:
    """After the last step the rollout is complete."""
    steps = [StageCounts(0.1, Observed(100), HEALTHY), StageCounts(0.5, Observed(100), Observed(100))]
    seen = View([*steps, StageCounts(1.0, Observed(100), Observed())], 60.0, 0, has_champion=True)
    assert decided(PLAN, seen) == Complete()


def test_a_plan_that_leaves_the_promotion_to_a_person_waits_for_one() -> None:
    """An A/B test never promotes by itself; with a person's word it completes, and not before its step is over."""
    fixed = RolloutPlan(strategy="ab", steps=plan((0.5, 100, 30.0), (1.0, 0, 0.0)).steps[:1], guardrails=(ERRORS,))
    assert decided(fixed, view(Observed(100), Observed(100), weight=0.5)) == Hold()
    assert decided(fixed, view(Observed(100), Observed(100), weight=0.5, promoted=True)) == Complete()
    assert decided(fixed, view(Observed(99), Observed(100), weight=0.5, promoted=True)) == Hold()


def test_a_step_holds_until_it_has_answered_enough() -> None:
    """Time alone advances nothing, and neither do failures: only what was answered counts."""
    assert decided(PLAN, view(Observed(99))) == Hold()
    assert decided(PLAN, view(Observed(101, errors=2), Observed(909, errors=18))) == Hold()


def test_a_step_holds_until_it_has_baked() -> None:
    """Answers alone advance nothing."""
    assert decided(PLAN, view(Observed(5_000), Observed(45_000), baked=29.9)) == Hold()


def test_a_dead_process_is_undone_before_anything_else() -> None:
    """A canary whose process ended is out, however good its counts are."""
    verdict = decided(PLAN, view(Observed(100), death="killed"))
    assert isinstance(verdict, Undo)
    assert (verdict.trigger.kind, verdict.trigger.detail) == ("crash", "killed")


# The breaker.


def test_failures_in_a_row_trip_the_breaker() -> None:
    """The plan's number of consecutive failures takes the canary out at the first look; one fewer does not."""
    assert trigger(decided(PLAN, view(Observed(5), consecutive=5))) == "breaker"
    assert decided(PLAN, view(Observed(4), consecutive=4)) == Hold()


def test_a_breaker_of_none_never_trips() -> None:
    """A plan without a breaker relies on its guardrails."""
    assert decided(plan((1.0, 10, 0.0), breaker=0, guardrails=()), view(Observed(9, errors=9), consecutive=9)) == Hold()


def test_failures_that_the_champion_has_as_well_trip_no_breaker() -> None:
    """In an outage that both arms suffer, a streak of a hundred failures takes no canary out."""
    before = view(Observed(100), Observed(900))
    during = view(Observed(200, errors=100), Observed(1_800, errors=900), consecutive=100)
    watching = once(PLAN, before).after(PLAN, during)
    assert not watching.tripped(PLAN, during)


def test_an_outage_that_has_just_begun_trips_no_breaker() -> None:
    """What the champion did before the streak began does not count: five failures beside forty of the champion's are no streak."""
    before = view(Observed(100_000), Observed(900_000))
    during = view(Observed(100_005, errors=5), Observed(900_045, errors=45), consecutive=5)
    assert not once(PLAN, before).after(PLAN, during).tripped(PLAN, during)


def test_a_streak_that_stands_still_in_an_outage_trips_no_breaker() -> None:
    """Five failures in an outage are no more the canary's own at the next look, when nothing has come in between."""
    before = view(Observed(100_000), Observed(900_000))
    during = view(Observed(100_005, errors=5), Observed(900_045, errors=45), consecutive=5)
    shorter = view(Observed(100_011, errors=10), Observed(900_090, errors=90), consecutive=5)
    watching = once(PLAN, before)
    for seen in (during, during, view(Observed(100_006, errors=5), Observed(900_050, errors=50), consecutive=0), shorter, shorter):
        watching = watching.after(PLAN, seen)
        assert not watching.tripped(PLAN, seen)


def test_a_streak_beside_a_champion_that_answers_trips_the_breaker() -> None:
    """The same streak beside a champion that answers is the canary's own."""
    before = view(Observed(100_000), Observed(900_000))
    during = view(Observed(100_005, errors=5), Observed(900_045), consecutive=5)
    assert once(PLAN, before).after(PLAN, during).tripped(PLAN, during)


# The guardrails.


def test_errors_that_only_the_canary_has_are_a_breach() -> None:
    """Some slots with a failure of a canary of ten per cent, beside none in the champion, are evidence enough."""
    played = Played(PLAN)
    assert trigger(played.slots([(FAILS, WELL)] * 6)) == "errors"


def test_errors_that_both_arms_have_are_none() -> None:
    """A shared outage takes no canary out, however many requests fail."""
    played = Played(PLAN)
    assert played.slots([(Observed(10, errors=5), Observed(90, errors=45))] * 600) == Hold()


def test_one_stall_is_one_bad_event() -> None:
    """A hundred failures within one slot may have one cause, and take nothing out."""
    played = Played(PLAN)
    assert played.slots([(Observed(100, errors=100), Observed(900))]) == Hold()
    assert played.slots([(WELL, Observed(90))] * 20) == Hold()


def test_two_slots_are_too_few_whatever_the_odds() -> None:
    """Two failures may share one cause: a canary of one per cent is not taken out for them."""
    played = Played(PLAN, weight=0.01)
    assert played.slots([(FAILS, WELL), (Observed(), Observed(99)), (FAILS, WELL)]) == Hold()


def test_a_fault_that_begins_late_is_found_soon() -> None:
    """After ten minutes of health, a canary that fails at ten times the champion's rate is out within a minute, as a late fault."""
    played = Played(PLAN)
    assert played.slots([(Observed(2), Observed(18, errors=slot % 10 == 0)) for slot in range(6_000)]) == Hold()
    verdict = played.slots([(Observed(2, errors=slot % 10 == 0), Observed(18, errors=slot % 10 == 5)) for slot in range(600)])
    assert isinstance(verdict, Undo)
    assert "e-CUSUM" in verdict.trigger.detail


def test_slow_answers_are_a_breach_of_a_latency_guardrail_only() -> None:
    """What is slow breaches the guardrail that is about it, and not the one about errors."""
    slots = [(Observed(10, slow=5), Observed(90))] * 10
    assert trigger(Played(plan((0.1, 100, 30.0), (1.0, 100, 30.0), guardrails=(LATENCY,))).slots(slots)) == "latency"
    assert Played(PLAN).slots(slots) == Hold()


def test_without_a_champion_errors_are_held_against_a_fixed_share() -> None:
    """A first version that fails a third of its requests is out; one that fails one in two hundred stays."""
    failing = Played(PLAN, has_champion=False)
    assert trigger(failing.slots([(Observed(3, errors=1), Observed())] * 30)) == "errors"
    sound = Played(PLAN, has_champion=False)
    assert sound.slots([(Observed(2, errors=slot % 100 == 0), Observed()) for slot in range(3_000)]) == Hold()


def test_the_last_step_is_watched_although_nothing_runs_beside_it() -> None:
    """At the full weight a canary that begins to fail is still taken out."""
    played = Played(PLAN)
    played.slots([(Observed(10), Observed(90))] * 100)
    played.step(1.0)
    assert trigger(played.slots([(Observed(10, errors=3), Observed())] * 60)) == "errors"


def test_at_the_full_weight_a_share_of_failures_that_the_champion_had_too_is_no_breach() -> None:
    """Where the champion failed one request in twenty, a canary alone may fail as many."""
    played = Played(PLAN)
    played.slots([(Observed(2, errors=slot % 10 == 0), Observed(18, errors=slot % 10 < 9)) for slot in range(600)])
    played.step(1.0)
    assert played.slots([(Observed(20, errors=1), Observed())] * 1_000) == Hold()


def test_what_earlier_steps_showed_still_counts() -> None:
    """Evidence from a step is not forgotten when the next one begins."""
    played = Played(PLAN)
    assert played.slots([(FAILS, WELL)] * 2) == Hold()
    played.step(0.5)
    assert trigger(played.slots([(FAILS, WELL)] * 4)) == "errors"
    fresh = Played(PLAN, weight=0.5)
    assert fresh.slots([(FAILS, WELL)] * 4) == Hold()


def test_guardrails_share_the_alpha() -> None:
    """Beside a second guardrail the same evidence must pass a higher threshold."""
    alone, two = plan((0.1, 1, 1.0), (1.0, 1, 0.0), guardrails=(ERRORS,)), plan((0.1, 1, 1.0), (1.0, 1, 0.0), guardrails=(ERRORS, LATENCY))
    limits = []
    for one in (alone, two):
        verdict = Played(one).slots([(FAILS, WELL)] * 10)
        assert isinstance(verdict, Undo)
        assert verdict.trigger.limit is not None
        limits.append(verdict.trigger.limit)
    assert limits[1] - limits[0] == pytest.approx(math.log(2), abs=1e-3)


def test_a_look_that_shows_nothing_new_changes_nothing() -> None:
    """A look is taken twice, outside the lock and under it: the second one adds no evidence."""
    played = Played(PLAN)
    played.slots([(FAILS, WELL)] * 2)
    again = played.watching.after(PLAN, played.view)
    assert again == played.watching


def test_a_look_that_a_failure_caused_ends_no_slot() -> None:
    """A slot that ended with the failure that was waited for would count it and not what else happened in that moment."""
    first = view(Observed(10))
    watching = Watching().after(PLAN, first)
    woken = View([StageCounts(0.1, Observed(11, errors=1), HEALTHY)], 60.0, 1, True, now_seconds=SLOT_SECONDS * 1.5, woken=True)
    assert watching.after(PLAN, woken).settled == watching.settled
    late = View(woken.stages, 60.0, 1, True, now_seconds=SLOT_SECONDS * 2.5, woken=True)
    assert watching.after(PLAN, late).settled == tuple(late.stages)


# The split, and what promotes.


def test_requests_that_are_not_split_as_the_route_says_hold_a_rollout() -> None:
    """A canary of ten per cent that gets a third of the requests proves nothing: it goes no further, and the verdict says why."""
    verdict = decided(PLAN, view(Observed(450), Observed(900)))
    assert isinstance(verdict, Hold)
    assert "not split" in verdict.why


def proven(*steps: tuple[float, int, float]) -> RolloutPlan:
    return plan(*steps).model_copy(update={"no_worse": NoWorse(margin_odds=2.0, ceiling=0.02, alpha=0.05)})


def test_no_alarm_yet_promotes_nothing_where_evidence_is_asked_for() -> None:
    """A hundred clean answers could be those of a version that fails one request in fifty; three hundred could not."""
    asked = proven((0.1, 100, 30.0), (1.0, 100, 30.0))
    held = decided(asked, view(Observed(100), Observed(900)))
    assert isinstance(held, Hold)
    assert "errors" in held.why
    assert decided(asked, view(Observed(300), Observed(2_700))) == Advance(1)


def test_a_step_beside_the_champion_needs_no_such_evidence() -> None:
    """What is asked for is asked before all of the traffic goes over, not before a larger share does."""
    assert decided(proven((0.1, 100, 30.0), (0.5, 100, 30.0), (1.0, 100, 30.0)), view(Observed(100))) == Advance(1)


def test_where_both_fail_often_the_comparison_promotes() -> None:
    """A canary that fails one request in twenty, as its champion does, is no worse, though it is past the ceiling."""
    asked = proven((0.1, 100, 30.0), (1.0, 100, 30.0))
    assert decided(asked, view(Observed(10_000, errors=500), Observed(90_000, errors=4_500))) == Advance(1)
    worse = decided(asked, view(Observed(10_000, errors=1_000), Observed(90_000, errors=4_500)))
    assert isinstance(worse, Hold)


def test_a_first_version_is_promoted_by_the_ceiling_alone() -> None:
    """Nothing runs beside it, so enough clean answers are what counts."""
    asked = proven((1.0, 10, 0.0))
    assert isinstance(decided(asked, view(Observed(50), Observed(), weight=1.0, has_champion=False)), Hold)
    assert decided(asked, view(Observed(300), Observed(), weight=1.0, has_champion=False)) == Complete()


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
    """Whatever was seen, a verdict to go on means that enough was answered and baked, and that no streak is the canary's own."""
    seen = view(
        Observed(requests, min(errors, requests)),
        Observed(10_000, control_errors),
        consecutive=consecutive,
        baked=baked,
        has_champion=has_champion,
    )
    verdict = decided(PLAN, seen)
    if isinstance(verdict, Advance | Complete):
        assert consecutive < PLAN.breaker or control_errors > 0
        assert has_champion or consecutive < PLAN.breaker
        assert requests - min(errors, requests) >= 100
        assert baked >= 30.0


@given(slots=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_the_evidence_of_a_whole_rollout_is_finite(slots: list[tuple[int, int]]) -> None:
    """Whatever comes in whatever order, the verdict is one of four and its evidence a number."""
    played = Played(PLAN)
    verdict = played.slots([(Observed(5, errors=canary), Observed(45, errors=control)) for canary, control in slots])
    assert isinstance(verdict, Hold | Undo)
    assert all(math.isfinite(watched.evidence.log_value) for watched in played.watching.rails)

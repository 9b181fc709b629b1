"""Requests that an arm had no room for: no evidence for a canary, none against it, and no sign of a crooked split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.rollout import Guardrail, NoWorse
from lifecycle.serving.rollouts.controller import Advance, Hold, Undo, decide, is_no_worse
from lifecycle.serving.rollouts.guardrails import Watching, split_fails
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View
from tests.serving.packages import plan
from tests.serving.watching import Played, once

ERRORS, LATENCY = Guardrail(kind="errors"), Guardrail(kind="latency", objective_ms=50.0)
NO_WORSE = NoWorse()
STEPS = plan((0.5, 100, 30.0), (0.9, 100, 30.0), (1.0, 100, 30.0))


def view(canary: Observed, control: Observed, weight: float = 0.5) -> View:
    return View([StageCounts(weight, canary, control)], 60.0, 0, has_champion=True)


def test_a_step_waits_for_requests_that_really_reached_the_canary() -> None:
    """What was spilled does not make a step's minimum; as many that were answered do."""
    spilled = view(Observed(1_000, spilled=950), Observed(1_000))
    assert decide(STEPS, spilled, once(STEPS, spilled)) == Hold()
    reached = view(Observed(1_000, spilled=900), Observed(1_000))
    assert decide(STEPS, reached, once(STEPS, reached)) == Advance(1)


def test_what_is_spilled_is_still_the_canarys_share() -> None:
    """The split is judged by where requests fell, so a canary without room does not stop its rollout."""
    assert not split_fails(view(Observed(10_000, spilled=9_000), Observed(10_000)))
    assert split_fails(view(Observed(1_000), Observed(10_000)))


def test_a_canary_that_is_asked_little_is_not_shown_to_be_as_good_by_that() -> None:
    """Few bad events of one that took a tenth of its share prove nothing; as few of one that took it all do."""
    no_worse = NoWorse(margin_odds=1.5, ceiling=0.001, alpha=0.05)
    control = Observed(100_000, errors=500)
    assert is_no_worse(no_worse, ERRORS, view(Observed(100_000, errors=300), control))
    assert not is_no_worse(no_worse, ERRORS, view(Observed(100_000, errors=300, spilled=90_000), control))


def test_a_canary_that_stalls_is_not_shown_to_be_fast_by_those_who_found_no_room() -> None:
    """Of each stall a few callers wait and all others are the champion's: they would have waited as well, and none of them is proof."""
    stalls = Observed(10_000, slow=64, spilled=836)
    assert not is_no_worse(NO_WORSE, LATENCY, view(stalls, Observed(10_000)))
    assert is_no_worse(NO_WORSE, LATENCY, view(Observed(10_000, slow=64), Observed(10_000)))
    assert is_no_worse(NO_WORSE, ERRORS, view(Observed(10_000, spilled=836), Observed(10_000)))


def test_a_canary_that_keeps_its_line_full_is_not_promoted_for_the_little_it_answers() -> None:
    """It sheds nine tenths of its share and fails at a twentieth of the rest, ten times as often as the champion: in numbers its failures
    look like the champion's. What it must have shown before all of the traffic goes to it, it has not, however long it goes on."""
    sick = plan((0.5, 100, 0.0), (1.0, 100, 0.0)).model_copy(update={"no_worse": NO_WORSE})
    seen = view(Observed(1_000_000, errors=5_000, spilled=900_000), Observed(1_000_000, errors=5_000))
    assert isinstance(decide(sick, seen, Watching()), Hold)
    assert is_no_worse(NO_WORSE, ERRORS, view(Observed(1_000_000, errors=5_000), Observed(1_000_000, errors=5_000)))


def test_a_canary_that_shed_its_share_is_found_out_once_nobody_takes_it_for_it() -> None:
    """Without such evidence asked for it reaches its last step: there what it is asked is held against the ceiling."""
    played = Played(STEPS, weight=0.5)
    beside = [(Observed(100, errors=slot % 2, spilled=90), Observed(100, errors=slot % 2)) for slot in range(200)]
    assert not isinstance(played.slots(beside), Undo)
    played.step(1.0)
    assert isinstance(played.slots([(Observed(100, errors=1, spilled=90), Observed())] * 200), Undo)


def test_callers_who_come_again_do_not_vouch_for_a_canary_beside_a_champion_without_room() -> None:
    """A champion over its budget has the first failure of each of its callers all the same: it has not the more of them for each request
    that it took. A canary with more than twice its part of such callers is not shown to be as good by it."""
    canary, control = Observed(10_000, errors=200, errors_again=120), Observed(90_000, errors=400, errors_again=100, spilled=81_000)
    assert not is_no_worse(NoWorse(ceiling=0.001), ERRORS, view(canary, control, weight=0.1))
    once_each = view(Observed(10_000, errors=80), Observed(90_000, errors=300, spilled=81_000), weight=0.1)
    assert is_no_worse(NoWorse(ceiling=0.001), ERRORS, once_each)


def test_a_healthy_canary_stays_beside_a_champion_that_is_over_its_budget() -> None:
    """A champion that answers a tenth of its share has a tenth of its bad events: the canary is not taken out for having the rest."""
    both_fail = [(Observed(10, errors=slot % 5 == 0), Observed(90, errors=slot % 5 == 1, spilled=80)) for slot in range(400)]
    assert not isinstance(Played(STEPS, weight=0.1).slots(both_fail), Undo)
    alone = [(Observed(10, errors=slot % 5 == 0), Observed(90, errors=slot % 5 == 1)) for slot in range(400)]
    assert isinstance(Played(STEPS, weight=0.1).slots(alone), Undo)


def test_a_canary_that_fails_beside_a_champion_without_room_is_found_out() -> None:
    """Where nothing reached the champion, its bad events are held against a share of its own requests."""
    fails = [(Observed(10, errors=5), Observed(90, spilled=90))] * 50
    assert isinstance(Played(STEPS, weight=0.1).slots(fails), Undo)


@given(st.floats(0.001, 0.999), st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_split_of_what_was_asked_is_the_weight_or_less(weight: float, asked: int, spilled: int) -> None:
    """Equal to the weight where there was room for all, and nothing where there was room for none."""
    split = StageCounts(weight, Observed(asked + spilled, spilled=spilled), Observed(1)).split
    assert 0.0 <= split <= weight + 1e-12
    if not spilled:
        assert abs(split - weight) < 1e-12
    elif not asked:
        assert split == 0.0

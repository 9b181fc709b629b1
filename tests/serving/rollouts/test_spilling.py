"""Requests that an arm had no room for: no evidence for a canary, none against it, and no sign of a crooked split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.rollout import Guardrail, NoWorse
from lifecycle.serving.rollouts.controller import Advance, Hold, Undo, decide, is_no_worse
from lifecycle.serving.rollouts.guardrails import split_fails
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View
from tests.serving.packages import plan
from tests.serving.watching import Played, once

ERRORS = Guardrail(kind="errors")
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

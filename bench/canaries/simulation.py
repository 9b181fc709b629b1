"""Simulated canaries, judged by the gateway's own decision function (`lifecycle.serving.rollouts.controller.decide`).

Requests come as a Poisson process, fall to the canary at random, and go wrong independently of each other with the shares of the
scenario; `errors` and `slow` answers each have theirs, so that both guardrails of the plan are at risk of a false alarm. The gateway looks
every 20 ms and at each failure, and bets once per slot of 100 ms: here it looks once per slot, and is shown the longest streak that
stood in it. Slots in which nothing went wrong are left out: such a look decides nothing.

Many healthy runs come nowhere near a rollback. `stays_far_off` finds these from all slots at once, by the same bets, so that the decision
function itself is asked about the others alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench.canaries.rules import Counts
from lifecycle.measures.eprocess import ODDS, log_threshold, onset_prior, share_at_odds
from lifecycle.records.rollout import Guardrail, RolloutPlan, RolloutStep
from lifecycle.serving.rollouts.controller import Undo, decide
from lifecycle.serving.rollouts.guardrails import SHORTEST_SECONDS, SLOT_SECONDS, Watching
from lifecycle.serving.rollouts.seen import Labels, Observed, StageCounts, View

PER_SECOND = round(1.0 / SLOT_SECONDS)


@dataclass(frozen=True)
class Scenario:
    """One arm's share of the traffic and what goes wrong. Shares are of requests; a fault is the canary's alone, an outage everybody's."""

    rate: float = 200.0
    weight: float = 0.1
    seconds: int = 600
    #: Bad events of both arms throughout, and slow answers of both arms throughout.
    base: float = 0.005
    slow: float = 0.005
    #: The canary's bad events once its fault has begun; None is a healthy canary.
    fault: float | None = None
    fault_begins: float | None = None
    outage_seconds: int = 0
    outage: float = 0.5
    #: A canary that stalls: everything that comes to it in this many seconds of every ten is bad.
    stall_seconds: float = 0.0
    #: How long the plan means this step to bake: where the guardrails expect a fault.
    bake_seconds: float = 120.0
    look_seconds: float = SLOT_SECONDS
    #: Whether the bad events are failures, which the breaker counts too, and not slow answers or wrong labels.
    hard: bool = True
    #: Whether the bad events are wrong labels: every answer gets one, at once.
    labelled: bool = False


@dataclass(frozen=True)
class Run:
    """One canary's counts per slot of 100 ms, and when its fault began."""

    canary: Counts
    canary_bad: Counts
    control: Counts
    control_bad: Counts
    canary_slow: Counts
    control_slow: Counts
    began: float

    def per_second(self) -> tuple[Counts, Counts]:
        """The canary's requests and bad events per second, as the rules of other tools see them."""
        return self.canary.reshape(-1, PER_SECOND).sum(axis=1), self.canary_bad.reshape(-1, PER_SECOND).sum(axis=1)


def simulated(scenario: Scenario, generator: np.random.Generator) -> Run:
    """One run of a scenario. A fault without a given begin begins anywhere in the bake time; an outage anywhere in the run."""
    slots = scenario.seconds * PER_SECOND
    times = np.arange(slots) / PER_SECOND
    began = scenario.fault_begins if scenario.fault_begins is not None else float(generator.uniform(0.0, scenario.bake_seconds))
    both = np.full(slots, scenario.base)
    if scenario.outage_seconds:
        start = generator.uniform(0.0, scenario.seconds - scenario.outage_seconds)
        both[(times >= start) & (times < start + scenario.outage_seconds)] = scenario.outage
    ours = both.copy()
    if scenario.fault is not None:
        ours[times >= began] = scenario.fault
    if scenario.stall_seconds:
        ours[(times >= began) & ((times - began) % 10.0 < scenario.stall_seconds)] = 1.0

    def arm(share: float, bad: npt.NDArray[np.float64]) -> tuple[Counts, Counts, Counts]:
        requests = generator.poisson(scenario.rate * share / PER_SECOND, slots)
        failed = generator.binomial(requests, bad)
        return requests, failed, generator.binomial(requests - failed, scenario.slow)

    canary, canary_bad, canary_slow = arm(scenario.weight, ours)
    control, control_bad, control_slow = arm(1.0 - scenario.weight, both)
    return Run(canary, canary_bad, control, control_bad, canary_slow, control_slow, began)


def plan_of(scenario: Scenario) -> RolloutPlan:
    """Two guardrails at the default alpha, three where there are labels, and the default breaker."""
    on_labels = (Guardrail(kind="wrong_labels"),) if scenario.labelled else ()
    return RolloutPlan(
        steps=(
            RolloutStep(weight=scenario.weight, minimum_n=0, bake_seconds=scenario.bake_seconds),
            RolloutStep(weight=1.0, minimum_n=0, bake_seconds=0.0),
        ),
        guardrails=(Guardrail(kind="errors"), Guardrail(kind="latency", objective_ms=250.0), *on_labels),
    )


def rolled_back_at(scenario: Scenario, run: Run, generator: np.random.Generator) -> tuple[float, str] | None:
    """When the gateway's controller takes the canary out, in seconds, and by which layer; None where it does not.

    The step is meant to hold for the whole run: nothing but a rollback ends it.
    """
    if stays_far_off(scenario, run):
        return None
    plan = plan_of(scenario)
    together = round(scenario.look_seconds * PER_SECOND)
    sums = [
        _by(together, column) for column in (run.canary, run.canary_bad, run.control, run.control_bad, run.canary_slow, run.control_slow)
    ]
    asked, failed, beside, beside_failed, slow, beside_slow = (np.cumsum(column) for column in sums)
    eventful = np.flatnonzero(sums[1] + sums[3] + sums[4] + sums[5])
    view = View([StageCounts(scenario.weight, Observed(), Observed())], -1.0, 0, has_champion=True)
    watching = Watching().after(plan, view)
    streak, latest = 0, -1
    for place in eventful.tolist():
        # What came between two eventful slots went well, so that a streak ends there.
        streak = streak if place == latest + 1 or not asked[place - 1] - asked[max(latest, 0)] else 0
        longest, streak = _streaks(int(sums[0][place]), int(sums[1][place]), streak, generator)
        latest = place
        wrong, beside_wrong = int(failed[place]), int(beside_failed[place])
        errors, beside_errors = (0, 0) if scenario.labelled else (wrong, beside_wrong)
        counts = StageCounts(
            scenario.weight,
            Observed(int(asked[place]), errors, int(slow[place])),
            Observed(int(beside[place]), beside_errors, int(beside_slow[place])),
        )
        told = Labels(int(asked[place]), wrong, int(beside[place]), beside_wrong)
        view = replace(
            view,
            stages=[counts],
            labels=((), (), (told,)) if scenario.labelled else (),
            consecutive_errors=longest if scenario.hard and not scenario.labelled else 0,
            now_seconds=(place + 1) * scenario.look_seconds * (1.0 + 1e-9),
        )
        watching = watching.after(plan, view)
        verdict = decide(plan, replace(view, baked_seconds=-1.0), watching)
        if isinstance(verdict, Undo):
            return view.now_seconds, verdict.trigger.metric
    return None


def stays_far_off(scenario: Scenario, run: Run) -> bool:
    """Whether a run can't end in a rollback: no evidence gets near its limit, and no streak can be as long as the breaker."""
    if scenario.labelled:
        return False
    plan, together = plan_of(scenario), round(scenario.look_seconds * PER_SECOND)
    bad = _by(together, run.canary_bad)
    if scenario.hard and _longest_sum(bad) >= plan.breaker:
        return False
    rails = ((bad, _by(together, run.control_bad)), (_by(together, run.canary_slow), _by(together, run.control_slow)))
    limit = log_threshold(plan.guardrails[0].alpha / len(plan.guardrails))
    return all(_highest_evidence(scenario, canary, control) < limit - 0.01 for canary, control in rails)


def _highest_evidence(scenario: Scenario, canary: Counts, control: Counts) -> float:
    """The largest log e-value of a run, of which `guardrails.Watching` makes one slot after the other."""
    places = np.flatnonzero(canary + control)
    if not places.size:
        return -np.inf
    part = (canary[places] / (canary[places] + control[places]))[:, np.newaxis]
    null, alternatives = scenario.weight, share_at_odds(scenario.weight, ODDS)
    early = np.cumsum(np.log(part * alternatives / null + (1.0 - part) * (1.0 - alternatives) / (1.0 - null)), axis=0)
    expected = max(SHORTEST_SECONDS, scenario.bake_seconds)
    laid = np.array([onset_prior((place + 1) * scenario.look_seconds, expected) for place in (-1, *places.tolist())])
    before = np.vstack([np.zeros(ODDS.size), early[:-1]])
    late = early + np.logaddexp.accumulate(np.log(np.diff(laid))[:, np.newaxis] - before, axis=0)
    return float((np.logaddexp.reduce(np.logaddexp(early, late), axis=1) - np.log(2.0 * ODDS.size)).max())


def _longest_sum(bad: Counts) -> int:
    """The most failures in slots that follow on each other, each with one: no streak is longer."""
    longest = running = 0
    for count in bad.tolist():
        running = running + count if count else 0
        longest = max(longest, running)
    return longest


def _by(together: int, column: Counts) -> Counts:
    summed: Counts = column.reshape(-1, together).sum(axis=1)
    return summed


def _streaks(requests: int, bad: int, before: int, generator: np.random.Generator) -> tuple[int, int]:
    """The longest streak of failures that stood at some time in a slot, and the one that stands after it."""
    if bad == requests:
        return before + bad, before + bad
    if not bad:
        return before, 0
    order = np.zeros(requests, dtype=bool)
    order[generator.permutation(requests)[:bad]] = True
    longest, running = before, before
    for failed in order.tolist():
        running = running + 1 if failed else 0
        longest = max(longest, running)
    return longest, running

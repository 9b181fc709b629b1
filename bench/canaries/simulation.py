"""Simulated canaries, judged by the gateway's own decision function (`lifecycle.serving.rollouts.controller.decide`).

Requests come as a Poisson process, fall to the canary at random, and go wrong independently of each other with the shares of the
scenario; `errors` and `slow` answers each have theirs, so that both guardrails of the plan are at risk of a false alarm. Only slots of
time in which something went wrong are looked at: a look that shows nothing new decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench.canaries.rules import Counts
from lifecycle.records.rollout import Guardrail, RolloutPlan, RolloutStep
from lifecycle.serving.rollouts.controller import Undo, decide
from lifecycle.serving.rollouts.guardrails import SLOT_SECONDS, Watching
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View

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
    """Two guardrails at the default alpha, and the default breaker."""
    return RolloutPlan(
        steps=(
            RolloutStep(weight=scenario.weight, minimum_n=0, bake_seconds=scenario.bake_seconds),
            RolloutStep(weight=1.0, minimum_n=0, bake_seconds=0.0),
        ),
        guardrails=(Guardrail(kind="errors"), Guardrail(kind="latency", objective_ms=250.0)),
    )


def rolled_back_at(scenario: Scenario, run: Run, generator: np.random.Generator) -> tuple[float, str] | None:
    """When the gateway's controller takes the canary out, in seconds, and by which layer; None where it does not.

    The step is meant to hold for the whole run: nothing but a rollback ends it.
    """
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
        counts = StageCounts(
            scenario.weight,
            Observed(int(asked[place]), int(failed[place]), int(slow[place])),
            Observed(int(beside[place]), int(beside_failed[place]), int(beside_slow[place])),
        )
        view = replace(
            view,
            stages=[counts],
            consecutive_errors=longest if scenario.hard else 0,
            now_seconds=(place + 1) * scenario.look_seconds * (1.0 + 1e-9),
        )
        watching = watching.after(plan, view)
        verdict = decide(plan, replace(view, baked_seconds=-1.0), watching)
        if isinstance(verdict, Undo):
            return view.now_seconds, verdict.trigger.metric
    return None


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

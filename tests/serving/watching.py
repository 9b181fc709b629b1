"""A rollout played to the controller look by look, for tests of what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts.controller import Hold, Undo, Verdict, decide
from lifecycle.serving.rollouts.guardrails import SLOT_SECONDS, Watching
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View


def once(plan: RolloutPlan, seen: View) -> Watching:
    """What is remembered after a single look."""
    return Watching().after(plan, seen)


class Played:
    """A rollout that is looked at after every slot. It never bakes long enough to go on."""

    def __init__(self, plan: RolloutPlan, *, weight: float = 0.1, has_champion: bool = True) -> None:
        self._plan = plan
        self.view = View([StageCounts(weight, Observed(), Observed())], 0.0, 0, has_champion)
        self.watching = once(plan, self.view)

    def step(self, weight: float) -> None:
        """The next step begins."""
        self.view = replace(self.view, stages=[*self.view.stages, StageCounts(weight, Observed(), Observed())])

    def slots(self, came: Iterable[tuple[Observed, Observed]]) -> Verdict:
        """What came to canary and control, slot by slot. The first verdict to undo, or the last one."""
        verdict: Verdict = Hold()
        for canary, control in came:
            *before, now = self.view.stages
            now = replace(now, canary=_with(now.canary, canary), control=_with(now.control, control))
            # A little more than a slot, so that no rounding keeps one open.
            self.view = replace(self.view, stages=[*before, now], now_seconds=self.view.now_seconds + 1.001 * SLOT_SECONDS)
            self.watching = self.watching.after(self._plan, self.view)
            verdict = decide(self._plan, self.view, self.watching)
            if isinstance(verdict, Undo):
                break
        return verdict


def _with(counted: Observed, came: Observed) -> Observed:
    return counted + came

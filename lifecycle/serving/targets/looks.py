"""What the looks at a rollout on a target show, as the controller wants it: counts by step, from the moment on that one looks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts import controller
from lifecycle.serving.rollouts.guardrails import Watching
from lifecycle.serving.rollouts.label_watch import LabelCounts
from lifecycle.serving.rollouts.looking import shown, step_progress
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View
from lifecycle.serving.rollouts.status import Looked
from lifecycle.serving.targets.contract import Counted


@dataclass
class Looks:
    """What the looks at a rollout have shown since this driver began; a driver that follows begins anew."""

    plan: RolloutPlan
    #: What the arms had answered when the current step began, and what came of the steps before it.
    canary: Observed = field(default_factory=Observed)
    control: Observed = field(default_factory=Observed)
    earlier: tuple[StageCounts, ...] = ()
    began: float = field(default_factory=time.monotonic)
    watching: Watching = field(default_factory=Watching)
    #: What labels said at the last look at which they could be read, and why they can't be; "" where they can.
    labels: LabelCounts = ()
    blind: str = ""
    #: What the latest look has found, for whoever asks.
    looked: Looked = field(default_factory=Looked)

    @classmethod
    def from_step(cls, plan: RolloutPlan, step: int) -> Looks:
        """Looks that begin in this step: of those before it nothing is known."""
        return cls(plan, earlier=tuple(StageCounts(before.weight, Observed(), Observed()) for before in plan.steps[:step]))

    def verdict(self, step: int, canary: Counted, control: Counted | None) -> controller.Verdict:
        """What the controller says of what is counted now."""
        now = time.monotonic()
        current = self._stage(step, canary.observed, Observed() if control is None else control.observed)
        view = View(
            stages=(*self.earlier, current),
            baked_seconds=now - self.began,
            consecutive_errors=canary.streak,
            has_champion=control is not None,
            death=canary.death,
            now_seconds=now,
            labels=self.labels,
        )
        self.watching = self.watching.after(self.plan, view)
        guardrails = tuple(shown(one) for one in self.watching.standings(self.plan, view))
        verdict = controller.while_blind(controller.decide(self.plan, view, self.watching), self.blind)
        self.looked = Looked(verdict.why if isinstance(verdict, controller.Hold) else "", guardrails, step_progress(self.plan, view))
        return verdict

    def enter(self, step: int, canary: Observed, control: Observed) -> None:
        """A step begins with these counts."""
        if step > 0:
            self.earlier = (*self.earlier[: step - 1], self._stage(step - 1, canary, control))
        self.canary, self.control, self.began = canary, control, time.monotonic()

    def nothing_learned(self) -> None:
        """Counts could not be read: the bake time begins anew."""
        self.began = time.monotonic()

    def _stage(self, step: int, canary: Observed, control: Observed) -> StageCounts:
        return StageCounts(self.plan.steps[step].weight, canary.since(self.canary), control.since(self.control))

"""One look at a rollout: what the books have counted, as the controller sees it, and what it makes of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts import controller
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.guardrails import Standing, Watching
from lifecycle.serving.rollouts.rollout_events import mark, since
from lifecycle.serving.rollouts.seen import Labels, Observed, StageCounts, View
from lifecycle.serving.rollouts.state import ArmMark, ModelState, RolloutState, StageMark
from lifecycle.serving.rollouts.status import GuardrailStatus, StepProgress


@dataclass
class Progress:
    """What a running rollout has that need not survive a restart: when its step began, and how its process died."""

    plan: RolloutPlan
    began: float = field(default_factory=time.monotonic)
    death: str = ""
    #: Why the ledger refused an event of it, if it did.
    refused: str = ""
    #: What the guardrails have seen of it, look by look; after a restart they begin anew.
    watching: Watching = field(default_factory=Watching)
    #: What labels say by now, by rail and stage; why they can't be read, "" where they can.
    labels: Sequence[Sequence[Labels]] = ()
    blind: str = ""
    following: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    #: Whether a failure caused the latest look, and not the time.
    woken: bool = False
    task: asyncio.Task[None] | None = None


def verdict_on(books: Books, state: ModelState, rollout: RolloutState, progress: Progress, *, promoted: bool = False) -> controller.Verdict:
    """What the controller says of a rollout now. What was found, and what it waits for, is noted in the books."""
    canary, control = books.counts(state, rollout.canary), books.counts(state, state.champion)
    ends = (*rollout.stages[1:], StageMark(weight=0.0, canary=mark(canary), control=mark(control)))
    # Copies are no random split: what a shadow makes of them has no control, and is held against a fixed share.
    stages = [
        StageCounts(1.0, _observed(start.canary, end.canary), Observed())
        if progress.plan.copies(number)
        else StageCounts(start.weight, _observed(start.canary, end.canary), _observed(start.control, end.control))
        for number, (start, end) in enumerate(zip(rollout.stages, ends, strict=True))
    ]
    now = time.monotonic()
    baked, has_champion = now - progress.began, state.champion is not None
    view = View(stages, baked, canary.consecutive_errors, has_champion, progress.death, promoted, now, progress.woken, progress.labels)
    before, progress.watching = progress.watching, progress.watching.after(progress.plan, view)
    looked = replace(books.looked_at(rollout), progress=step_progress(progress.plan, view))
    if progress.watching.rails is not before.rails:
        looked = replace(looked, guardrails=tuple(shown(one) for one in progress.watching.standings(progress.plan, view)))
    verdict = controller.while_blind(controller.decide(progress.plan, view, progress.watching), progress.blind)
    books.looked[rollout.rollout_id] = replace(looked, held=verdict.why if isinstance(verdict, controller.Hold) else "")
    return verdict


def step_progress(plan: RolloutPlan, view: View) -> StepProgress:
    """What the step that is seen here waits for, as the controller counts it."""
    step, canary = plan.steps[len(view.stages) - 1], view.stages[-1].canary
    return StepProgress(
        steps=len(plan.steps),
        answered=max(0, canary.asked - canary.errors),
        minimum_n=step.minimum_n,
        baked_seconds=round(view.baked_seconds, 3),
        bake_seconds=step.bake_seconds,
    )


def shown(standing: Standing) -> GuardrailStatus:
    """How a guardrail stands, for whoever asks."""
    counted = standing.counted
    return GuardrailStatus(
        guardrail=standing.rail.name,
        log_evidence=round(standing.log_evidence, 3),
        log_limit=round(standing.log_limit, 3),
        canary=counted.canary,
        canary_bad=counted.canary_bad,
        control=counted.control,
        control_bad=counted.control_bad,
    )


def _observed(earlier: ArmMark, now: ArmMark) -> Observed:
    came = since(earlier, now)
    return Observed(came.requests, came.errors, came.slow, came.errors_again, came.slow_again, came.spilled)

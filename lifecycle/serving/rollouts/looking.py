"""One look at a rollout: what the books have counted, as the controller sees it, and what it makes of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts import controller
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.guardrails import Standing, Watching
from lifecycle.serving.rollouts.rollout_events import mark, since
from lifecycle.serving.rollouts.seen import Labels, Observed, StageCounts, View
from lifecycle.serving.rollouts.state import ArmMark, GuardrailStatus, ModelState, RolloutState, StageMark


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
    """What the controller says of a rollout now. What it waits for is noted in the books."""
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
    if progress.watching.rails is not before.rails:
        books.watched[rollout.rollout_id] = tuple(_status(one) for one in progress.watching.standings(progress.plan, view))
    verdict = controller.decide(progress.plan, view, progress.watching)
    if progress.blind and isinstance(verdict, controller.Advance | controller.Complete):
        verdict = controller.Hold(f"what its labels say is not known: {progress.blind}")
    if isinstance(verdict, controller.Hold) and verdict.why:
        books.held[rollout.rollout_id] = verdict.why
    else:
        books.held.pop(rollout.rollout_id, None)
    return verdict


def _status(standing: Standing) -> GuardrailStatus:
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

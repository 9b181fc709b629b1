"""Takes the rollouts of one gateway from their first step to their end, as the controller decides.

A gateway that is killed between any two lines goes on with the step that it was in, and its bake time begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from pathlib import Path

from lifecycle.errors import LifecycleError
from lifecycle.records.bodies.serving import RolloutStepReached
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts import controller, promoting, undoing
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.label_watch import follow_labels, waits_for_labels
from lifecycle.serving.rollouts.looking import Progress, verdict_on
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.rollout_events import mark
from lifecycle.serving.rollouts.state import ModelState, RolloutState, StageMark
from lifecycle.serving.supervision.fleet import Fleet, Holding

_LOG = logging.getLogger(__name__)


class Drives:
    """The rollouts that are under way. A step of one is taken under its model's lock, which it shares with what people order."""

    def __init__(self, books: Books, fleet: Fleet, locks: defaultdict[str, asyncio.Lock], tick_seconds: float, predictions: Path) -> None:
        self._books = books
        self._fleet = fleet
        self._locks = locks
        self._tick_seconds = tick_seconds
        self._predictions = predictions
        self._running: dict[str, Progress] = {}

    def find(self, rollout_id: str) -> Progress | None:
        """How far a rollout is, while it is under way."""
        return self._running.get(rollout_id)

    async def end(self) -> None:
        """Stops deciding. Rollouts stay as they are in the journal."""
        tasks = [task for progress in self._running.values() for task in (progress.task, progress.following) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, model: str, rollout_id: str, plan: RolloutPlan) -> None:
        """Takes a rollout that is in the journal on from where it is."""
        progress, loop = Progress(plan), asyncio.get_running_loop()
        self._running[rollout_id] = progress
        if waits_for_labels(plan):
            progress.following = loop.create_task(follow_labels(self._books, rollout_id, progress, self._predictions))
        progress.task = loop.create_task(self._drive(model, rollout_id, progress))

    async def _drive(self, model: str, rollout_id: str, progress: Progress) -> None:
        """Takes one rollout from its first step to its end."""
        try:
            await self._bring_up(rollout_id, progress)
            while await self._look(rollout_id, progress):
                try:
                    await asyncio.wait_for(progress.wake.wait(), self._tick_seconds)
                except TimeoutError:
                    continue
        except Exception as error:  # noqa: BLE001  # a rollout that can't go on, for whatever reason, must not leave a canary unwatched
            _LOG.exception("the rollout of %s can't go on", model)
            self._give_up(rollout_id, error)
        del self._running[rollout_id]
        if progress.following is not None:
            progress.following.cancel()
        self._books.looked.pop(rollout_id, None)
        await self.clean_up(model, rollout_id)

    def _give_up(self, rollout_id: str, error: Exception) -> None:
        """Takes the canary of a rollout that can't go on out of the routes, and records it."""
        state = self._books.rolling(rollout_id)
        if state is None:
            return
        what = error.what if isinstance(error, LifecycleError) else f"the controller broke: {type(error).__name__}"
        undoing.record_aborted(self._books, state, "failed", what)

    async def _bring_up(self, rollout_id: str, progress: Progress) -> None:
        """Starts the canary's process, and gives it its share once it is ready. Raises Unavailable where it does not get there."""
        state = self._books.rolling(rollout_id)
        if state is None or state.rollout is None:
            return
        holding = Holding(state.model, state.slot, state.rollout.canary)
        await self._fleet.start_canary(rollout_id, holding, lambda: self._books.rolling(rollout_id) is not None)
        async with self._locks[state.model]:
            latest = self._books.rolling(rollout_id)
            if latest is None or latest.rollout is None:
                return
            if not latest.rollout.stages:
                self._enter(latest, latest.rollout, 0, progress)
            else:
                resumed = latest.model_copy(update={"rollout": latest.rollout.model_copy(update={"phase": "baking"})})
                self._books.commit(resumed)
                progress.began = time.monotonic()
                self._books.put_in_force(resumed)

    async def _look(self, rollout_id: str, progress: Progress) -> bool:
        """One look at a rollout, and what follows from it. False once it has ended."""
        progress.woken = progress.wake.is_set()
        progress.wake.clear()
        seen = self._books.rolling(rollout_id)
        if seen is None or seen.rollout is None:
            return False
        if self._books.closed:
            # Nobody is answered, so nothing can be learned: its step begins anew once somebody is.
            progress.began = time.monotonic()
            return True
        if not progress.refused and isinstance(verdict_on(self._books, seen, seen.rollout, progress), controller.Hold):
            return True
        async with self._locks[seen.model]:
            # Looked at again under the lock: what was seen outside may be over.
            state = self._books.rolling(rollout_id)
            if state is None or state.rollout is None:
                return False
            if progress.refused:
                undoing.record_aborted(self._books, state, "failed", progress.refused)
                return False
            verdict = verdict_on(self._books, state, state.rollout, progress)
            if isinstance(verdict, controller.Undo):
                why = verdict.trigger
                asked = RollbackAsked(model=seen.model, trigger=why, reason=why.detail, rollback_id=new_id())
                await undoing.undo(self._books, self._fleet, state, asked)
            elif isinstance(verdict, controller.Advance):
                self._enter(state, state.rollout, verdict.step, progress)
            elif isinstance(verdict, controller.Complete):
                await promoting.promote(self._books, self._fleet, state, progress.plan)
        return True

    def _enter(self, state: ModelState, rollout: RolloutState, step: int, progress: Progress) -> None:
        """Begins a step: durable first, then in the routes."""
        weight = progress.plan.steps[step].weight
        books = self._books
        stage = StageMark(
            weight=weight,
            canary=mark(books.counts(state, rollout.canary)),
            control=mark(books.counts(state, state.champion)),
            began_at_us=now_us(),
        )
        body = RolloutStepReached(rollout_id=rollout.rollout_id, step=step, weight=weight, observed=books.seen(state))
        entered = rollout.model_copy(
            update={"phase": "baking", "step": step, "stages": (*rollout.stages, stage), "copies": progress.plan.copies(step)}
        )
        changed = state.model_copy(update={"rollout": entered})
        books.commit(changed, (rollout.canary, rollout.run_id, body))
        progress.began = time.monotonic()
        books.put_in_force(changed)

    async def clean_up(self, model: str, rollout_id: str) -> None:
        """Ends a rollout's process, and lets the workers go of what serves no more."""

        def wanted() -> set[int]:
            state = self._books.model(model)
            rolling = () if state.rollout is None else (state.rollout.canary,)
            return {kept.version for kept in (*state.loaded, *rolling)}

        await self._fleet.stop_canary(rollout_id)
        await self._fleet.keep_only(model, wanted)

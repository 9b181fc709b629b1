"""Carries out what people order of one gateway, and what the ledger takes back; `drives` carries out what the controller decides.

The order of things is the promise. A change that lets a version take traffic is durable in the journal before the routes
show it. A gateway that is killed between any two lines goes on from its journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from lifecycle.errors import LifecycleError, Refused, Tampered
from lifecycle.records.bodies.serving import AbortCause, RolledBack
from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder, RolloutPlan
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.rollouts import controller, order_refusals, promoting, undoing, withdrawing
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.drives import Drives
from lifecycle.serving.rollouts.looking import verdict_on
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import ModelState, RolloutState
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.fleet import Fleet, Holding

_LOG = logging.getLogger(__name__)


class Conductor:
    """Every change of what serves goes through here, one at a time per model."""

    def __init__(self, books: Books, fleet: Fleet, cache: PackageCache, tick_seconds: float, predictions: Path) -> None:
        self._books = books
        self._fleet = fleet
        self._cache = cache
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._drives = Drives(books, fleet, self._locks, tick_seconds, predictions)
        self._tidying: set[asyncio.Task[None]] = set()

    def canary_failed(self, model: str) -> None:
        """A worker saw a canary of this model fail: look at once."""
        state = self._books.find(model)
        progress = None if state is None or state.rollout is None else self._drives.find(state.rollout.rollout_id)
        if progress is not None:
            progress.wake.set()

    def canary_died(self, rollout_id: str, how: str) -> None:
        """The process of this rollout's canary has ended."""
        progress = self._drives.find(rollout_id)
        if progress is not None:
            progress.death = how
            progress.wake.set()

    def event_refused(self, event: Event, why: str) -> None:
        """The ledger will not take an event of a version: where that is being rolled out, it must not go on unrecorded."""
        state = self._books.find(event.subject.name)
        rollout = None if state is None else state.rollout
        progress = None if rollout is None or rollout.canary.version != event.subject.version else self._drives.find(rollout.rollout_id)
        if progress is not None:
            progress.refused = f"the ledger refused its {event.type}: {why}"
            progress.wake.set()

    async def admit_all(self) -> None:
        """Checks everything that the journal names from its proof to its last byte, and has the workers hold what passes.

        What does not pass does not serve, and the status says why. Nothing but the gateway's own folder is needed.
        """
        for state in self._books.models:
            self._fleet.introduce(state.model, state.slot)
            planned: float | None = None
            for kept in state.loaded:
                try:
                    package = await asyncio.to_thread(self._cache.readmit, state.model, kept.version, kept.digest)
                except LifecycleError as error:
                    _LOG.error("%s:%d does not serve: %s", state.model, kept.version, error.what)
                    if kept == state.champion:
                        self._books.faults[state.model] = f"{state.model}:{kept.version} does not serve: {error.what}"
                else:
                    self._fleet.hold(Holding(state.model, state.slot, kept))
                    if kept == state.champion:
                        planned = package.order.plan.holdout
            if state.holdout is not None and (state.holdout.share != planned or state.holdout.version not in state.standby):
                # The journal is a file: a share that the gate was not shown is nobody's.
                _LOG.error("the hold-out of %s is not that of its champion's plan, and ends", state.model)
                state = state.model_copy(update={"holdout": None})
                self._books.commit(state, in_force=True)
            if state.rollout is not None:
                # Its canary has no process yet, and takes no traffic until it has one again.
                state = state.model_copy(update={"rollout": state.rollout.model_copy(update={"phase": "loading"})})
                self._books.commit(state, in_force=True)
            self._books.put_in_force(state)

    async def resume(self) -> None:
        """Finishes, or goes on with, what was under way when the gateway ended."""
        for state in self._books.models:
            if state.rollback is not None:
                undoing.finish(self._books, state)
            elif state.rollout is not None:
                try:
                    canary = state.rollout.canary
                    package = await asyncio.to_thread(self._cache.readmit, state.model, canary.version, canary.digest)
                    _require_planned(state.rollout, package.order.plan)
                except LifecycleError as error:
                    undoing.record_aborted(self._books, state, "failed", error.what)
                else:
                    self._drives.begin(state.model, state.rollout.rollout_id, package.order.plan)

    async def end(self) -> None:
        """Stops deciding. Rollouts stay as they are, and go on when the gateway starts again."""
        await self._drives.end()
        await asyncio.gather(*self._tidying, return_exceptions=True)

    async def order(self, order: RolloutOrder, source: Path) -> None:
        """Takes up a rollout. Sent again, it does nothing more.

        Raises Refused for a second one at once and for a version that serves already, and like `PackageCache.admit`.
        """
        async with self._locks[order.model]:
            if self._books.rolling(order.rollout_id) is not None or self._books.finished(order.rollout_id) is not None:
                return
            state = self._books.find(order.model) or ModelState(model=order.model, slot=self._books.free_slot())
            if state.rollout is not None:
                raise order_refusals.while_another_rolls_out(order, state.rollout.canary.version)
            if state.champion is not None and state.champion.version == order.version and order.model not in self._books.faults:
                raise order_refusals.serves_already(order)
            if self._books.used_up(order.decision_id):
                raise order_refusals.used_up(order)
            await asyncio.to_thread(self._cache.admit, order, source)
            rollout = RolloutState.begun(order, self._books.placed(state, order.version, order.digest))
            self._books.use_up(order.decision_id)
            self._books.commit(state.model_copy(update={"rollout": rollout, "refers": order.plan.without_champion == "refer"}))
            self._drives.begin(order.model, order.rollout_id, order.plan)

    async def promote(self, word: Word) -> None:
        """Makes the canary the champion on a person's word, which counts, where its plan leaves that to one. One that is promoted stays so.

        Raises UnknownName, and Refused for a plan that promotes by itself and while its last step has not baked or answered enough.
        """
        rollout_id, state = word.rollout_id, self._books.rolling(word.rollout_id)
        if state is None:
            if self._books.rollout(rollout_id).state != "completed":
                raise Refused("This rollout has ended without a promotion.", "Deploy that version again.", ("STATE",))
            return
        async with self._locks[state.model]:
            latest, progress = self._books.rolling(rollout_id), self._drives.find(rollout_id)
            if latest is None or latest.rollout is None or progress is None:
                raise Refused("This rollout has just ended.", "Look at `lifecycle gateway status`.", ("STATE",))
            named = f"{state.model}:{latest.rollout.canary.version}"
            if progress.plan.promotes_itself:
                raise Refused(
                    f"{named} is promoted by the gateway, once its last step is over.",
                    f"Wait for it, or end it: `lifecycle rollback {state.model}` takes it out.",
                    ("STATE",),
                )
            verdict = verdict_on(self._books, latest, latest.rollout, progress, promoted=True)
            if latest.rollout.phase != "baking" or not isinstance(verdict, controller.Complete):
                last = progress.plan.steps[-1]
                held = verdict.why if isinstance(verdict, controller.Hold) else ""
                raise Refused(
                    f"{named} can't be promoted yet: {held}."
                    if held
                    else f"{named} has not answered {last.minimum_n} requests and baked for {last.bake_seconds:g} s in its last step yet.",
                    "Wait until it has; `lifecycle rollout show` tells how far it is.",
                    ("STATE",),
                )
            await promoting.promote(self._books, self._fleet, latest, progress.plan, word)
            progress.wake.set()

    async def abort(self, rollout_id: str, reason: str, cause: AbortCause, word: Word | None = None) -> None:
        """Ends a rollout without judging its version. One that has ended already stays as it ended. Raises UnknownName.

        `word`: whose it was, where a person ends it.
        """
        state = self._books.rolling(rollout_id)
        if state is None:
            self._books.rollout(rollout_id)
            return
        self._books.take_canary_out(state)
        async with self._locks[state.model]:
            latest = self._books.rolling(rollout_id)
            if latest is not None:
                undoing.record_aborted(self._books, latest, cause, reason, word)
        await self._drives.clean_up(state.model, rollout_id)

    async def rollback(self, asked: RollbackAsked) -> RolledBack:
        """Takes the canary out if there is one, else what serves; returns what was observed.

        Asked again by the same id, it says the same. Raises UnknownName and Refused where there is nothing to take out
        or nothing to go back to, or where that is not `from_version` or not `to_version`.
        """
        model = asked.model
        async with self._locks[model]:
            done = self._books.rolled_back(asked.rollback_id)
            if done is not None:
                return done
            state = self._books.model(model)
            rollout_id = "" if state.rollout is None else state.rollout.rollout_id
            champion = None if state.champion is None else state.champion.version
            if state.rollout is not None and asked.to_version in (None, champion):
                undoing.require_expected(asked, state.rollout.canary, state.champion)
                body = await undoing.undo(self._books, self._fleet, state, asked)
            else:
                body = await undoing.replace(self._books, self._fleet, self._cache, state, asked)
        await self._drives.clean_up(model, rollout_id)
        self._later(self._stand_by(model))
        return body

    async def take_back(self, model: str) -> None:
        """Takes out of a model whatever the ledger has taken back. Done again, it does nothing more."""
        async with self._locks[model]:
            state = self._books.find(model)
            if state is None:
                return
            rollout_id = "" if state.rollout is None else state.rollout.rollout_id
            await withdrawing.take_back(self._books, self._fleet, self._cache, state)
        # Not waited for: a canary that ends slowly must not hold up what is taken back next.
        self._later(self._tidy(model, rollout_id))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        tidying = asyncio.get_running_loop().create_task(work)
        self._tidying.add(tidying)
        tidying.add_done_callback(self._tidying.discard)

    async def _tidy(self, model: str, rollout_id: str) -> None:
        try:
            await self._drives.clean_up(model, rollout_id)
        except LifecycleError as error:
            _LOG.error("what was taken back of %s is not unloaded everywhere: %s", model, error.what)
        await self._stand_by(model)

    async def _stand_by(self, model: str) -> None:
        """Has the workers hold what the next rollback would go back to, and what a tier may ask: after a rollback, that is another version.

        Without the model's lock: the next rollback waits for no load. What is not wanted any more by then is let go again.
        """
        state = self._books.model(model)
        try:
            for kept in state.standby[:1]:
                await asyncio.to_thread(self._cache.readmit, model, kept.version, kept.digest)
                await self._fleet.load(Holding(model, state.slot, kept))
            await self._drives.clean_up(model, "")
        except LifecycleError as error:
            _LOG.error("what stands by of %s is not loaded: %s", model, error.what)


def _require_planned(rollout: RolloutState, plan: RolloutPlan) -> None:
    """Raises Tampered where the journal has a rollout at other shares of the traffic than its plan, which the gate was shown."""
    weights = [stage.weight for stage in rollout.stages]
    step = max(0, len(weights) - 1)
    copies = bool(weights) and plan.copies(step)
    if weights != [step.weight for step in plan.steps[: len(weights)]] or rollout.step != step or rollout.copies != copies:
        raise Tampered(
            f"The journal has the rollout of version {rollout.canary.version} at a step that is not in its plan.",
            "Find out who changed the gateway's journal, then have the gate asked again.",
        )

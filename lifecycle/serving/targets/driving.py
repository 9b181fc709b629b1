"""Drives one rollout on one target by the controller's decisions. All that it must not forget stands in the target's placement.

The order of things: a version is ready before it has a share; what is intended is in the records before it is in force; on a
rollback the weight goes first and the processes last, after the version was asked nothing for a while by its own counts.
A driver that is killed between any two lines is followed by another, which reads the placement and goes on: the step that it was
in begins anew, what was out of the routes is still out, and what still runs for nobody is ended.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RolloutStepReached, Trigger
from lifecycle.records.identity import derived_id, now_us
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts import controller
from lifecycle.serving.rollouts.seen import Observed
from lifecycle.serving.targets import telling
from lifecycle.serving.targets.contract import Counted, Moved, Pace, Placed, Placement, Target, TargetVersion, Undoing
from lifecycle.serving.targets.drivable import require_drivable, slower_than_us
from lifecycle.serving.targets.looks import Looks
from lifecycle.serving.targets.telling import Beside

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Records(Protocol):
    """Where what happens is told."""

    def tell(self, event_id: str, model: str, version: TargetVersion, run_id: str | None, body: Body) -> None:
        """Makes an event durable. One of the same id is told once. Raises Unavailable where the disk does not take it."""


class Drive:
    """One rollout, from its order to its end."""

    def __init__(self, target: Target, records: Records, order: RolloutOrder, pace: Pace) -> None:
        self._target = target
        self._records = records
        self._order = order
        self._pace = pace
        self._version = TargetVersion(version=order.version, digest=order.digest)
        self._looks = Looks.from_step(order.plan, 0)

    async def run(self) -> Placement:
        """Drives until the rollout has ended and nothing runs for nobody; returns what serves then.

        Raises Refused while another controller, or another rollout, is at work there, and for a plan that can't be carried out.
        """
        await self._target.hold()
        try:
            at = await self._begin()
            if not at.placement.outcome:
                at = await self._roll(at)
            return (await self._settle(at)).placement
        finally:
            await self._target.let_go()

    async def _begin(self) -> Placed:
        """The rollout as it stands there; entered as one that loads where it is new."""
        at = await self._target.read()
        serving = at.placement
        if serving.rollout_id == self._order.rollout_id:
            return at
        if serving.canary is not None:
            raise Refused(
                f"{serving.model}:{serving.canary.version} is being rolled out there, so version {self._version.version} can't be.",
                f"Drive the rollout {serving.rollout_id} to its end first.",
                ("STATE",),
            )
        if serving.champion == self._version:
            raise Refused(f"{serving.model}:{self._version.version} serves there already.", "There is nothing to roll out.", ("STATE",))
        require_drivable(self._order.plan, has_champion=serving.champion is not None)
        if not serving.settled:
            raise Refused(
                f"The rollout {serving.rollout_id} has ended there, and what is left of it is not cleared away.",
                "Drive that rollout to its end first; it is the same command with the former version.",
                ("STATE",),
            )
        loading = {
            "canary": self._version,
            "weight": 0.0,
            "rollout_id": self._order.rollout_id,
            "step": 0,
            "outcome": "",
            "reason": "",
        }
        return await self._place(at, lambda placement: placement.model_copy(update=loading))

    async def _roll(self, at: Placed) -> Placed:
        """From loading to the end of the last step, or to a rollback."""
        self._looks = Looks.from_step(self._order.plan, at.placement.step)
        try:
            await self._target.make_ready(self._version, slower_than_us(self._order.plan))
        except Unavailable as error:
            return await self._abort(at, error.what)
        if at.placement.weight == 0.0:
            at = await self._enter(at, 0)
        else:
            at = await self._resume(at)
        while True:
            try:
                at, verdict = await self._look(at)
            except Unavailable as error:
                # Nobody can be asked, so nothing is learned, and nothing is changed.
                _LOG.warning("the rollout of %s waits: %s", at.placement.model, error.what)
                self._looks.nothing_learned()
            else:
                if isinstance(verdict, controller.Undo):
                    return await self._undo(at, verdict.trigger)
                if isinstance(verdict, controller.Advance):
                    at = await self._enter(at, verdict.step)
                elif isinstance(verdict, controller.Complete):
                    return await self._complete(at)
            await asyncio.sleep(self._pace.tick_seconds)

    async def _look(self, at: Placed) -> tuple[Placed, controller.Verdict]:
        await self._target.hold()
        latest = await self._target.read()
        if latest.placement != at.placement:
            raise self._not_ours(latest)
        if not latest.in_force:
            _LOG.error("the weights of %s were changed beside its rollout; they are put back", at.placement.model)
            latest = await self._place(latest, lambda placement: placement)
        canary, control = await self._both(latest.placement.champion)
        return latest, self._looks.verdict(latest.placement.step, canary, None if control is None else control.counted)

    async def _both(self, beside: TargetVersion | None) -> tuple[Counted, Beside | None]:
        canary = await self._target.counted(self._version)
        return canary, None if beside is None else Beside(beside, await self._target.counted(beside))

    async def _enter(self, at: Placed, step: int) -> Placed:
        """Begins a step: recorded first, then in the routes."""
        weight = self._order.plan.steps[step].weight
        canary, control = await self._until_answered(lambda: self._both(at.placement.champion))
        observed = telling.observed(self._order, at.placement.weight, canary, control)
        body = RolloutStepReached(rollout_id=self._order.rollout_id, step=step, weight=weight, observed=observed)
        await self._until_answered(lambda: self._tell(f"step {step}", self._version, body))
        entered = await self._place(at, lambda placement: placement.model_copy(update={"step": step, "weight": weight}))
        self._looks.enter(step, canary.observed, Observed() if control is None else control.counted.observed)
        return entered

    async def _resume(self, at: Placed) -> Placed:
        """Goes on with the step that a driver before this one was in."""
        canary, control = await self._until_answered(lambda: self._both(at.placement.champion))
        self._looks.canary = canary.observed
        self._looks.control = Observed() if control is None else control.counted.observed
        self._looks.nothing_learned()
        return at

    async def _complete(self, at: Placed) -> Placed:
        """Makes the canary the champion. The former one has kept its processes until now."""
        update = {"champion": self._version, "canary": None, "weight": 0.0, "leaving": at.placement.champion, "outcome": "completed"}
        return await self._end(at, update)

    async def _undo(self, at: Placed, trigger: Trigger) -> Placed:
        """Takes the canary out of the routes. That waits for no record: one that can't be written is written afterwards."""
        undoing = Undoing(decided_at_us=now_us(), trigger=trigger)
        update = {**self._out(trigger.detail), "undoing": undoing}
        intent = telling.requested(self._order, at.placement.champion, undoing)
        try:
            await self._tell("rollback requested", self._version, intent)
        except Unavailable as error:
            _LOG.error("the rollback of %s goes first: %s", at.placement.model, error.what)
        return await self._end(at, update)

    async def _abort(self, at: Placed, why: str) -> Placed:
        """Ends a rollout whose version did not get ready, without judging it."""
        return await self._end(at, self._out(why))

    def _out(self, why: str) -> dict[str, Any]:
        return {"canary": None, "weight": 0.0, "leaving": self._version, "outcome": "aborted", "reason": why}

    async def _end(self, at: Placed, update: dict[str, Any]) -> Placed:
        return await self._place(at, lambda placement: placement.model_copy(update={**update, "settled": False}))

    async def _settle(self, at: Placed) -> Placed:
        """Records how a rollout ended, and ends what runs for nobody once it was asked nothing for a while."""
        placement = at.placement
        if placement.settled:
            return at
        leaving = placement.leaving
        last_asked = placement.undoing.decided_at_us if placement.undoing else 0
        beside = placement.leaving if placement.outcome == "completed" else placement.champion
        canary, control = await self._until_answered(lambda: self._both(beside))
        if leaving is not None:
            last_asked = max(last_asked, await self._until_answered(lambda: self._quiet(leaving)))
        for what, body in telling.ends(self._order, placement, canary, control, last_asked):
            await self._until_answered(functools.partial(self._tell, what, self._version, body))
        if leaving is not None:
            await self._until_answered(lambda: self._target.take_out(leaving))
        return await self._place(at, lambda placed: placed.model_copy(update={"leaving": None, "undoing": None, "settled": True}))

    async def _quiet(self, leaving: TargetVersion) -> int:
        """Returns when a version was last seen to be asked, once it was asked nothing for the pace's quiet time."""
        seen, asked_us = (await self._target.counted(leaving)).observed.requests, now_us()
        since = began = time.monotonic()
        while time.monotonic() - since < self._pace.quiet_seconds:
            await asyncio.sleep(min(self._pace.tick_seconds, self._pace.quiet_seconds))
            await self._target.hold()
            requests = (await self._target.counted(leaving)).observed.requests
            if requests != seen:
                seen, asked_us, since = requests, now_us(), time.monotonic()
                if since - began > self._pace.drain_seconds:
                    _LOG.error("version %d is out of the routes and is asked nevertheless; it goes on running", leaving.version)
        return asked_us

    # What every write has in common.

    async def _place(self, at: Placed, change: Callable[[Placement], Placement]) -> Placed:
        """Writes a change of what this driver placed, as often as it takes. Raises Refused where another rollout took its place."""
        while True:
            try:
                await self._target.hold()
                return await self._target.place(at, change(at.placement))
            except Unavailable as error:
                _LOG.warning("what serves can't be changed yet: %s", error.what)
            except Moved:
                latest = await self._until_answered(self._target.read)
                if latest.placement == change(at.placement) and latest.in_force:
                    return latest
                if latest.placement != at.placement:
                    raise self._not_ours(latest) from None
                at = latest
                continue
            await asyncio.sleep(self._pace.tick_seconds)

    async def _until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                await self._target.hold()
                return await ask()
            except Unavailable as error:
                _LOG.warning("the rollout of %s waits: %s", self._order.model, error.what)
            await asyncio.sleep(self._pace.tick_seconds)

    def _not_ours(self, latest: Placed) -> Refused:
        return Refused(
            f"What serves of {self._order.model} was placed by another controller: rollout {latest.placement.rollout_id}, "
            f"step {latest.placement.step + 1}.",
            "Find out who else drives rollouts there; this one has stopped and changed nothing more.",
            ("STATE",),
        )

    async def _tell(self, what: str, version: TargetVersion, body: Body) -> None:
        event_id = derived_id("target", self._order.rollout_id, what)
        await asyncio.to_thread(self._records.tell, event_id, self._order.model, version, self._order.run_id, body)

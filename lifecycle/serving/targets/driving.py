"""Drives one rollout on one target by the controller's decisions. All that it must not forget stands in the target's placement.

The order of things: a version is ready before it has a share; what is intended is in the records before it is in force; on a
rollback the weight goes first and the processes last, after the version was asked nothing for a while by its own counts.
A driver that is killed between any two lines is followed by another, which reads the placement and goes on: the step that it was
in begins anew, what was out of the routes is still out, and what still runs for nobody is ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.bodies.serving import AbortCause, RolloutStepReached
from lifecycle.records.identity import now_us
from lifecycle.records.record import Microseconds
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts import controller
from lifecycle.serving.rollouts.label_watch import LabelCounts, known_labels, waits_for_labels
from lifecycle.serving.rollouts.rollout_events import aborted
from lifecycle.serving.rollouts.seen import Observed
from lifecycle.serving.rollouts.state import MOST_STANDBY
from lifecycle.serving.rollouts.status import Looked
from lifecycle.serving.rollouts.undoing import CAUSE_OF
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.targets import telling
from lifecycle.serving.targets.contract import Counted, Pace, Placed, Placement, Target, TargetVersion, Undoing
from lifecycle.serving.targets.drivable import require_drivable
from lifecycle.serving.targets.hand import Hand, Records
from lifecycle.serving.targets.looks import Looks
from lifecycle.serving.targets.pod_labels import LabelSource
from lifecycle.serving.targets.telling import Beside

_LOG = logging.getLogger(__name__)
#: Who reads the labels of a rollout, beside this champion and from this moment on.
LabelsOf = Callable[[RolloutOrder, TargetVersion | None, Microseconds], LabelSource]


@dataclass(frozen=True, slots=True)
class Ending:
    """What somebody wants of a rollout that is under way: that it ends. Without `undoing` its version is not judged."""

    cause: AbortCause
    reason: str
    undoing: Undoing | None = None
    #: Whose word it is, where a person ends it.
    word: Word | None = None

    @classmethod
    def rolled_back(cls, undoing: Undoing) -> Ending:
        """The version is taken out for cause."""
        return cls(CAUSE_OF[undoing.trigger.kind], undoing.why, undoing)


class Drive:
    """One rollout, from its order to its end."""

    def __init__(self, target: Target, records: Records, order: RolloutOrder, pace: Pace, labels_of: LabelsOf | None = None) -> None:
        self._target = target
        self._order = order
        self._labels_of = labels_of
        self._labels: LabelSource | None = None
        self._hand = Hand(target, records, pace, model=order.model, acts_for=order.rollout_id, run_id=order.run_id)
        self._version = telling.canary_of(order)
        self._looks = Looks.from_step(order.plan, 0)
        self._ending: Ending | None = None
        self._asked = asyncio.Event()

    @property
    def looked(self) -> Looked:
        """What the latest look at it has found."""
        return self._looks.looked

    def end(self, ending: Ending) -> None:
        """Has the rollout end at the next look. One that has ended already stays as it ended."""
        self._ending = self._ending or ending
        self._asked.set()

    async def run(self) -> Placement:
        """Drives until the rollout has ended and nothing runs for nobody; returns what serves then.

        Raises Refused while another controller, or another rollout, is at work there, and for a plan that can't be carried out.
        """
        await self._target.hold()
        try:
            at = await self._target.read()
            if self._ending is not None and at.placement.rollout_id != self._order.rollout_id:
                return await self._never_begun(at.placement, self._ending)
            at = await self._begin(at)
            if not at.placement.outcome:
                at = await self._roll(at)
            return (await self._settle(at)).placement
        finally:
            await self._target.let_go()

    async def _never_begun(self, serving: Placement, ending: Ending) -> Placement:
        body = aborted(self._order.rollout_id, ending.cause, ending.reason, (), ending.word)
        await self._hand.until_answered(lambda: self._hand.tell("aborted", self._version, body))
        return serving.model_copy(update={"outcome": "aborted", "reason": ending.reason})

    async def _begin(self, at: Placed) -> Placed:
        """The rollout as it stands there; entered as one that loads where it is new."""
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
        require_drivable(self._order.plan)
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
            "steps_us": (),
            "outcome": "",
            "reason": "",
            "cause": None,
            "refers": self._order.plan.without_champion == "refer",
        }
        return await self._hand.place(at, lambda placement: placement.model_copy(update=loading))

    async def _roll(self, at: Placed) -> Placed:
        """From loading to the end of the last step, or to a rollback."""
        self._looks = Looks.from_step(self._order.plan, at.placement.step)
        if self._labels_of is not None and waits_for_labels(self._order.plan):
            since_us = min(at.placement.steps_us, default=now_us())
            self._labels = self._labels_of(self._order, at.placement.champion, since_us)
        why = await self._made_ready()
        if why and self._ending is None:
            return await self._end(at, self._out(why, "failed"))
        if self._ending is None:
            at = await (self._enter(at, 0) if at.placement.weight == 0.0 else self._resume(at))
        while self._ending is None:
            try:
                at, verdict = await self._look(at)
            except Unavailable as error:
                # Nobody can be asked, so nothing is learned, and nothing is changed.
                _LOG.warning("the rollout of %s waits: %s", at.placement.model, error.what)
                self._looks.nothing_learned()
            else:
                if isinstance(verdict, controller.Undo):
                    return await self._undo(at, Undoing(decided_at_us=now_us(), trigger=verdict.trigger))
                if isinstance(verdict, controller.Advance):
                    at = await self._enter(at, verdict.step)
                elif isinstance(verdict, controller.Complete):
                    return await self._complete(at)
            await self._until_the_next_look()
        if self._ending.undoing is not None:
            return await self._undo(at, self._ending.undoing)
        return await self._end(at, {**self._out(self._ending.reason, self._ending.cause), "word": self._ending.word})

    async def _made_ready(self) -> str:
        """Why the version is not ready; "" where it is. Waits no longer than until somebody ends the rollout."""
        ready = asyncio.ensure_future(self._target.make_ready(self._version, self._order.plan.slower_than_us))
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({ready, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                return ""
            await ready
        except Unavailable as error:
            return error.what
        finally:
            asked.cancel()
            ready.cancel()
            await asyncio.wait({asked, ready})
        return ""

    async def _until_the_next_look(self) -> None:
        try:
            await asyncio.wait_for(self._asked.wait(), self._hand.pace.tick_seconds)
        except TimeoutError:
            return

    async def _look(self, at: Placed) -> tuple[Placed, controller.Verdict]:
        await self._target.hold()
        latest = await self._target.read()
        if latest.placement != at.placement:
            raise self._hand.not_ours(latest)
        if not latest.in_force:
            _LOG.error("the weights of %s were changed beside its rollout; they are put back", at.placement.model)
            latest = await self._hand.place(latest, lambda placement: placement)
        canary, control = await self._both(latest.placement.champion)
        await self._look_at_labels(latest.placement, (*canary.pods, *(() if control is None else control.counted.pods)))
        return latest, self._looks.verdict(latest.placement.step, canary, None if control is None else control.counted)

    async def _look_at_labels(self, placement: Placement, pods: tuple[str, ...]) -> None:
        if not waits_for_labels(self._order.plan):
            return
        labels: LabelCounts = ()
        why = "nothing here reads them"
        if self._labels is not None:
            labels, why = await known_labels(partial(self._labels.look, placement.steps_us, pods))
        if why and why != self._looks.blind:
            _LOG.error("the labels of %s can't be followed: %s", placement.model, why)
        self._looks.labels, self._looks.blind = labels or self._looks.labels, why

    async def _both(self, beside: TargetVersion | None) -> tuple[Counted, Beside | None]:
        canary = await self._target.counted(self._version)
        return canary, None if beside is None else Beside(beside, await self._target.counted(beside))

    async def _enter(self, at: Placed, step: int) -> Placed:
        """Begins a step: recorded first, then in the routes."""
        weight = self._order.plan.steps[step].weight
        canary, control = await self._hand.until_answered(lambda: self._both(at.placement.champion))
        observed = telling.observed(self._order, at.placement.weight, canary, control)
        body = RolloutStepReached(rollout_id=self._order.rollout_id, step=step, weight=weight, observed=observed)
        await self._hand.until_answered(lambda: self._hand.tell(f"step {step}", self._version, body))
        # Of a step that a controller of an earlier release began it is not known when that was.
        began = (*at.placement.steps_us[:step], *[now_us()] * (step + 1 - len(at.placement.steps_us[:step])))
        into = {"step": step, "weight": weight, "steps_us": began}
        entered = await self._hand.place(at, lambda placement: placement.model_copy(update=into))
        self._looks.enter(step, canary.observed, Observed() if control is None else control.counted.observed)
        return entered

    async def _resume(self, at: Placed) -> Placed:
        """Goes on with the step that a driver before this one was in."""
        canary, control = await self._hand.until_answered(lambda: self._both(at.placement.champion))
        self._looks.canary = canary.observed
        self._looks.control = Observed() if control is None else control.counted.observed
        self._looks.nothing_learned()
        return at

    async def _complete(self, at: Placed) -> Placed:
        """Makes the canary the champion. The former one has kept its processes until now."""
        former = at.placement.champion
        standby = (*(() if former is None else (former,)), *(kept for kept in at.placement.standby if kept != self._version))
        return await self._end(
            at,
            {
                "champion": self._version,
                "canary": None,
                "weight": 0.0,
                "leaving": former,
                "outcome": "completed",
                "standby": standby[:MOST_STANDBY],
            },
        )

    async def _undo(self, at: Placed, undoing: Undoing) -> Placed:
        """Takes the canary out of the routes. That waits for no record: one that can't be written is written afterwards."""
        update = {**self._out(undoing.why, CAUSE_OF[undoing.trigger.kind]), "undoing": undoing}
        rollback_id = telling.rollback_id_of(self._order, undoing)
        intent = telling.requested(rollback_id, self._version, at.placement.champion, undoing)
        try:
            await self._hand.tell("rollback requested", self._version, intent)
        except Unavailable as error:
            _LOG.error("the rollback of %s goes first: %s", at.placement.model, error.what)
        return await self._end(at, update)

    def _out(self, why: str, cause: AbortCause) -> dict[str, Any]:
        return {"canary": None, "weight": 0.0, "leaving": self._version, "outcome": "aborted", "reason": why, "cause": cause}

    async def _end(self, at: Placed, update: dict[str, Any]) -> Placed:
        return await self._hand.place(at, lambda placement: placement.model_copy(update={**update, "settled": False}))

    async def _settle(self, at: Placed) -> Placed:
        """Records how a rollout ended, and ends what runs for nobody once it was asked nothing for a while."""
        placement = at.placement
        if placement.settled:
            return at
        leaving = placement.leaving
        last_asked = placement.undoing.decided_at_us if placement.undoing else 0
        beside = placement.leaving if placement.outcome == "completed" else placement.champion
        canary, control = await self._hand.until_answered(lambda: self._both(beside))
        if leaving is not None:
            last_asked = max(last_asked, await self._hand.until_answered(lambda: self._hand.quiet(leaving)))
        for what, body in telling.ends(self._order, placement, canary, control, last_asked):
            await self._hand.until_answered(partial(self._hand.tell, what, self._version, body))
        if leaving is not None:
            await self._hand.until_answered(lambda: self._target.take_out(leaving))
        settled = {"leaving": None, "undoing": None, "word": None, "settled": True}
        return await self._hand.place(at, lambda placed: placed.model_copy(update=settled))

"""Goes back, on one target, from what serves to a version that served before; or to none, where none may.

Asked by a person, that version is ready before anything changes. Where what serves was taken back, nobody is answered until it is.
What is left of it is in the placement, so that a driver that follows a killed one goes on.
"""

from __future__ import annotations

import logging

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.record import Id
from lifecycle.serving.targets import telling
from lifecycle.serving.targets.contract import Pace, Placed, Placement, Target, TargetVersion, Undoing
from lifecycle.serving.targets.hand import Hand, Records

_LOG = logging.getLogger(__name__)


class GoingBack:
    """One way back of one model."""

    def __init__(self, target: Target, records: Records, model: str, rollback_id: Id, pace: Pace) -> None:
        self._target = target
        self._rollback_id = rollback_id
        self._hand = Hand(target, records, pace, model=model, acts_for=rollback_id, run_id=None)

    async def run(self, leaving: TargetVersion, to: TargetVersion | None, undoing: Undoing, *, at_once: bool) -> Placement:
        """Returns what serves once nothing of `leaving` runs any more.

        `at_once`: nobody is answered until `to` is ready. Otherwise raises Unavailable where it does not get ready, and nothing has
        changed. Raises Refused where something else serves than `leaving`, or a rollout is under way.
        """
        await self._target.hold()
        try:
            at = await self._target.read()
            serving = at.placement
            if serving.canary is not None or not serving.settled or serving.champion != leaving:
                raise Refused(
                    f"What serves of {serving.model} has changed since.", "Look at `lifecycle gateway status`, and ask again.", ("STATE",)
                )
            if to is not None and not at_once:
                await self._target.make_ready(to, 0)
            intent = telling.requested(self._rollback_id, leaving, to, undoing)
            try:
                await self._hand.tell("rollback requested", leaving, intent)
            except Unavailable as error:
                _LOG.error("the rollback of %s goes first: %s", serving.model, error.what)
            out = {
                "champion": None if at_once else to,
                "returning": to if at_once else None,
                "leaving": leaving,
                "standby": tuple(kept for kept in serving.standby if kept not in (leaving, to)),
                "rollout_id": self._rollback_id,
                "step": 0,
                "outcome": "replaced",
                "reason": undoing.why,
                "cause": None,
                "undoing": undoing,
                "settled": False,
            }
            at = await self._hand.place(at, lambda placement: placement.model_copy(update=out))
            return (await self._finish(at)).placement
        finally:
            await self._target.let_go()

    async def finish(self) -> Placement:
        """Goes on with what a driver before this one has begun."""
        await self._target.hold()
        try:
            return (await self._finish(await self._target.read())).placement
        finally:
            await self._target.let_go()

    async def _finish(self, at: Placed) -> Placed:
        if at.placement.settled:
            return at
        returning, leaving, undoing = at.placement.returning, at.placement.leaving, at.placement.undoing
        assert leaving is not None  # they stand in the placement together until it is settled
        assert undoing is not None
        if returning is not None:
            at = await self._bring_in(at, returning)
        last_asked = max(undoing.decided_at_us, await self._hand.until_answered(lambda: self._hand.quiet(leaving)))
        counted = await self._hand.until_answered(lambda: self._target.counted(leaving))
        observed = telling.arm("champion", leaving.version, 0.0, counted)
        body = telling.rolled_back(self._rollback_id, leaving, at.placement.champion, undoing, last_asked, observed)
        await self._hand.until_answered(lambda: self._hand.tell("rolled back", leaving, body))
        await self._hand.until_answered(lambda: self._target.take_out(leaving))
        return await self._hand.place(at, lambda placed: placed.model_copy(update={"leaving": None, "undoing": None, "settled": True}))

    async def _bring_in(self, at: Placed, returning: TargetVersion) -> Placed:
        """Has the version serve that nobody is answered until, or none where it does not get ready."""
        champion: TargetVersion | None = returning
        try:
            await self._target.make_ready(returning, 0)
        except Unavailable as error:
            _LOG.error("nothing takes the place of what was taken back: %s", error.what)
            champion = None
        return await self._hand.place(at, lambda placed: placed.model_copy(update={"champion": champion, "returning": None}))

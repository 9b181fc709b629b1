"""A controller's hand at one target: it asks and writes for as long as that takes, and tells what it does.

A write that follows from what somebody else has changed since is refused: whoever drives stops then, and changes nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.bodies import Body
from lifecycle.records.identity import derived_id, now_us
from lifecycle.serving.targets.contract import Moved, Pace, Placed, Placement, Target, TargetVersion

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Records(Protocol):
    """Where what happens is told."""

    def tell(self, event_id: str, model: str, version: TargetVersion, run_id: str | None, body: Body) -> None:
        """Makes an event durable. One of the same id is told once. Raises Unavailable where the disk does not take it."""


class Hand:
    """What a rollout and a way back have in common."""

    def __init__(self, target: Target, records: Records, pace: Pace, *, model: str, acts_for: str, run_id: str | None) -> None:
        """`acts_for` is the rollout or the rollback: what is told of it is told once."""
        self.target = target
        self.pace = pace
        self._records = records
        self._model = model
        self._acts_for = acts_for
        self._run_id = run_id

    async def place(self, at: Placed, change: Callable[[Placement], Placement]) -> Placed:
        """Writes a change of what this hand placed, as often as it takes. Raises Refused where another rollout took its place."""
        while True:
            try:
                await self.target.hold()
                return await self.target.place(at, change(at.placement))
            except Unavailable as error:
                _LOG.warning("what serves can't be changed yet: %s", error.what)
            except Moved:
                latest = await self.until_answered(self.target.read)
                if latest.placement == change(at.placement) and latest.in_force:
                    return latest
                if latest.placement != at.placement:
                    raise self.not_ours(latest) from None
                at = latest
                continue
            await asyncio.sleep(self.pace.tick_seconds)

    async def until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What is answered, once it is."""
        while True:
            try:
                await self.target.hold()
                return await ask()
            except Unavailable as error:
                _LOG.warning("%s waits: %s", self._model, error.what)
            await asyncio.sleep(self.pace.tick_seconds)

    async def quiet(self, leaving: TargetVersion) -> int:
        """Returns when a version was last seen to be asked, once it was asked nothing for the pace's quiet time."""
        seen, asked_us = (await self.target.counted(leaving)).observed.requests, now_us()
        since = began = time.monotonic()
        while time.monotonic() - since < self.pace.quiet_seconds:
            await asyncio.sleep(min(self.pace.tick_seconds, self.pace.quiet_seconds))
            await self.target.hold()
            requests = (await self.target.counted(leaving)).observed.requests
            if requests != seen:
                seen, asked_us, since = requests, now_us(), time.monotonic()
                if since - began > self.pace.drain_seconds:
                    _LOG.error("version %d is out of the routes and is asked nevertheless; it goes on running", leaving.version)
        return asked_us

    async def tell(self, what: str, version: TargetVersion, body: Body) -> None:
        """Tells an event, once. Raises Unavailable where the disk does not take it."""
        event_id = derived_id("target", self._acts_for, what)
        # In this thread: what is told and what is decided share one journal.
        self._records.tell(event_id, self._model, version, self._run_id, body)

    def not_ours(self, latest: Placed) -> Refused:
        """Somebody else placed what serves."""
        return Refused(
            f"What serves of {self._model} was placed by another controller: rollout {latest.placement.rollout_id}, "
            f"step {latest.placement.step + 1}.",
            "Find out who else drives rollouts there; this one has stopped and changed nothing more.",
            ("STATE",),
        )

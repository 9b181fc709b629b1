"""A model's versions on this machine, behind the contract of targets: the gateway's processes, routes, journal and counters.

It keeps the contract honest, by passing the suite that every target passes. A gateway drives its rollouts itself (`rollouts.drives`),
because the contract has no room for what it can do beside them: answer in the canary's place, and undo in milliseconds (ADR 0022).

A version that has never been the champion runs in a process of its own, and workers load it when it becomes that.
"""

from __future__ import annotations

import os

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.record import digest_of
from lifecycle.serving.folder import GatewayFolder, write_durably
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.seen import Observed
from lifecycle.serving.rollouts.state import ArmMark, ModelState, RolloutState, ServedVersion, StageMark
from lifecycle.serving.supervision.fleet import Fleet, Holding
from lifecycle.serving.targets.contract import Counted, Moved, Placed, Placement, TargetVersion


class LocalTarget:
    """One model on one gateway's processes. See `contract.Target`. Its packages are admitted before a version is made ready."""

    def __init__(self, books: Books, fleet: Fleet, folder: GatewayFolder, model: str) -> None:
        self._books = books
        self._fleet = fleet
        self._folder = folder
        self._note = folder.path / f"placement-{model}.json"
        self._model = model
        self._lock: int | None = None
        self._processes: set[TargetVersion] = set()
        self._deaths: dict[TargetVersion, str] = {}
        self._slower_than_us = 0
        self._served: dict[TargetVersion, ServedVersion] = {}
        self._slot = books.free_slot() if books.find(model) is None else books.model(model).slot

    def died(self, rollout_id: str, how: str) -> None:
        """The process of a version has ended (`Fleet`'s word of it)."""
        self._deaths.update({version: how for version in self._processes if _process_of(version) == rollout_id})

    async def hold(self) -> None:
        if self._lock is None:
            try:
                self._lock = self._folder.take_lock()
            except Unavailable as error:
                raise Refused(error.what, error.next_step, ("STATE",)) from error

    async def let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def read(self) -> Placed:
        note = self._note.read_bytes() if self._note.exists() else b""
        placement = Placement.parse(note) if note else Placement(model=self._model)
        return Placed(placement, digest_of(note) if note else "", in_force=self._books.find(self._model) == self._state(placement))

    async def make_ready(self, version: TargetVersion, slower_than_us: int) -> None:
        self._slower_than_us = slower_than_us
        if version not in self._processes:
            self._fleet.introduce(self._model, self._slot)
            await self._fleet.start_canary(_process_of(version), self._holding(version), lambda: True)
            self._processes.add(version)

    async def place(self, was: Placed, now: Placement) -> Placed:
        if (await self.read()).revision != was.revision:
            raise Moved(f"What serves of {self._model} was placed by somebody else.", "It is read again; nothing was written.")
        if now.champion is not None and now.champion != was.placement.champion:
            # Every worker holds it before a route names it.
            await self._fleet.load(self._holding(now.champion))
        write_durably(self._note, now.canonical())
        state = self._state(now)
        self._books.commit(state, in_force=True)
        route = self._books.put_in_force(state)
        await self._fleet.acknowledge(self._model, self._slot, route.epoch)
        return await self.read()

    async def counted(self, version: TargetVersion) -> Counted:
        placed = (await self.read()).placement
        counts = self._books.counts(self._state(placed), self._place_of(version))
        observed = Observed(counts.requests, counts.errors, counts.slow)
        return Counted(observed, counts.consecutive_errors, self._deaths.get(version, ""))

    async def take_out(self, version: TargetVersion) -> None:
        self._processes.discard(version)
        await self._fleet.stop_canary(_process_of(version))
        champion = (await self.read()).placement.champion
        await self._fleet.keep_only(self._model, lambda: set() if champion is None else {champion.version})

    def _holding(self, version: TargetVersion) -> Holding:
        return Holding(self._model, self._slot, self._place_of(version))

    def _place_of(self, version: TargetVersion) -> ServedVersion:
        if version not in self._served:
            known = self._books.find(self._model) or ModelState(model=self._model, slot=self._slot)
            self._served[version] = self._books.placed(known, version.version, version.digest)
        return self._served[version]

    def _state(self, placement: Placement) -> ModelState:
        """The gateway's own words for a placement: these are in the journal and in the routes."""
        canary, rollout = placement.canary, None
        if canary is not None and placement.weight > 0.0:
            stage = StageMark(weight=placement.weight, canary=ArmMark(), control=ArmMark())
            rollout = RolloutState(
                rollout_id=placement.rollout_id,
                decision_id=placement.rollout_id,
                canary=self._place_of(canary),
                phase="baking",
                step=placement.step,
                stages=(stage,),
                run_id=None,
                started_at_us=0,
                slow_us=self._slower_than_us,
            )
        champion = None if placement.champion is None else self._place_of(placement.champion)
        return ModelState(model=self._model, slot=self._slot, champion=champion, rollout=rollout)


def _process_of(version: TargetVersion) -> str:
    return f"target {version.version} {version.digest}"

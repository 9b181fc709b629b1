"""Carries out, on a cluster, what a gateway carries out on one machine: orders, ends of rollouts, rollbacks, revocations.

What serves stands in each model's placement, at the cluster. The journal has what that can't tell: which orders were taken up, how
they ended, and the events that wait for the ledger. A controller that is killed between any two lines reads both and goes on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import cache
from pathlib import Path

from lifecycle.errors import LifecycleError, Refused, UnknownName
from lifecycle.records.bodies.serving import AbortCause, RolledBack
from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.rollouts import order_refusals
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import RolloutState
from lifecycle.serving.rollouts.status import Looked
from lifecycle.serving.rollouts.undoing import require_expected
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.targets.contract import Placement, Undoing
from lifecycle.serving.targets.drivable import require_drivable
from lifecycle.serving.targets.drives import Drives
from lifecycle.serving.targets.driving import Ending
from lifecycle.serving.targets.hand import Records
from lifecycle.serving.targets.laid_down import LaidDown
from lifecycle.serving.targets.pods import Cluster
from lifecycle.serving.targets.register import Register, plain, served
from lifecycle.serving.targets.telling import canary_of
from lifecycle.serving.targets.undertakings import Undertakings
from lifecycle.serving.targets.ways_back import WaysBack


class Director:
    """Every change of what serves on one cluster, one at a time per model."""

    def __init__(self, register: Register, used: UsedDecisions, records: Records, packages: LaidDown, cluster: Cluster) -> None:
        self._register = register
        self._used = used
        self._packages = packages
        # One for each model: what a target has counted is its own.
        self._target = cache(cluster.target_of)
        self._under_way = Undertakings()
        self._drives = Drives(register, records, self._target, cluster, self._under_way)
        self._ways_back = WaysBack(register, records, packages, self._target, cluster.pace)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def faults(self) -> dict[str, str]:
        """By model: why what should go on does not."""
        return self._under_way.faults

    def looked_at(self, model: str) -> Looked:
        """What the latest look at the rollout of a model has found; nothing where none is driven."""
        return self._drives.looked_at(model)

    def resume(self) -> None:
        """Goes on with what was under way when the controller before this one ended."""
        for state in self._register.models:
            self._under_way.begin(f"resume {state.model}", self._resumed(state.model))

    async def end(self) -> None:
        """Stops deciding. What is under way stays as it is at the cluster, and goes on when a controller runs again."""
        await self._under_way.end()

    def event_refused(self, event: Event, why: str) -> None:
        """The ledger will not take an event of a version: where that is being rolled out, it must not go on unrecorded."""
        self._drives.event_refused(event, why)

    async def order(self, order: RolloutOrder, source: Path) -> None:
        """Takes up a rollout. Sent again, it does nothing more.

        Raises Refused for a second one at once, for a version that serves already and for a plan that a cluster can't carry out, and
        like `LaidDown.admit`.
        """
        async with self._locks[order.model]:
            if self._register.rolling(order.rollout_id) is not None or self._register.finished(order.rollout_id) is not None:
                return
            await self._drives.until_cleared(order.model)
            state = self._register.model(order.model)
            if state.rollout is not None:
                raise order_refusals.while_another_rolls_out(order, state.rollout.canary.version)
            serving = (await self._target(order.model).read()).placement
            if serving.champion == canary_of(order):
                raise order_refusals.serves_already(order)
            require_drivable(order.plan)
            if order.decision_id in self._used:
                raise order_refusals.used_up(order)
            await self._packages.admit(order, source)
            rollout = RolloutState.begun(order, served(canary_of(order)))
            self._used.add(order.decision_id)
            self._register.take_up(order.model, rollout)
            self._drives.begin(order)

    async def abort(self, rollout_id: str, reason: str, cause: AbortCause, word: Word | None = None) -> None:
        """Ends a rollout without judging its version. One that has ended already stays as it ended. Raises UnknownName.

        `word`: whose it is, where a person ends it.
        """
        state = self._register.rolling(rollout_id)
        if state is None:
            if self._register.finished(rollout_id) is None:
                raise UnknownName(
                    f"The controller knows no rollout {rollout_id!r}.", "`lifecycle gateway status` shows those that it knows."
                )
            return
        await self._drives.end(state.model, Ending(cause, reason, word=word))

    async def rollback(self, asked: RollbackAsked) -> RolledBack:
        """Takes the canary out if there is one, else goes back from what serves; returns what was observed.

        Asked again by the same id, it says the same. Raises as `Conductor.rollback` does.
        """
        model = asked.model
        async with self._locks[model]:
            done = self._register.rolled_back(asked.rollback_id)
            if done is not None:
                return done
            state = self._register.find(model)
            if state is None:
                raise UnknownName(f"The controller serves no model {model!r}.", "`lifecycle gateway status` lists what it serves.")
            undoing = Undoing.begun(asked)
            champion = (await self._target(model).read()).placement.champion
            if state.rollout is not None and asked.to_version in (None, None if champion is None else champion.version):
                beside = None if champion is None else served(champion)
                require_expected(asked, state.rollout.canary, beside)
                await self._drives.end(model, Ending.rolled_back(undoing))
            else:
                if state.rollout is not None:
                    await self._drives.end(model, Ending("superseded", asked.reason))
                await self._ways_back.go(asked, undoing)
            observed = self._register.rolled_back(asked.rollback_id)
            if observed is None:
                raise Refused("That rollout has ended otherwise meanwhile.", "Look at `lifecycle gateway status`.", ("STATE",))
            return observed

    async def take_back(self, model: str) -> None:
        """Has whatever the ledger has taken back of a model be taken out, and returns at once. Done again, it does nothing more."""
        self._under_way.begin(f"take back {model}", self._taken_back(model))

    async def _taken_back(self, model: str) -> None:
        """Takes out the canary, what serves, and what stands by, as far as the ledger has taken it back."""
        async with self._locks[model]:
            await self._under_way.until_done(model, lambda: self._without_withdrawn(model))

    async def _without_withdrawn(self, model: str) -> Placement:
        state = self._register.model(model)
        canary = None if state.rollout is None else plain(state.rollout.canary)
        found = None if canary is None else self._packages.withdrawn(model, canary)
        if canary is not None and found is not None:
            asked = RollbackAsked.by_withdrawal(found, model, canary.version)
            await self._drives.end(model, Ending.rolled_back(Undoing.begun(asked)))
        serving = (await self._target(model).read()).placement
        champion = serving.champion
        found = None if champion is None else self._packages.withdrawn(model, champion)
        if champion is None or found is None:
            return serving
        if canary is not None:
            await self._drives.end(model, Ending("superseded", f"what served beside it may not serve any more: {found.why}"))
        ended = await self._ways_back.leave(serving, champion, found)
        if ended.champion is None:
            self.faults[model] = f"{model}:{champion.version} does not serve: {found.why}, and no version stands by that may"
        return ended

    # After a controller that ended.

    async def _resumed(self, model: str) -> None:
        async with self._locks[model]:
            await self._under_way.until_done(model, lambda: self._gone_on_with(model))
        await self.take_back(model)

    async def _gone_on_with(self, model: str) -> Placement:
        serving = await self._ways_back.finish((await self._target(model).read()).placement)
        rollout = self._register.model(model).rollout
        if rollout is None:
            return serving
        canary = plain(rollout.canary)
        try:
            order = await self._packages.again(model, canary)
        except LifecycleError as error:
            self._drives.begin(self._packages.order_of(model, canary)).end(Ending("failed", error.what))
        else:
            self._drives.begin(order)
        return serving

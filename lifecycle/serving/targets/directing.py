"""Carries out, on a cluster, what a gateway carries out on one machine: orders, ends of rollouts, rollbacks, revocations.

What serves stands in each model's placement, at the cluster. The journal has what that can't tell: which orders were taken up, how
they ended, and the events that wait for the ledger. A controller that is killed between any two lines reads both and goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Protocol

from lifecycle.errors import LifecycleError, Refused, UnknownName
from lifecycle.records.bodies.serving import AbortCause, RolledBack
from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.packages import Package, PackageCache
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import FinishedRollout, RolloutState
from lifecycle.serving.rollouts.status import Looked
from lifecycle.serving.rollouts.undoing import require_expected
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.targets.contract import Placement, Target, TargetVersion, Undoing
from lifecycle.serving.targets.drivable import require_drivable
from lifecycle.serving.targets.driving import Drive, Ending
from lifecycle.serving.targets.going_back import GoingBack
from lifecycle.serving.targets.hand import Records
from lifecycle.serving.targets.pod_labels import PodLabels
from lifecycle.serving.targets.pods import Cluster
from lifecycle.serving.targets.register import Register, plain, served
from lifecycle.serving.targets.telling import canary_of
from lifecycle.serving.targets.undertakings import Undertakings

_LOG = logging.getLogger(__name__)
#: How long a rollout that has ended is waited for, whose processes are still ended.
_CLEARING_SECONDS = 60.0


class Publisher(Protocol):
    """Where pods find the packages of versions."""

    def publish(self, package: Package, /) -> None:
        """Lays a package down. Done again, it does nothing more. Raises Unavailable."""

    def order_of(self, model: str, version: TargetVersion, /) -> RolloutOrder:
        """The order that lies beside a package, whatever it is worth. Raises Unavailable."""


class Director:
    """Every change of what serves on one cluster, one at a time per model."""

    def __init__(
        self,
        register: Register,
        used: UsedDecisions,
        records: Records,
        cache: PackageCache,
        packages: Publisher,
        cluster: Cluster,
    ) -> None:
        self._register = register
        self._under_way = Undertakings()
        self._used = used
        self._records = records
        self._cache = cache
        self._packages = packages
        self._target_of = cluster.target_of
        self._pace = cluster.pace
        self._labels_of = partial(PodLabels, cluster.pods)
        self._targets: dict[str, Target] = {}
        self._drives: dict[str, Drive] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def faults(self) -> dict[str, str]:
        """By model: why what should go on does not."""
        return self._under_way.faults

    def looked_at(self, model: str) -> Looked:
        """What the latest look at the rollout of a model has found; nothing where none is driven."""
        drive = self._drives.get(model)
        return Looked() if drive is None else drive.looked

    def resume(self) -> None:
        """Goes on with what was under way when the controller before this one ended."""
        for state in self._register.models:
            self._under_way.begin(f"resume {state.model}", self._resumed(state.model))

    async def end(self) -> None:
        """Stops deciding. What is under way stays as it is at the cluster, and goes on when a controller runs again."""
        await self._under_way.end()

    def event_refused(self, event: Event, why: str) -> None:
        """The ledger will not take an event of a version: where that is being rolled out, it must not go on unrecorded."""
        drive = self._drives.get(event.subject.name)
        rollout = self._register.model(event.subject.name).rollout
        if drive is not None and rollout is not None and rollout.canary.version == event.subject.version:
            drive.end(Ending("failed", f"the ledger refused its {event.type}: {why}"))

    # What is ordered.

    async def order(self, order: RolloutOrder, source: Path) -> None:
        """Takes up a rollout. Sent again, it does nothing more.

        Raises Refused for a second one at once, for a version that serves already and for a plan that a cluster can't carry out, and
        like `PackageCache.admit`.
        """
        async with self._locks[order.model]:
            if self._register.rolling(order.rollout_id) is not None or self._register.finished(order.rollout_id) is not None:
                return
            await self._until_cleared(order.model)
            state = self._register.model(order.model)
            version = f"{order.model}:{order.version}"
            if state.rollout is not None:
                raise Refused(
                    f"{order.model}:{state.rollout.canary.version} is being rolled out, so {version} can't be.",
                    "Wait for it to end, or end it: `lifecycle rollback` takes a canary out.",
                    ("STATE",),
                )
            serving = (await self._target(order.model).read()).placement
            if serving.champion == canary_of(order):
                raise Refused(f"{version} serves already.", "There is nothing to roll out.", ("STATE",))
            require_drivable(order.plan)
            if order.decision_id in self._used:
                raise Refused(
                    f"Decision {order.decision_id} allowed an earlier rollout, and allows no second one.",
                    f"Have the gate asked again: `lifecycle deploy {version}`.",
                    ("ADMISSION",),
                )
            package = await asyncio.to_thread(self._cache.admit, order, source)
            await asyncio.to_thread(self._packages.publish, package)
            rollout = RolloutState.begun(order, served(canary_of(order)))
            self._used.add(order.decision_id)
            self._register.take_up(order.model, rollout)
            self._drive(order)

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
        await self._ended(state.model, Ending(cause, reason, word=word))

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
                await self._ended(model, Ending.rolled_back(undoing))
            else:
                if state.rollout is not None:
                    await self._ended(model, Ending("superseded", asked.reason))
                await self._replaced(asked, undoing)
            observed = self._register.rolled_back(asked.rollback_id)
            if observed is None:
                raise Refused("That rollout has ended otherwise meanwhile.", "Look at `lifecycle gateway status`.", ("STATE",))
            return observed

    async def take_back(self, model: str) -> None:
        """Has whatever the ledger has taken back of a model be taken out, and returns at once. Done again, it does nothing more."""
        self._under_way.begin(f"take back {model}", self._taken_back(model))

    # One rollout.

    def _drive(self, order: RolloutOrder) -> Drive:
        drive = self._drives[order.model] = Drive(self._target(order.model), self._records, order, self._pace, self._labels_of)
        self._under_way.begin(f"drive {order.model}", self._driven(order, drive))
        return drive

    async def _driven(self, order: RolloutOrder, drive: Drive) -> None:
        ended = await self._under_way.until_done(order.model, drive.run)
        self._under_way.faults.pop(order.model, None)
        outcome = FinishedRollout(
            rollout_id=order.rollout_id,
            decision_id=order.decision_id,
            model=order.model,
            version=order.version,
            outcome="completed" if ended.outcome == "completed" else "aborted",
            reason=ended.reason,
        )
        self._register.note(order.model, ended, outcome)
        del self._drives[order.model]

    async def _ended(self, model: str, ending: Ending) -> None:
        """Ends the rollout of a model, and waits until nothing of it runs."""
        drive, task = self._drives.get(model), self._under_way.find(f"drive {model}")
        if drive is not None and task is not None:
            drive.end(ending)
            await asyncio.wait({task})

    async def _until_cleared(self, model: str) -> None:
        task = self._under_way.find(f"drive {model}")
        if task is not None and (await self._target(model).read()).placement.outcome:
            await asyncio.wait({task}, timeout=_CLEARING_SECONDS)

    # What serves.

    async def _replaced(self, asked: RollbackAsked, undoing: Undoing) -> None:
        model = asked.model
        serving = (await self._target(model).read()).placement
        if serving.champion is None:
            raise Refused(f"No version of {model} serves there, so there is nothing to roll back.", "Deploy a version.", ("STATE",))
        to = next((kept for kept in serving.standby if asked.to_version in (None, kept.version)), None)
        if to is None:
            known = ", ".join(str(kept.version) for kept in serving.standby) or "none"
            wanted = "an earlier version" if asked.to_version is None else f"version {asked.to_version}"
            raise Refused(f"There is no way back to {wanted} of {model}.", f"The versions that served before it: {known}.", ("STATE",))
        require_expected(asked, served(serving.champion), served(to))
        await self._laid_down(model, to)
        going = GoingBack(self._target(model), self._records, model, asked.rollback_id, self._pace)
        self._register.note(model, await going.run(serving.champion, to, undoing, at_once=False))

    async def _taken_back(self, model: str) -> None:
        """Takes out the canary, what serves, and what stands by, as far as the ledger has taken it back."""
        async with self._locks[model]:
            await self._under_way.until_done(model, lambda: self._without_withdrawn(model))

    async def _without_withdrawn(self, model: str) -> Placement:
        state = self._register.model(model)
        canary = None if state.rollout is None else plain(state.rollout.canary)
        found = None if canary is None else self._withdrawn(model, canary)
        if canary is not None and found is not None:
            asked = RollbackAsked.by_withdrawal(found, model, canary.version)
            await self._ended(model, Ending.rolled_back(Undoing.begun(asked)))
        serving = (await self._target(model).read()).placement
        champion = serving.champion
        found = None if champion is None else self._withdrawn(model, champion)
        if champion is None or found is None:
            return serving
        if canary is not None:
            await self._ended(model, Ending("superseded", f"what served beside it may not serve any more: {found.why}"))
        asked = RollbackAsked.by_withdrawal(found, model, champion.version)
        going = GoingBack(self._target(model), self._records, model, asked.rollback_id, self._pace)
        to = await self._next_that_may(model, serving)
        ended = await going.run(champion, to, Undoing.begun(asked), at_once=True)
        self._register.note(model, ended)
        _LOG.warning("%s:%d is taken out: %s", model, champion.version, found.why)
        if ended.champion is None:
            self._under_way.faults[model] = f"{model}:{champion.version} does not serve: {found.why}, and no version stands by that may"
        return ended

    async def _next_that_may(self, model: str, serving: Placement) -> TargetVersion | None:
        for kept in serving.standby:
            try:
                await self._laid_down(model, kept)
            except LifecycleError as error:
                _LOG.error("%s:%d can't take the place of what was taken back: %s", model, kept.version, error.what)
            else:
                return kept
        return None

    async def _laid_down(self, model: str, version: TargetVersion) -> Package:
        """A version that was admitted before, checked again, where its pods find it. Raises like `PackageCache.readmit`."""
        package = await asyncio.to_thread(self._cache.readmit, model, version.version, version.digest)
        await asyncio.to_thread(self._packages.publish, package)
        return package

    def _withdrawn(self, model: str, version: TargetVersion) -> Withdrawal | None:
        return self._cache.withdrawn(model, version.version, version.digest)

    # After a controller that ended.

    async def _resumed(self, model: str) -> None:
        async with self._locks[model]:
            await self._under_way.until_done(model, lambda: self._gone_on_with(model))
        await self.take_back(model)

    async def _gone_on_with(self, model: str) -> Placement:
        at = await self._target(model).read()
        serving, rollout = at.placement, self._register.model(model).rollout
        if serving.outcome == "replaced" and not serving.settled:
            serving = await GoingBack(self._target(model), self._records, model, serving.rollout_id, self._pace).finish()
            self._register.note(model, serving)
        if rollout is None:
            return serving
        canary = plain(rollout.canary)
        try:
            package = await self._laid_down(model, canary)
        except LifecycleError as error:
            self._drive(self._packages.order_of(model, canary)).end(Ending("failed", error.what))
        else:
            self._drive(package.order)
        return serving

    # What all of them need.

    def _target(self, model: str) -> Target:
        if model not in self._targets:
            self._targets[model] = self._target_of(model)
        return self._targets[model]

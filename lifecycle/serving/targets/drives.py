"""The rollouts that are driven on one cluster: at most one of a model, each until its end, which the journal then has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts.state import FinishedRollout
from lifecycle.serving.rollouts.status import Looked
from lifecycle.serving.targets.contract import Target
from lifecycle.serving.targets.driving import Drive, Ending
from lifecycle.serving.targets.hand import Records
from lifecycle.serving.targets.pod_labels import PodLabels
from lifecycle.serving.targets.pods import Cluster
from lifecycle.serving.targets.register import Register
from lifecycle.serving.targets.undertakings import Undertakings

#: How long a rollout that has ended is waited for, whose processes are still ended.
_CLEARING_SECONDS = 60.0


class Drives:
    """Whoever begins and ends one holds the model's lock."""

    def __init__(
        self, register: Register, records: Records, target: Callable[[str], Target], cluster: Cluster, under_way: Undertakings
    ) -> None:
        self._register = register
        self._records = records
        self._target = target
        self._pace = cluster.pace
        self._labels_of = partial(PodLabels, cluster.pods)
        self._under_way = under_way
        self._drives: dict[str, Drive] = {}

    def begin(self, order: RolloutOrder) -> Drive:
        """Drives a rollout from now on, from where its placement has it."""
        drive = self._drives[order.model] = Drive(self._target(order.model), self._records, order, self._pace, self._labels_of)
        self._under_way.begin(_name(order.model), self._driven(order, drive))
        return drive

    async def end(self, model: str, ending: Ending) -> None:
        """Ends the rollout of a model, if one is driven, and waits until nothing of it runs."""
        drive, task = self._drives.get(model), self._under_way.find(_name(model))
        if drive is not None and task is not None:
            drive.end(ending)
            await asyncio.wait({task})

    async def until_cleared(self, model: str) -> None:
        """Waits for a rollout that has ended, and of which something still runs."""
        task = self._under_way.find(_name(model))
        if task is not None and (await self._target(model).read()).placement.outcome:
            await asyncio.wait({task}, timeout=_CLEARING_SECONDS)

    def looked_at(self, model: str) -> Looked:
        """What the latest look at the rollout of a model has found; nothing where none is driven."""
        drive = self._drives.get(model)
        return Looked() if drive is None else drive.looked

    def event_refused(self, event: Event, why: str) -> None:
        """The ledger will not take an event of a version: where that is being rolled out, it must not go on unrecorded."""
        drive = self._drives.get(event.subject.name)
        rollout = self._register.model(event.subject.name).rollout
        if drive is not None and rollout is not None and rollout.canary.version == event.subject.version:
            drive.end(Ending("failed", f"the ledger refused its {event.type}: {why}"))

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


def _name(model: str) -> str:
    """What driving the rollout of a model is called among what is under way."""
    return f"drive {model}"

"""The controller of a cluster, as a process: it is asked what a gateway is asked, and answers no predictions.

It keeps a gateway's folder, with its lock, its journal, its admitted packages and its socket: whoever deploys, rolls back or looks
at a status does so as on one machine. What serves is decided by the same controller, and told to the same ledger.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

from lifecycle.errors import Refused, UnknownName
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.bodies.serving import RolledBack, RunsCause
from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.allowed.withdrawals import Withdrawals
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.ports import Ports
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import MOST_FINISHED
from lifecycle.serving.rollouts.status import GatewayStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word, require_counts
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.supervision.admin import AdminServer
from lifecycle.serving.supervision.mailbox import MailboxServer
from lifecycle.serving.supervision.verbs import verbs_of
from lifecycle.serving.supervision.watching import LedgerWatch
from lifecycle.serving.targets.contract import Target
from lifecycle.serving.targets.directing import Director
from lifecycle.serving.targets.laid_down import LaidDown
from lifecycle.serving.targets.left_behind import LeftBehind
from lifecycle.serving.targets.pods import Cluster
from lifecycle.serving.targets.publishing import PublishedPackages
from lifecycle.serving.targets.recording import JournalRecords
from lifecycle.serving.targets.register import Register, plain
from lifecycle.serving.targets.reporting import model_status, rollout_status

_LOG = logging.getLogger(__name__)
#: How often a disk that was full is tried again.
_SETTLE_SECONDS = 0.5


def run_cluster_controller(settings: GatewaySettings, cluster: Cluster, ports: Ports) -> None:
    """Runs a controller in this process until it is told to stop (SIGTERM, SIGINT or `GatewayClient.stop`).

    Raises Unavailable where the folder is in use or can't be written; Tampered where the journal can't be read.
    """
    folder = GatewayFolder(settings.folder)
    folder.make()
    lock = folder.take_lock()
    try:
        asyncio.run(ClusterController(settings, folder, cluster, ports).run())
    finally:
        os.close(lock)


class ClusterController:
    """One controller, from its start to its end."""

    def __init__(self, settings: GatewaySettings, folder: GatewayFolder, cluster: Cluster, ports: Ports) -> None:
        self._settings = settings
        self._people = ports.people
        self._folder = folder
        self._packages = PublishedPackages(cluster.packages)
        self._target_of = cluster.target_of
        self._left_behind = LeftBehind(cluster.pods, settings.environment, ports.sink, cluster.pace.sweep_seconds)
        self._readers: dict[str, Target] = {}
        self._journal = Journal.open(folder.journal)
        self._delivery = Delivery(self._journal, ports.sink, folder.refused_events, self._event_refused)
        used = UsedDecisions(folder.used_decisions, self._journal.state.decisions)
        told = UsedDecisions(folder.told_events, ())
        records = JournalRecords(self._journal, told, settings.environment, self._delivery.wake)
        self._withdrawals = Withdrawals(folder.withdrawals)
        log_keys = LogKeys(VerifierKey.parse(settings.log_key), settings.log_key_changes)
        self._cache = PackageCache(folder, settings.environment, log_keys, ports.verifier, self._withdrawals)
        self._register = Register(self._journal)
        self._director = Director(self._register, used, records, LaidDown(self._cache, self._packages), cluster)
        self._closed = ""
        self._watch = LedgerWatch(
            ports.withdrawals,
            self._withdrawals,
            self._director.take_back,
            self._note_closed,
            look_seconds=settings.look_seconds,
            offline_seconds=settings.offline_seconds,
        )
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Starts everything, waits for the end, and ends everything in the opposite order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        admin = AdminServer(self._folder.socket("admin"), verbs_of(self))
        mailbox = MailboxServer(self._folder.mailbox, admin.answer)
        self._sweep()
        tasks = [loop.create_task(self._delivery.run()), loop.create_task(self._settle())]
        try:
            await self._watch.look()
            self._director.resume()
            tasks.append(loop.create_task(self._watch.run()))
            await admin.start()
            mailbox.open()
            tasks += [loop.create_task(mailbox.run()), loop.create_task(self._left_behind.run())]
            _LOG.info("the controller takes orders on %s", self._folder.path)
            await self._stopping.wait()
        finally:
            await admin.end()
            await mailbox.end()
            await self._director.end()
            if not await self._delivery.flushed():
                _LOG.warning("%d events wait in the journal for the ledger", self._journal.pending)
            for task in tasks:
                task.cancel()
            if not self._journal.settle():
                _LOG.error("what is in force is not durable, and the next start does not know of it: %s", self._journal.fault)
            self._withdrawals.keep()
            self._journal.close()

    def _sweep(self) -> None:
        kept = [(state.model, version) for state in self._register.models for version in state.versions]
        self._cache.keep_only((model, version.version, version.digest) for model, version in kept)
        self._packages.keep_only((model, plain(version)) for model, version in kept)

    async def _settle(self) -> None:
        """Has the journal catch up with what is in force, for ever."""
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            self._journal.settle()

    def _event_refused(self, event: Event, why: str) -> None:
        """A rollout that the ledger will not know of must not go on."""
        self._director.event_refused(event, why)

    def _note_closed(self, why: str) -> None:
        """The pods look at the ledger themselves, and close by themselves: here it is only told, by the status."""
        self._closed = why

    # What it is asked.

    async def status(self) -> GatewayStatus:
        refused = self._delivery.refused
        faults = [*self._watch.faults(closed=self._closed), *self._delivery.faults("controller")]
        faults += [f"What {pod or 'pods'} left behind is not finished: {why}" for pod, why in sorted(self._left_behind.faults.items())]
        alarms = refused.faults()
        models = []
        for state in self._register.models:
            fault = "; ".join(what for what in (self._director.faults.get(state.model, ""), alarms.get(state.model, "")) if what)
            models.append(await model_status(state, self._reader(state.model), self._director.looked_at(state.model), fault))
        return GatewayStatus(
            running=True,
            url=None,
            pid=os.getpid(),
            environment=self._settings.environment,
            workers=0,
            models=tuple(models),
            waiting_events=self._journal.pending,
            refused_events=refused.count,
            faults=tuple(faults),
            withdrawn=self._withdrawals.known[-MOST_FINISHED:],
            ledger_away_seconds=self._watch.away_seconds,
            ledger_left_seconds=self._watch.left_seconds,
        )

    def _reader(self, model: str) -> Target:
        if model not in self._readers:
            self._readers[model] = self._target_of(model)
        return self._readers[model]

    async def order(self, order: RolloutOrder, package: Path) -> None:
        await self._director.order(order, package)

    async def rollout(self, rollout_id: str) -> RolloutStatus:
        state, ended = self._register.rolling(rollout_id), self._register.finished(rollout_id)
        if state is not None:
            return rollout_status(state, (await self._reader(state.model).read()).placement, self._director.looked_at(state.model))
        if ended is None:
            raise UnknownName(f"The controller knows no rollout {rollout_id!r}.", "`lifecycle gateway status` shows which it knows.")
        return ended.status()

    async def abort(self, rollout_id: str, reason: str, cause: RunsCause) -> None:
        await self._director.abort(rollout_id, reason, cause)

    async def conclude(self, word: Word) -> None:
        if word.part == "promote":
            raise Refused(
                "On a cluster every rollout is promoted by its controller, once its last step is over.",
                "Wait for it, or end it: `lifecycle rollout end`.",
                ("STATE",),
            )
        await require_counts(self._people, word, self._register.rolling(word.rollout_id))
        await self._director.abort(word.rollout_id, word.reason, "person", word)

    async def rollback(self, asked: RollbackAsked) -> RolledBack:
        return await self._director.rollback(asked)

    def stop(self) -> None:
        asyncio.get_running_loop().call_soon(self._stopping.set)

"""The supervisor: the process that owns the socket, the routes, the journal and the rollouts. It answers no predictions itself."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.bodies.serving import RolledBack, RunsCause
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.access.keeping import AccessKeeper, Held
from lifecycle.serving.access.refusal_sealing import RefusalSealer
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.allowed.withdrawals import Withdrawals
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.folder import GatewayFolder, write_durably
from lifecycle.serving.ports import Ports
from lifecycle.serving.prediction_log.sealing import Sealer
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.conductor import Conductor
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.gauges import GaugeFile, RolloutGauges
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import MOST_FINISHED
from lifecycle.serving.rollouts.status import AccessStatus, GatewayStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word, require_counts
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.supervision.admin import AdminServer
from lifecycle.serving.supervision.fleet import Fleet
from lifecycle.serving.supervision.reporting import model_status
from lifecycle.serving.supervision.verbs import verbs_of
from lifecycle.serving.supervision.watching import LedgerWatch

_LOG = logging.getLogger(__name__)
_BACKLOG = 4_096
#: How often a disk that was full is tried again, and what the metrics tell of rollouts is written.
_SETTLE_SECONDS = 0.5


def run_gateway(settings: GatewaySettings, ports: Ports) -> None:
    """Runs a gateway in this process until it is told to stop (SIGTERM, SIGINT or `GatewayClient.stop`).

    Raises Unavailable where the folder is in use or can't be written, or the port is taken; Tampered where the journal
    can't be read.
    """
    folder = GatewayFolder(settings.folder)
    folder.make()
    lock = folder.take_lock()
    try:
        with listen_again(settings.host, settings.port, folder) as listener:
            asyncio.run(Supervisor(settings, folder, listener, ports).run())
    finally:
        os.close(lock)


def listen_again(host: str, port: int, folder: GatewayFolder) -> socket.socket:
    """The gateway's socket. Where no port is asked for, the one that it had before, so that its callers find it again."""
    remembered = folder.port.read_text(encoding="ascii") if port == 0 and folder.port.exists() else ""
    if remembered.isdigit():
        try:
            return listen(host, int(remembered))
        except Unavailable:
            _LOG.warning("port %s, which this gateway had, is taken; another one is chosen", remembered)
    listener = listen(host, port)
    write_durably(folder.port, str(listener.getsockname()[1]).encode("ascii"))
    return listener


def listen(host: str, port: int) -> socket.socket:
    """The gateway's socket. Raises Unavailable where the port is in use or the address is not this machine's."""
    try:
        listener = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"The gateway can't listen on {host}:{port}: {error.strerror}.",
            "Stop what listens there, or choose another port with --port or LIFECYCLE_GATEWAY_PORT.",
        ) from error
    listener.setblocking(False)
    return listener


class Supervisor:
    """One gateway, from its start to its end."""

    def __init__(self, settings: GatewaySettings, folder: GatewayFolder, listener: socket.socket, ports: Ports) -> None:
        self._settings = settings
        self._people = ports.people
        self._folder = folder
        self._journal = Journal.open(folder.journal)
        counters = [Counters.open(path) for path in sorted({*map(folder.counters, range(settings.workers)), *folder.all_counters})]
        for ended in counters:
            ended.take_over()
        self._delivery = Delivery(
            self._journal, ports.sink, folder.refused_events, lambda event, why: self._conductor.event_refused(event, why)
        )
        used = UsedDecisions(folder.used_decisions, self._journal.state.decisions)
        self._books = Books(settings.environment, self._journal, used, RouteTable.create(folder.routes), lambda: counters, self._delivery)
        log_keys = LogKeys(VerifierKey.parse(settings.log_key), settings.log_key_changes)
        self._withdrawals = Withdrawals(folder.withdrawals)
        self._cache = PackageCache(folder, settings.environment, log_keys, ports.verifier, self._withdrawals)
        self._fleet = Fleet(
            settings,
            listener,
            lambda model: self._conductor.canary_failed(model),
            lambda rollout, how: self._conductor.canary_died(rollout, how),
        )
        self._conductor = Conductor(self._books, self._fleet, self._cache, settings.tick_ms / 1_000, folder.predictions)
        self._watch = LedgerWatch(
            ports.withdrawals,
            self._withdrawals,
            self._conductor.take_back,
            self._books.close,
            look_seconds=settings.look_seconds,
            offline_seconds=settings.offline_seconds,
        )
        self._gauges = GaugeFile(folder.gauges, self._judged)
        self._sealer = Sealer(folder.predictions, settings.environment, self._books)
        host, port = settings.host, listener.getsockname()[1]
        scheme = "http" if settings.certificate is None else "https"
        self.url = f"{scheme}://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"  # compared, not bound
        self._stopping = asyncio.Event()
        self._access = AccessKeeper(
            folder,
            settings.environment,
            log_keys,
            ports.access,
            self._held,
            self._fleet.tell_access,
            look_seconds=settings.access_seconds,
            offline_seconds=settings.offline_seconds,
        )
        self._refusals = RefusalSealer(folder.refusals, settings.environment, self._books)

    async def run(self) -> None:
        """Starts everything, waits for the end, and ends everything in the opposite order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keeping = [loop.create_task(self._delivery.run()), loop.create_task(self._settle())]
        # Those that look at the ledger: they change what is answered, and end before the processes that do so.
        looking: list[asyncio.Task[None]] = []
        admin = AdminServer(self._folder.socket("admin"), verbs_of(self))
        self._cache.keep_only((state.model, kept.version, kept.digest) for state in self._books.models for kept in state.versions)
        await self._watch.look()
        await self._conductor.admit_all()
        try:
            self._fleet.admit(self._access.opened.as_message())
            await self._fleet.start()
            await self._conductor.resume()
            await self._watch.act(*(state.model for state in self._books.models))
            looking.append(loop.create_task(self._watch.run()))
            await admin.start()
            self._sealer.start()
            self._refusals.start()
            looking.append(loop.create_task(self._access.run()))
            self._write_address()
            _LOG.info("the gateway answers on %s", self.url)
            await self._stopping.wait()
        finally:
            await admin.end()
            for task in looking:
                task.cancel()
            await self._conductor.end()
            await self._fleet.end()
            await self._sealer.end()
            await self._refusals.end()
            if not await self._delivery.flushed():
                _LOG.warning("%d events wait in the journal for the ledger", self._journal.pending)
            for task in keeping:
                task.cancel()
            if not self._journal.settle():
                _LOG.error("what is in force is not durable, and the next start does not know of it: %s", self._journal.fault)
            self._folder.address.unlink(missing_ok=True)
            self._withdrawals.keep()
            self._journal.close()

    async def _settle(self) -> None:
        """Has the journal catch up with what is in force, and the metrics with what is decided, for ever."""
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            self._journal.settle()
            self._gauges.write()

    def _write_address(self) -> None:
        address = {"pid": os.getpid(), "url": self.url}
        try:
            write_durably(self._folder.address, json.dumps(address).encode())
        except Unavailable as error:
            # It is for people: programs ask the socket.
            _LOG.warning("%s", error.what)

    def _faults(self) -> tuple[str, ...]:
        unsealed = [f"Rows of {model} are not sealed. {what}" for model, what in sorted(self._sealer.faults.items())]
        return (*self._watch.faults(closed=self._books.closed), *self._delivery.faults("gateway"), *unsealed)

    async def status(self) -> GatewayStatus:
        books, alarms = self._books, self._delivery.refused.faults()
        return GatewayStatus(
            running=True,
            url=self.url,
            pid=os.getpid(),
            environment=self._settings.environment,
            workers=self._settings.workers,
            models=tuple(
                model_status(
                    state,
                    books.counts,
                    books.faults.get(state.model, ""),
                    alarm=alarms.get(state.model, ""),
                    looked=books.looked_at(state.rollout),
                    copies_dropped=books.copies_dropped(state),
                    rows_dropped=books.rows_dropped(state.model),
                )
                for state in books.models
            ),
            waiting_events=self._journal.pending,
            refused_events=self._delivery.refused.count,
            access=self._access_status(),
            faults=self._faults(),
            withdrawn=self._withdrawals.known[-MOST_FINISHED:],
            ledger_away_seconds=self._watch.away_seconds,
            ledger_left_seconds=self._watch.left_seconds,
        )

    def _judged(self) -> RolloutGauges:
        """What the metrics tell of rollouts."""
        return RolloutGauges(models=tuple(self._books.judged(state) for state in self._books.models))

    def _held(self) -> tuple[Held, ...]:
        """Every version that may answer somebody, now or after a rollback."""
        return tuple((state.model, kept.version, kept.digest) for state in self._books.models for kept in state.versions)

    def _access_status(self) -> AccessStatus:
        keeper, opened = self._access, self._access.opened
        fault = "; ".join(what for what in (keeper.fault, self._refusals.fault) if what)
        return AccessStatus(open=not opened.closed, callers=opened.callers, fault=fault)

    async def order(self, order: RolloutOrder, package: Path) -> None:
        await self._conductor.order(order, package)

    async def rollout(self, rollout_id: str) -> RolloutStatus:
        return self._books.rollout(rollout_id)

    async def abort(self, rollout_id: str, reason: str, cause: RunsCause) -> None:
        await self._conductor.abort(rollout_id, reason, cause)

    async def conclude(self, word: Word) -> None:
        await require_counts(self._people, word, self._books.rolling(word.rollout_id))
        if word.part == "promote":
            await self._conductor.promote(word)
        else:
            await self._conductor.abort(word.rollout_id, word.reason, "person", word)

    async def rollback(self, asked: RollbackAsked) -> RolledBack:
        return await self._conductor.rollback(asked)

    def stop(self) -> None:
        asyncio.get_running_loop().call_soon(self._stopping.set)

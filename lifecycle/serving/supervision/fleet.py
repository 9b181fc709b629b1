"""The gateway's processes: the workers, and a canary of its own for each rollout.

A worker that dies is started again and given what it must hold before it opens its doors; until then connections wait in
the listener's queue, which the supervisor holds. A canary that dies is not started again: its rollout is undone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.record import JsonObject
from lifecycle.serving.access.book import OpenedBook
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.state import ServedVersion
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.supervision.processes import OwnProcess

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
#: A worker that does not say within this time that it has read a route is stuck, and is killed.
_ACKNOWLEDGE_SECONDS = 2.0
#: What answers in flight may take when the gateway ends, a little longer than a worker's own patience.
_END_SECONDS = 7.0


@dataclass(frozen=True)
class Holding:
    """A version that every worker must hold."""

    model: str
    slot: int
    version: ServedVersion

    def as_message(self) -> dict[str, Any]:
        return {"model": self.model, "slot": self.slot, "version": self.version.version, "digest": self.version.digest}


@dataclass(frozen=True)
class Canary:
    """A canary's process, and where it listens."""

    holding: Holding
    process: OwnProcess
    socket: Path

    def as_message(self) -> dict[str, Any]:
        return {**self.holding.as_message(), "socket": str(self.socket)}


class Fleet:
    """Starts, feeds and replaces the gateway's processes."""

    def __init__(
        self, settings: GatewaySettings, listener: socket.socket, on_failure: Callable[[str], None], on_death: Callable[[str, str], None]
    ) -> None:
        self._settings = settings
        self._folder = GatewayFolder(settings.folder)
        self._listener = listener
        self._on_failure = on_failure
        self._on_death = on_death
        self._workers: dict[int, OwnProcess] = {}
        self._slots: dict[str, int] = {}
        self._holdings: dict[tuple[str, int], Holding] = {}
        self._canaries: dict[str, Canary] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._access: JsonObject = OpenedBook(closed=True, passes=(), revoked=frozenset()).as_message()
        #: Held while what a worker must hold changes, so that one that starts meanwhile misses nothing.
        self._changing = asyncio.Lock()

    def introduce(self, model: str, slot: int) -> None:
        """Has every worker that starts from now on know this model, whether a version of it can be loaded or not."""
        self._slots[model] = slot

    def hold(self, holding: Holding) -> None:
        """Has every worker that starts from now on hold this version."""
        self._holdings[holding.model, holding.version.version] = holding

    async def start(self) -> None:
        """Starts every worker; returns when all answer. Raises Unavailable where one can't be started."""
        await asyncio.gather(*(self._start_worker(index) for index in range(self._settings.workers)))
        for index in range(self._settings.workers):
            self._spawn(self._keep_worker(index))

    async def load(self, holding: Holding) -> None:
        """Has all workers load a version. Raises Unavailable where one can't."""
        async with self._changing:
            self.hold(holding)
            try:
                await self._ask_all({"do": "load", **holding.as_message()}, self._settings.start_seconds)
            except LifecycleError:
                self._holdings.pop((holding.model, holding.version.version), None)
                raise

    def admit(self, access: JsonObject) -> None:
        """Has every worker that starts from now on know who may ask (`OpenedBook.as_message`)."""
        self._access = access

    async def tell_access(self, access: JsonObject) -> None:
        """Has all workers know who may ask, from their next request on. One that does not take it in is killed."""

        async def one(worker: OwnProcess) -> None:
            try:
                await worker.ask(_ACKNOWLEDGE_SECONDS, do="access", access=access)
            except Unavailable as error:
                _LOG.error("%s is killed because it does not hear who may ask: %s", worker.name, error.what)
                worker.kill()

        async with self._changing:
            self.admit(access)
            await asyncio.gather(*(one(worker) for worker in self._workers.values() if worker.alive))

    async def keep_only(self, model: str, wanted: Callable[[], set[int]]) -> None:
        """Has all workers let go of a model's versions but those that are wanted at that moment."""
        async with self._changing:
            versions = wanted()
            for key in [key for key in self._holdings if key[0] == model and key[1] not in versions]:
                holding = self._holdings.pop(key)
                await self._ask_all({"do": "unload", **holding.as_message()}, _ACKNOWLEDGE_SECONDS)

    async def start_canary(self, rollout_id: str, holding: Holding, wanted: Callable[[], bool]) -> None:
        """Starts a version in a process of its own and connects all workers to it. Raises Unavailable where it does not load.

        A rollout may end while its canary loads, and the next one of the same version begin: what is not wanted any more
        is ended instead of connected, because workers know one canary of a version.
        """
        path = self._folder.socket(f"canary-{blake2b(rollout_id.encode(), digest_size=6).hexdigest()}")
        configuration = {
            "folder": str(self._folder.package(holding.model, holding.version.version, holding.version.digest)),
            "socket": str(path),
            "version": holding.version.version,
            "digest": holding.version.digest,
            "memory_bytes": self._settings.canary_memory_mb << 20,
        }
        name = f"canary {holding.model}:{holding.version.version}"
        process = await OwnProcess.start("lifecycle.serving.answering.canary", name, configuration, on_nudge=lambda message: None)
        try:
            await process.ask(self._settings.start_seconds, do="listen")
            async with self._changing:
                if not wanted():
                    process.kill()
                    path.unlink(missing_ok=True)
                    return
                canary = self._canaries[rollout_id] = Canary(holding, process, path)
                await self._ask_all({"do": "attach", **canary.as_message()}, self._settings.start_seconds)
        except BaseException:
            self._canaries.pop(rollout_id, None)
            process.kill()
            raise
        self._spawn(self._watch_canary(rollout_id, canary))

    async def stop_canary(self, rollout_id: str) -> None:
        """Lets a rollout's canary finish what it was asked, then ends its process. Does nothing where there is none."""
        async with self._changing:
            canary = self._canaries.pop(rollout_id, None)
            if canary is None:
                return
            await self._ask_all({"do": "detach", **canary.as_message()}, _END_SECONDS)
        await canary.process.end(_ACKNOWLEDGE_SECONDS)
        canary.socket.unlink(missing_ok=True)

    async def acknowledge(self, model: str, slot: int, epoch: int) -> None:
        """Returns when no living worker routes by an earlier epoch any more. One that does not answer is killed."""

        async def one(worker: OwnProcess) -> None:
            try:
                said = await worker.ask(_ACKNOWLEDGE_SECONDS, do="acknowledge", model=model, slot=slot)
                while said["epoch"] < epoch:
                    said = await worker.ask(_ACKNOWLEDGE_SECONDS, do="acknowledge", model=model, slot=slot)
            except Unavailable as error:
                _LOG.error("%s is killed because it does not read its routes: %s", worker.name, error.what)
                worker.kill()

        await asyncio.gather(*(one(worker) for worker in self._workers.values() if worker.alive))

    def pids(self) -> dict[str, int]:
        """The processes that run, by name."""
        canaries = [canary.process for canary in self._canaries.values()]
        return {process.name: process.pid for process in (*self._workers.values(), *canaries) if process.alive}

    async def end(self) -> None:
        """Ends everything: workers answer what is in flight first."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(worker.end(_END_SECONDS) for worker in self._workers.values()))
        for canary in self._canaries.values():
            await canary.process.end(_ACKNOWLEDGE_SECONDS)
            canary.socket.unlink(missing_ok=True)

    async def _start_worker(self, index: int) -> None:
        settings = self._settings
        configuration = {
            "folder": str(settings.folder),
            "index": index,
            "workers": settings.workers,
            "listener": self._listener.fileno(),
            "canary_timeout": settings.canary_timeout_ms / 1_000,
            "most_body_bytes": settings.most_body_bytes,
            "most_rows": settings.most_rows,
            "most_in_flight": settings.most_in_flight,
            "request_seconds": settings.request_seconds,
            "seal_seconds": settings.seal_seconds,
            "certificate": _path(settings.certificate),
            "certificate_key": _path(settings.certificate_key),
            "client_ca": _path(settings.client_ca),
            "access_log": settings.access_log,
            "traces_url": settings.traces_url,
        }
        worker = await OwnProcess.start(
            "lifecycle.serving.answering.worker",
            f"worker {index}",
            configuration,
            on_nudge=self._nudged,
            inherit=(self._listener.fileno(),),
        )
        async with self._changing:
            for message in (
                *({"do": "introduce", "model": model, "slot": slot} for model, slot in self._slots.items()),
                *({"do": "load", **holding.as_message()} for holding in self._holdings.values()),
                *({"do": "attach", **canary.as_message()} for canary in self._canaries.values()),
            ):
                try:
                    await worker.ask(settings.start_seconds, **message)
                except Unavailable as error:
                    # It serves the other models; what it can't load is answered as if it were not there.
                    _LOG.error("%s starts without a version: %s", worker.name, error.what)
            try:
                await worker.ask(settings.start_seconds, do="access", access=self._access)
                await worker.ask(settings.start_seconds, do="open")
            except Unavailable:
                worker.kill()
                raise
            self._workers[index] = worker

    async def _watch_worker(self, index: int, worker: OwnProcess) -> None:
        """Returns when a worker has ended; one that lives, and neither answers nor counts anything meanwhile, is killed."""
        counters = Counters.open(self._folder.counters(index))
        while not (await asyncio.wait({worker.ended}, timeout=self._settings.watch_seconds))[0]:
            before = counters.picture()
            try:
                await worker.ask(2 * self._settings.watch_seconds, do="ping")
            except Unavailable:
                if counters.picture() != before:
                    # One turn of its loop answers so many callers that it has not come to us. Killed, it would leave them to the others.
                    _LOG.warning("%s answers callers, and is too busy to say so", worker.name)
                    continue
                _LOG.error("%s lives but does not answer, and is killed", worker.name)
                worker.kill()

    async def _keep_worker(self, index: int) -> None:
        """Starts a worker again whenever it has ended."""
        pause = _FIRST_PAUSE
        while True:
            await self._watch_worker(index, self._workers[index])
            _LOG.warning("%s; it is started again", self._workers[index].how_it_ended())
            try:
                await self._start_worker(index)
            except LifecycleError as error:
                _LOG.error("worker %d can't be started: %s", index, error.what)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    async def _watch_canary(self, rollout_id: str, canary: Canary) -> None:
        await asyncio.shield(canary.process.ended)
        if rollout_id in self._canaries:
            self._on_death(rollout_id, canary.process.how_it_ended())

    async def _ask_all(self, message: dict[str, Any], timeout: float) -> None:
        """Asks every living worker. One that dies over it is not the version's fault: it is started again and catches up."""

        async def one(worker: OwnProcess) -> None:
            try:
                await worker.ask(timeout, **message)
            except Unavailable:
                # Its line breaks a moment before its end is known.
                await asyncio.wait({worker.ended}, timeout=_ACKNOWLEDGE_SECONDS / 4)
                if worker.alive:
                    raise

        await asyncio.gather(*(one(worker) for worker in self._workers.values() if worker.alive))

    def _nudged(self, message: dict[str, Any]) -> None:
        if "failed" in message:
            self._on_failure(message["failed"])

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _path(path: Path | None) -> str | None:
    """A path as a process is told it."""
    return None if path is None else str(path)

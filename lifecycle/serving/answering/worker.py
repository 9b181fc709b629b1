"""A serving worker's process: answers HTTP on the gateway's socket with the versions that the supervisor has it load.

`python -m lifecycle.serving.answering.worker DESCRIPTOR CONFIGURATION`, started by the supervisor only. It opens its doors when it
is told to: when everything that the routes name is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import uvicorn

from lifecycle.records.identity import now_us
from lifecycle.serving.access.connection_security import certified, tls_options
from lifecycle.serving.access.doorkeeper import Doorkeeper
from lifecycle.serving.access.refusal_log import RefusalWriter
from lifecycle.serving.access.shared_counts import SharedCounts
from lifecycle.serving.allowed.packages import read_allowance, read_schemas
from lifecycle.serving.answering import metrics
from lifecycle.serving.answering.access_log import AccessLog
from lifecycle.serving.answering.application import Application
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.connections import protocol_with_deadline
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.onlookers import Onlooker
from lifecycle.serving.answering.repeated_keys import RepeatedKeys
from lifecycle.serving.answering.router import Router
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.answering.wakefulness import Wakefulness, has_cores_to_spare
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.writing import PredictionWriter
from lifecycle.serving.rollouts.gauges import read_gauges
from lifecycle.serving.supervision.control import ControlledEnd

#: How long answers in flight may take after the worker was told to end.
DRAIN_SECONDS = 5
#: How often it looks whether a segment of the prediction log is old enough to be closed.
_LOOK_SECONDS = 0.25


class Server(uvicorn.Server):
    """Leaves signals alone: the supervisor decides when a worker ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Worker:
    """What the supervisor can have a worker do. Each method named `do_…` is one request."""

    def __init__(self, configuration: dict[str, Any], listener: socket.socket) -> None:
        folder = GatewayFolder(Path(configuration["folder"]))
        index: int = configuration["index"]
        self._log = PredictionWriter(folder.predictions, index, configuration["seal_seconds"])
        self._folder = folder
        self._workers: int = configuration["workers"]
        self._own = Counters.open(folder.counters(index))
        self._own.take_over()
        self._backlog = Backlog(PredictionWriter(folder.predictions, index, configuration["seal_seconds"]), self._own)
        self._router = Router(
            RouteTable.open(folder.routes),
            self._own,
            self._log,
            self._backlog,
            RepeatedKeys.open(folder.repeated_keys),
            configuration["canary_timeout"],
            lambda model: self.control.nudge(failed=model),
        )
        self._door = Doorkeeper(lambda: self._shared_counts(index))
        self._refusals = RefusalWriter(folder.refusals, index, configuration["seal_seconds"], self._own.turned_away)
        self._onlookers = _onlookers(folder, configuration)
        self._application = Application(
            self._router,
            self._log,
            self._gathered,
            self._door,
            self._refusals,
            most_body_bytes=configuration["most_body_bytes"],
            most_rows=configuration["most_rows"],
            most_in_flight=configuration["most_in_flight"],
            request_seconds=configuration["request_seconds"],
            onlookers=self._onlookers,
        )
        on_left = Wakefulness().answered if has_cores_to_spare(self._workers) else None
        settings = uvicorn.Config(
            self._application,
            http=certified(protocol_with_deadline(self._application, configuration["request_seconds"], on_left)),
            **tls_options(configuration["certificate"], configuration["certificate_key"], configuration["client_ca"]),
            loop="uvloop",
            lifespan="off",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            # Longer than the pools of usual clients and proxies keep a connection: they close first, and nobody sends into a closed one.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        self._server = Server(settings)
        self._listener = listener
        self._opened = asyncio.Event()
        self.control: ControlledEnd

    async def run(self, descriptor: int) -> None:
        """Answers until the supervisor says that it is over, or is gone."""
        self.control = await ControlledEnd.over(descriptor, self._handle, self._end)
        await self._opened.wait()
        closing = asyncio.get_running_loop().create_task(self._close_old_segments())
        if not self._server.should_exit:
            await self._server.serve(sockets=[self._listener])
        closing.cancel()
        await self._backlog.end(DRAIN_SECONDS)
        self._log.close()
        self._refusals.close()
        for onlooker in self._onlookers:
            onlooker.close()
        self.control.close()

    async def _close_old_segments(self) -> None:
        """Closes what has taken rows for long enough, for ever: also where nobody asks any more."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._log.close_old()
            self._backlog.close_old()
            self._refusals.settle(now_us())

    def _end(self) -> None:
        self._server.should_exit = True
        self._opened.set()

    async def _handle(self, message: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = await getattr(self, f"do_{message['do']}")(message) or {}
        return said

    async def do_ping(self, message: dict[str, Any]) -> None:
        """Answers: the loop turns."""

    async def do_introduce(self, message: dict[str, Any]) -> None:
        """Makes a model known; until a version of it is loaded it answers that none may answer."""
        self._named(message)

    async def do_load(self, message: dict[str, Any]) -> None:
        """Loads and warms up a version in a thread, then makes it known; requests don't wait for it."""
        name = self._named(message)
        folder = self._folder.package(message["model"], message["version"], message["digest"])
        standing = name.loaded.get(message["version"])
        if standing is not None:
            # It may have been deployed anew since, under another decision.
            standing.allowance = await asyncio.to_thread(read_allowance, folder)
        else:
            standing = await asyncio.to_thread(ServedModel.load, folder, message["version"], message["digest"])
        name.take(standing, self._workers)

    async def do_unload(self, message: dict[str, Any]) -> None:
        self._named(message).let_go(message["version"])

    async def do_attach(self, message: dict[str, Any]) -> None:
        """Connects to a canary's process, in place of an earlier one of the same version."""
        name = self._named(message)
        version, digest = message["version"], message["digest"]
        folder = self._folder.package(message["model"], version, digest)
        schemas = await asyncio.to_thread(read_schemas, folder, digest)
        allowance = await asyncio.to_thread(read_allowance, folder)
        link = await CanaryLink.connect(Path(message["socket"]), version, digest, allowance, schemas)
        earlier = name.links.get(version)
        name.links[version] = link
        if earlier is not None:
            earlier.close()

    async def do_detach(self, message: dict[str, Any]) -> None:
        """Lets a canary finish what it was asked, then leaves it. A later canary of the same version stays."""
        links = self._named(message).links
        link = links.get(message["version"])
        if link is None or str(link.path) != message["socket"]:
            return
        del links[message["version"]]
        for _ in range(DRAIN_SECONDS * 100):
            if link.idle:
                break
            await asyncio.sleep(0.01)
        link.close()

    async def do_acknowledge(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answers under which epoch the next request will be routed: what was decided before this has been read after it."""
        return {"epoch": self._router.route(self._named(message)).epoch}

    async def do_access(self, message: dict[str, Any]) -> None:
        """Takes over who may ask, from the next request on."""
        self._door.learn(message["access"])

    async def do_open(self, message: dict[str, Any]) -> None:
        self._application.ready = True
        self._opened.set()

    async def do_end(self, message: dict[str, Any]) -> None:
        self._end()

    def _named(self, message: dict[str, Any]) -> ServedName:
        name: str = message["model"]
        return self._router.names.setdefault(name, ServedName(name, message["slot"]))

    def _shared_counts(self, own: int) -> SharedCounts:
        counts = SharedCounts([self._folder.quotas(index) for index in range(self._workers)], own)
        counts.forget_forever()
        return counts

    def _gathered(self) -> bytes:
        """The metrics, over all workers."""
        return metrics.gathered(self._router, Counters.of_all(self._folder), read_gauges(self._folder.gauges))


def _onlookers(folder: GatewayFolder, configuration: dict[str, Any]) -> list[Onlooker]:
    """Who is told of requests, as the settings have it."""
    found: list[Onlooker] = []
    if configuration["access_log"]:
        found.append(AccessLog(folder.access_log, configuration["index"]))
    if configuration["traces_url"] is not None:
        # OpenTelemetry is for gateways that are traced; others start without it.
        from lifecycle.serving.answering.tracing import Tracer

        found.append(Tracer.to(configuration["traces_url"]))
    return found


def main() -> None:
    # Ctrl-C reaches the whole group; the supervisor decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configuration = json.loads(sys.argv[2])
    # Connections are cheap; the usual soft limit of descriptors is not for servers.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    async def run() -> None:
        listener = socket.socket(fileno=configuration["listener"])
        await Worker(configuration, listener).run(int(sys.argv[1]))

    import uvloop

    uvloop.run(run())


if __name__ == "__main__":
    main()

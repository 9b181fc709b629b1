"""Places where versions serve, for tests of targets: real gateway processes on this machine, and two clusters."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from lifecycle.errors import Unavailable
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.bodies import Body
from lifecycle.records.record import Digest
from lifecycle.records.rollout import RolloutOrder, RolloutPlan
from lifecycle.serving.access.book import nobody
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.allowed.withdrawals import Withdrawals
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.supervision.fleet import Fleet
from lifecycle.serving.supervision.supervisor import listen
from lifecycle.serving.targets.cluster import ClusterPace, ClusterTarget
from lifecycle.serving.targets.contract import Target, TargetVersion
from lifecycle.serving.targets.kubernetes_api import KubernetesApi
from lifecycle.serving.targets.local import LocalTarget
from lifecycle.serving.targets.workloads import Deployments, InferenceServices, PodTemplate
from tests.kubernetes.api_server import NAMESPACE, ApiServer, served
from tests.serving.graphs import Behaviour
from tests.serving.packages import ENVIRONMENT, MODEL, ORIGIN, ROW, order, pack
from tests.serving.running import Caller

KINDS = ("local", "deployments", "kserve")
PACE = ClusterPace(ready_seconds=2.0, propagation_seconds=2.0, poll_seconds=0.01, lease_seconds=2)


class Place(Protocol):
    """Somewhere to roll out to."""

    def target(self, holder: str = "first") -> Target:
        """A controller's view of it."""

    def version(self, number: int, plan: RolloutPlan, behaviour: Behaviour = "good") -> RolloutOrder:
        """A version that may serve there."""

    async def ask(self, count: int) -> Counter[int]:
        """Sends requests; says how many each version answered. Every one must be answered."""

    def runs(self, version: TargetVersion) -> bool:
        """Whether anything of it runs."""


class Told:
    """What was told, once each."""

    def __init__(self) -> None:
        self.bodies: dict[str, Body] = {}
        #: Whether the disk takes nothing.
        self.full = False

    def tell(self, event_id: str, model: str, version: TargetVersion, run_id: str | None, body: Body) -> None:
        if self.full:
            raise Unavailable("The disk is full.", "Free space.")
        self.bodies.setdefault(event_id, body)

    @property
    def names(self) -> list[str]:
        return [type(body).__name__ for body in self.bodies.values()]


def named(ordered: RolloutOrder) -> TargetVersion:
    return TargetVersion(version=ordered.version, digest=ordered.digest)


class Orders:
    """Packages and proofs of versions."""

    def __init__(self, home: Path) -> None:
        self.key = SigningKey.generate(ORIGIN)
        self._home = home

    def make(self, number: int, plan: RolloutPlan, behaviour: Behaviour) -> tuple[RolloutOrder, Path]:
        packed = pack(self._home / f"version-{number}", bias=float(number), behaviour=behaviour)
        return order(packed, number, self.key, plan), packed.folder


class LocalPlace:
    """The gateway's own processes, without its supervisor."""

    def __init__(self, home: Path, port: int, fleet: Fleet, books: Books, folder: GatewayFolder) -> None:
        self._orders = Orders(home)
        self._port = port
        self._fleet = fleet
        self._books = books
        self._folder = folder
        self._targets: list[LocalTarget] = []

    def target(self, holder: str = "first") -> LocalTarget:
        made = LocalTarget(self._books, self._fleet, self._folder, MODEL)
        self._targets.append(made)
        return made

    def died(self, rollout_id: str, how: str) -> None:
        for target in self._targets:
            target.died(rollout_id, how)

    def version(self, number: int, plan: RolloutPlan, behaviour: Behaviour = "good") -> RolloutOrder:
        made, source = self._orders.make(number, plan, behaviour)
        keys = LogKeys(self._orders.key.verifier, None)
        cache = PackageCache(self._folder, ENVIRONMENT, keys, lambda folder, signature: None, Withdrawals(self._folder.withdrawals))
        cache.admit(made, source)
        return made

    async def ask(self, count: int) -> Counter[int]:
        def send() -> Counter[int]:
            caller = Caller(f"http://127.0.0.1:{self._port}")
            answered: Counter[int] = Counter()
            for _ in range(count):
                status, said = caller.infer(ROW)
                assert status == 200, said
                answered[int(said["model_version"])] += 1
            caller.close()
            return answered

        return await asyncio.to_thread(send)

    def runs(self, version: TargetVersion) -> bool:
        held = {holding.version.version for holding in self._fleet._holdings.values()}
        return version.version in held or any(name.endswith(f":{version.version}") for name in self._fleet.pids())


class ClusterPlace:
    """A cluster that is an API server and nothing else."""

    def __init__(self, home: Path, server: ApiServer, client: Any, kind: str) -> None:
        self.server = server
        self._orders = Orders(home)
        self._client = client
        template = PodTemplate(image="registry.example/lifecycle:0.1.0", claim="lifecycle-home")
        self._workload = Deployments(template) if kind == "deployments" else InferenceServices(template)

    def target(self, holder: str = "first") -> ClusterTarget:
        api = KubernetesApi(NAMESPACE, client=self._client)
        return ClusterTarget(api, self._workload, MODEL, "infra/public", holder, PACE)

    def version(self, number: int, plan: RolloutPlan, behaviour: Behaviour = "good") -> RolloutOrder:
        if behaviour == "unloadable":
            self.server.never_ready.add(str(number))
        if behaviour == "not_a_number":
            self.server.failing.add(str(number))
        return self._orders.make(number, plan, behaviour)[0]

    async def ask(self, count: int) -> Counter[int]:
        asked = await asyncio.to_thread(self.server.ask, MODEL, count)
        # What no version may answer counts as that of version 0.
        return Counter({0 if version == "none" else int(version): times for version, times in asked.items()})

    def runs(self, version: TargetVersion) -> bool:
        return any(pod.version == str(version.version) for pod in self.server.pods.values())


@asynccontextmanager
async def place(kind: str, home: Path) -> AsyncIterator[Any]:
    """A place of this kind that serves nothing yet."""
    if kind != "local":
        server = ApiServer()
        with served(server) as client:
            yield ClusterPlace(home, server, client, kind)
        return
    folder = GatewayFolder(home / "gateway")
    folder.make()
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        async with _processes(home, folder, listener) as local:
            yield local


@asynccontextmanager
async def _processes(home: Path, folder: GatewayFolder, listener: socket.socket) -> AsyncIterator[LocalPlace]:
    settings = GatewaySettings(
        folder=folder.path,
        host="127.0.0.1",
        port=0,
        workers=2,
        environment=ENVIRONMENT,
        log_key="unused",
        signing_public_key=Path("unused"),
    )
    counters = [Counters.open(folder.counters(index)) for index in range(2)]
    journal = Journal.open(folder.journal)
    delivery = Delivery(journal, SimpleNamespace(append=lambda event: None), folder.refused_events)
    used = UsedDecisions(folder.used_decisions, ())
    books = Books(ENVIRONMENT, journal, used, RouteTable.create(folder.routes), lambda: counters, delivery)
    fleet = Fleet(settings, listener, lambda model: None, lambda rollout, how: made.died(rollout, how))
    made = LocalPlace(home, listener.getsockname()[1], fleet, books, folder)
    fleet.admit(nobody("local").as_message())
    fleet.introduce(MODEL, 0)
    await fleet.start()
    try:
        yield made
    finally:
        await fleet.end()
        journal.close()


#: Nobody's bytes.
NO_DIGEST: Digest = "sha256:" + "f" * 64

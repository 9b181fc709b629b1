"""The controller of a cluster in a process of its own, as tests run it: `python -m tests.kubernetes.controller CONFIGURATION`.

The cluster is an API server of the tests', which the process finds by a kubeconfig; the ledger is a file of lines.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lifecycle.errors import LifecycleError
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.events import Event
from lifecycle.records.rollout import RolloutOrder, RolloutPlan
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.ports import Ports
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.targets.cluster_controller import run_cluster_controller
from lifecycle.serving.targets.declaration import declared_target
from tests.kubernetes.api_server import ApiServer, served
from tests.serving.graphs import Behaviour
from tests.serving.packages import ENVIRONMENT, MODEL, ORIGIN, order, pack
from tests.serving.process import FileLedger, hear, verify
from tests.serving.running import PATIENCE, REPOSITORY, wait_for

TARGET = {
    "schema_version": "lifecycle.target/1",
    "kind": "deployments",
    "namespace": "lifecycle",
    "gateway": "infra/public",
    "image": "registry.example/lifecycle:0.1.0",
    "claim": "lifecycle-home",
    "ready_seconds": 20.0,
    "lease_seconds": 3,
    "pace": {"tick_seconds": 0.05, "quiet_seconds": 0.2},
}


class RunningController:
    """A controller whose ledger and cluster are the tests' own, and whose proofs are real."""

    def __init__(self, home: Path, server: ApiServer, host: str, *, offline_seconds: float = 86_400.0, **target: Any) -> None:
        self.home = home
        self.server = server
        self.host = host
        self.folder = home / "gateway"
        self.ledger = home / "ledger.jsonl"
        self.packages = home / "targets" / "packages"
        self.key = SigningKey.generate(ORIGIN)
        self.client = GatewayClient(self.folder)
        self._offline_seconds = offline_seconds
        self._process: subprocess.Popen[bytes] | None = None
        (home / "target.yaml").write_text(yaml.safe_dump({**TARGET, **target}))
        user = {"name": "one", "cluster": {"server": host}}
        context = {"name": "one", "context": {"cluster": "one", "user": "one"}}
        known = {"clusters": [user], "contexts": [context], "users": [{"name": "one", "user": {}}], "current-context": "one"}
        (home / "kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **known}))

    def start(self) -> None:
        told = {"home": str(self.home), "log_key": str(self.key.verifier), "offline_seconds": self._offline_seconds}
        with (self.home / "controller.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kubernetes.controller", json.dumps(told)],
                cwd=REPOSITORY,
                env={**os.environ, "KUBECONFIG": str(self.home / "kubeconfig")},
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, "the controller answers")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the controller ended: {(self.home / 'controller.log').read_text()}"
        try:
            self.client.status()
        except LifecycleError:
            return False
        return True

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it: as an operator would, or, by SIGKILL, as a power cut does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)

    def order(self, number: int, plan: RolloutPlan, behaviour: Behaviour = "good") -> RolloutOrder:
        """Orders a rollout, as the deployment step does."""
        if behaviour == "unloadable":
            self.server.never_ready.add(str(number))
        if behaviour == "not_a_number":
            self.server.failing.add(str(number))
        packed = pack(self.home / f"version-{number}", bias=float(number), behaviour=behaviour)
        made = order(packed, number, self.key, plan)
        self.client.order(made, packed.folder)
        return made

    def until_ended(self, rollout_id: str) -> str:
        """How a rollout ended."""
        wait_for(lambda: self.client.rollout(rollout_id).state in ("completed", "aborted"), "the rollout ends")
        return self.client.rollout(rollout_id).state

    def told(self) -> list[str]:
        """What the ledger was told, by type."""
        lines = self.ledger.read_bytes().splitlines() if self.ledger.exists() else []
        return [Event.parse(line).type for line in lines]

    def events(self) -> list[Event]:
        return [Event.parse(line) for line in self.ledger.read_bytes().splitlines()]

    def take_back(self, withdrawal: Withdrawal) -> None:
        """The ledger takes something back."""
        with (self.home / "withdrawals.jsonl").open("ab") as file:
            file.write(withdrawal.canonical() + b"\n")

    def champion(self) -> int | None:
        """The version that has all of the route."""
        shown = next((model for model in self.client.status().models if model.model == MODEL), None)
        arms = [] if shown is None else [arm for arm in shown.versions if arm.arm == "champion"]
        return arms[0].version if arms and arms[0].weight == 1.0 else None


@contextmanager
def running_controller(home: Path, *, offline_seconds: float = 86_400.0, **target: Any) -> Iterator[RunningController]:
    """A controller that drives an empty cluster."""
    server = ApiServer()
    with served(server) as client:
        made = RunningController(home, server, client.configuration.host, offline_seconds=offline_seconds, **target)
        try:
            made.start()
            yield made
        finally:
            made.end()


@contextmanager
def callers(server: ApiServer) -> Iterator[list[int]]:
    """Callers that ask all the time; gives the number that they have sent."""
    stop, sent = threading.Event(), [0]

    def ask() -> None:
        while not stop.wait(0.01):
            if server.routed(MODEL):
                sent[0] += server.ask(MODEL, 10).total()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(levelname)s %(message)s")
    given = json.loads(sys.argv[1])
    home = Path(given["home"])
    settings = GatewaySettings(
        folder=home / "gateway",
        host="127.0.0.1",
        port=0,
        workers=1,
        environment=ENVIRONMENT,
        log_key=given["log_key"],
        signing_public_key=Path("unused"),
        look_seconds=0.1,
        offline_seconds=given["offline_seconds"],
    )
    declared, ledger = declared_target(home / "target.yaml"), FileLedger(home / "ledger.jsonl")
    run_cluster_controller(settings, declared.cluster(home, settings.folder), Ports(ledger, verify, ledger, hear))


if __name__ == "__main__":
    main()

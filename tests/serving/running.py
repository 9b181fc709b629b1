"""A running gateway to test against, and a caller of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifecycle.errors import LifecycleError
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.access import AccessBook
from lifecycle.records.events import Event
from lifecycle.records.identity import new_id
from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.rollouts.status import ModelStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word
from tests.serving.graphs import Behaviour
from tests.serving.packages import ENVIRONMENT, MODEL, ORIGIN, ROW, Packed, order, pack

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
SEALS = ("PredictionsSealed", "RefusalsSealed")


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Waits until something holds; fails with what it waited for."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE:g} s in vain until {what}"
        time.sleep(0.01)


class RunningGateway:
    """A gateway whose ledger and signatures are the tests' own, and whose proofs are real."""

    def __init__(
        self,
        home: Path,
        *,
        workers: int = 1,
        canary_timeout_ms: int = 1_000,
        watch_seconds: float = 5.0,
        request_seconds: float = 10.0,
        seal_seconds: float = 60.0,
        offline_seconds: float = 86_400.0,
        more: dict[str, Any] | None = None,
    ) -> None:
        self.home = home
        self.folder = home / "gateway"
        self.ledger = home / "ledger.jsonl"
        self.key = SigningKey.generate(ORIGIN)
        self.client = GatewayClient(self.folder)
        self._workers = workers
        self._canary_timeout_ms = canary_timeout_ms
        self._watch_seconds = watch_seconds
        self._request_seconds = request_seconds
        self._seal_seconds = seal_seconds
        self._offline_seconds = offline_seconds
        #: What else its process is told.
        self.more: dict[str, Any] = more or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._packed: dict[tuple[str, int], Packed] = {}
        self._callers: list[Caller] = []

    def configuration(self) -> str:
        """What its process is told."""
        told = {
            "folder": str(self.folder),
            "ledger": str(self.ledger),
            "port": 0,
            "workers": self._workers,
            "environment": ENVIRONMENT,
            "log_key": str(self.key.verifier),
            "canary_timeout_ms": self._canary_timeout_ms,
            "watch_seconds": self._watch_seconds,
            "request_seconds": self._request_seconds,
            "seal_seconds": self._seal_seconds,
            "certificate": None,
            "certificate_key": None,
            "client_ca": None,
            **self.more,
            "offline_seconds": self._offline_seconds,
        }
        return json.dumps(told)

    def start(self) -> None:
        log = (self.home / "gateway.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.process", self.configuration()], cwd=REPOSITORY, stdout=log, stderr=log
        )
        log.close()
        wait_for(self.answers, "the gateway answers")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the gateway ended: {self.log()}"
        try:
            self.client.status()
        except LifecycleError:
            return False
        return True

    def log(self) -> str:
        return (self.home / "gateway.log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ends it as an operator would."""
        for caller in self._callers:
            caller.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Ends it as a power cut would, and waits for its orphans to notice."""
        processes = self.processes()
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(PATIENCE)
        for pid in processes.values():
            wait_for(lambda pid=pid: not _runs(pid), "the orphans have ended")  # type: ignore[misc]  # binds this turn's pid

    def processes(self) -> dict[str, int]:
        """The gateway's own processes by name, as the system knows them."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(int(entry.name)) == self.pid:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                module = command[2].decode() if len(command) > 2 else ""
                found[f"{module.rpartition('.')[2]} {entry.name}"] = int(entry.name)
        return found

    def process(self, kind: str) -> int:
        """The pid of the one worker or canary."""
        return next(pid for name, pid in self.processes().items() if name.startswith(kind))

    def pack(self, version: int, *, behaviour: Behaviour = "good", model: str = MODEL) -> Packed:
        """A version's package; made once."""
        if (model, version) not in self._packed:
            self._packed[model, version] = pack(self.home / f"{model}-{version}", bias=float(version), behaviour=behaviour, model=model)
        return self._packed[model, version]

    def deploy(
        self, version: int, rollout_plan: RolloutPlan, *, behaviour: Behaviour = "good", model: str = MODEL, rollout_id: str = ""
    ) -> str:
        """Orders a rollout; returns its id."""
        packed = self.pack(version, behaviour=behaviour, model=model)
        made = order(packed, version, self.key, rollout_plan, model=model, rollout_id=rollout_id)
        self.client.order(made, packed.folder)
        return made.rollout_id

    def promote(self, rollout_id: str, *, by: str, reason: str) -> RolloutStatus:
        """Has a person promote what waits for one."""
        return self.client.conclude(Word(part="promote", rollout_id=rollout_id, by=by, reason=reason))

    def end(self, rollout_id: str, reason: str) -> RolloutStatus:
        """Has somebody end a rollout."""
        return self.client.conclude(Word(part="end", rollout_id=rollout_id, reason=reason))

    def await_rollout(self, rollout_id: str, *states: str) -> RolloutStatus:
        """Waits until a rollout is in one of these states, and the ledger knows it where it answers."""
        wait_for(lambda: self.client.rollout(rollout_id).state in states, f"{rollout_id} is {' or '.join(states)}")
        wait_for(lambda: self._ledger_is_down.exists() or not self.client.status().waiting_events, "the ledger has been told")
        return self.client.rollout(rollout_id)

    def await_weight(self, rollout_id: str, weight: float) -> None:
        wait_for(lambda: self.client.rollout(rollout_id).weight == weight, f"{rollout_id} has the weight {weight}")

    def serve(self, version: int, rollout_plan: RolloutPlan | None = None, *, behaviour: Behaviour = "good", model: str = MODEL) -> None:
        """Deploys a version at once, with nothing to wait for."""
        from tests.serving.packages import plan

        self.await_rollout(self.deploy(version, rollout_plan or plan(), behaviour=behaviour, model=model), "completed")

    def take_back(self, version: int, *, under: str | None = None, model: str = MODEL) -> None:
        """Has the ledger say that a version may not serve any more, or not under one decision."""
        told = Withdrawal(event_id=new_id(), model=model, version=version, decision_id=under, why="it was revoked: it leaked")
        with self.ledger.with_name("withdrawals.jsonl").open("ab") as file:
            file.write(told.canonical() + b"\n")

    @contextmanager
    def ledger_down(self) -> Iterator[None]:
        """While this lasts, the ledger does not answer."""
        self._ledger_is_down.touch()
        try:
            yield
        finally:
            self._ledger_is_down.unlink()

    @property
    def _ledger_is_down(self) -> Path:
        return self.ledger.with_name("down")

    def model(self, name: str = MODEL) -> ModelStatus:
        return next(model for model in self.client.status().models if model.model == name)

    def events(self, *types: str) -> list[Event]:
        """What stands in the ledger, of these types; of all but seals, which come when a segment is over and so at any time."""
        # Its last line may still be on its way.
        lines = self.ledger.read_bytes().rpartition(b"\n")[0].splitlines() if self.ledger.exists() else []
        found = [Event.parse(line) for line in lines]
        return [event for event in found if event.type in types or (not types and event.type not in SEALS)]

    def say_who_may_ask(self, book: AccessBook) -> None:
        """Has the ledger say so, and waits until the gateway has heard it."""
        beside = self.ledger.with_name("access.new")
        beside.write_bytes(book.canonical())
        beside.replace(self.ledger.with_name("access.json"))
        kept = self.folder / "access.json"
        wait_for(lambda: kept.exists() and kept.read_bytes() == book.canonical(), "the gateway has heard who may ask")

    def caller(self) -> Caller:
        made = Caller(str(self.client.status().url))
        self._callers.append(made)
        return made


@contextmanager
def running_gateway(
    home: Path,
    *,
    workers: int = 1,
    canary_timeout_ms: int = 1_000,
    watch_seconds: float = 5.0,
    request_seconds: float = 10.0,
    seal_seconds: float = 60.0,
    offline_seconds: float = 86_400.0,
    more: dict[str, Any] | None = None,
) -> Iterator[RunningGateway]:
    """A gateway that serves nothing yet, and that is ended afterwards whatever was done to it."""
    running = RunningGateway(
        home,
        workers=workers,
        canary_timeout_ms=canary_timeout_ms,
        watch_seconds=watch_seconds,
        request_seconds=request_seconds,
        seal_seconds=seal_seconds,
        offline_seconds=offline_seconds,
        more=more,
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Caller:
    """Sends requests over one connection, and over a new one where that breaks."""

    def __init__(self, url: str) -> None:
        self._address = url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        #: Of the last answer.
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: bytes | None = None, *, key: str = "") -> tuple[int, Any]:
        """The status and the JSON (or text) of an answer."""
        try:
            self._connection.request(method, path, body, {"Authorization": f"Bearer {key}"} if key else {})
            answer = self._connection.getresponse()
            content = answer.read()
            self.headers = {name.lower(): value for name, value in answer.getheaders()}
        except (http.client.HTTPException, OSError):
            self._connection.close()
            raise
        if answer.getheader("content-type") != "application/json":
            return answer.status, content.decode()
        return answer.status, json.loads(content)

    def infer(
        self, row: dict[str, Any] | None = None, *, model: str = MODEL, request_id: str = "", path: str = "", key: str = ""
    ) -> tuple[int, Any]:
        """Asks for one row, with a key if there is one."""
        tensors = [
            {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
            for name, value in (ROW if row is None else row).items()
        ]
        body = json.dumps({"id": request_id, "inputs": tensors}).encode()
        return self.send("POST", path or f"/v2/models/{model}/infer", body, key=key)

    def infer_many(self, count: int, row: dict[str, Any] | None = None) -> tuple[Counter[str], list[str]]:
        """Asks again and again; the arms that answered, and the ids of the predictions. Every request must be answered."""
        arms: Counter[str] = Counter()
        ids = []
        for _ in range(count):
            status, said = self.infer(row)
            assert status == 200, said
            arms[said["parameters"]["arm"]] += 1
            ids.append(said["parameters"]["prediction_id"])
        return arms, ids


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1

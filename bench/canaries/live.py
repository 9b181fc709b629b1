"""Live rollouts: a real gateway with two workers, callers at a rate, and a canary that goes wrong at a random moment.

The gateway is the one that the tests run: real processes, proofs and prediction log; its ledger is a file. A fault lies in the canary's
graph and is met by rows above the mean alone, which callers begin to send when it begins; or it is done to the canary's process. In
a shared outage the champion meets it too. What only decides worse is found by labels, which the bed sends as a caller does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench.measuring import Figures
from bench.rigs.load import request_bytes
from bench.rigs.paced import PacedLoad, Sent
from lifecycle.records.bodies.serving import RolledBack, Trigger
from lifecycle.records.rollout import Guardrail, RolloutPlan, RolloutStep
from tests.serving.graphs import Behaviour
from tests.serving.running import RunningGateway, running_gateway, wait_for

SOUND, OUTAGE = "credit", "outage"
LOW, HIGH = 95.0, 120.0
_OBJECTIVE_MS = 50.0
_LEAST_ONSET, _MOST_ONSET, _AFTERWARDS = 0.5, 2.0, 0.5
_LOOK_SECONDS = 0.02
_SEED = 5
_BY_HAND_RATE = 1_000.0
#: Labels per second at most, and the share of the rows that are owners'.
_MOST_LABELS, _OWNERS = 400.0, 0.2


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a canary."""

    name: str
    behaviour: Behaviour = "good"
    #: The share of the rows that meet the fault once it has begun.
    share: float = 1.0
    #: What is done to the canary's process.
    signal: signal.Signals | None = None
    model: str = SOUND
    #: Whether the canary is to be taken out for it, and whether its callers must not see any of it.
    to_be_found: bool = True
    hard: bool = True
    seconds: float = 20.0
    #: Whether callers tell what was true of each answer, as callers of a model whose outcomes come soon do.
    labelled: bool = False


FAULTS = (
    Fault("error_100pct", "not_a_number"),
    Fault("error_20pct", "not_a_number", share=0.2),
    Fault("error_5pct", "not_a_number", share=0.05, seconds=60.0),
    Fault("slow_20pct", "slow", share=0.2, hard=False, seconds=40.0),
    Fault("accuracy_drop_20pct", "contrary", share=0.2, hard=False, seconds=60.0, labelled=True),
    Fault("subgroup_drop_of_a_fifth", "contrary_to_owners", hard=False, seconds=60.0, labelled=True),
    Fault("stall", signal=signal.SIGSTOP),
    Fault("crash", signal=signal.SIGKILL),
    Fault("out_of_memory", "hungry"),
    Fault("hung_load", "endless", seconds=30.0),
    Fault("shared_outage_50pct", "not_a_number", share=0.5, model=OUTAGE, to_be_found=False, hard=False, seconds=6.0),
    Fault("healthy", to_be_found=False, seconds=6.0),
    Fault("healthy_labelled", to_be_found=False, seconds=6.0, labelled=True),
)
RATES, WEIGHTS = (50.0, 200.0, 2_000.0), (0.01, 0.10, 0.50)


@dataclass(frozen=True)
class Cell:
    """One fault at one rate and share of the canary."""

    fault: Fault
    rate: float
    weight: float

    @property
    def name(self) -> str:
        return f"{self.fault.name}, {self.rate:g}/s, {self.weight:.0%}"


@dataclass(frozen=True)
class Seen:
    """What one live rollout showed. Times are from the begin of the fault; None where the canary was not taken out."""

    cell: Cell
    sent: Sent
    #: Answered, and not in the log; in the log twice.
    lost: int
    detected_s: float | None = None
    #: From the decision to the last request that any worker gave to the canary: by the counters, and by the times in the log.
    actuation_ms: float | None = None
    actuation_by_log_ms: float | None = None
    bad_requests: int = 0
    by: str = ""

    def as_json(self) -> Figures:
        return {
            "requests": self.sent.requests,
            "detected_s": _rounded(self.detected_s),
            "actuation_ms": _rounded(self.actuation_ms),
            "actuation_by_log_ms": _rounded(self.actuation_by_log_ms),
            "by": self.by,
            "bad_canary_requests": self.bad_requests,
            "client_errors": self.sent.failed,
            "lost": self.lost,
            "slowest_answer_ms": round(1_000 * self.sent.slowest, 1),
        }


def sample() -> tuple[Cell, ...]:
    """Every fault once at the middle rate and share, and the hardest and the most telling at the others."""
    by_name = {fault.name: fault for fault in FAULTS}
    others = [("error_100pct", 2_000.0, 0.5), ("error_100pct", 50.0, 0.01), ("crash", 2_000.0, 0.5), ("stall", 2_000.0, 0.1)]
    return (
        *(Cell(fault, 200.0, 0.10) for fault in FAULTS),
        *(Cell(by_name[name], rate, weight) for name, rate, weight in others),
        *(Cell(by_name["healthy"], rate, 0.5) for rate in (50.0, 2_000.0)),
    )


def grid() -> tuple[Cell, ...]:
    """Every fault at every rate and share."""
    return tuple(Cell(fault, rate, weight) for fault in FAULTS for rate in RATES for weight in WEIGHTS)


def live_bench(cells: Sequence[Cell], by_hand: int) -> Figures:
    """The cells one after the other on one gateway, and so many healthy canaries that an operator takes out of heavy traffic."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-rollback-") as folder,
        running_gateway(Path(folder), workers=2, more={"start_seconds": 10.0, "canary_memory_mb": 1_024}) as gateway,
    ):
        bed = LiveBed(gateway, _SEED)
        bed.prepare()
        seen = [bed.run(cell) for cell in cells]
        hands = [bed.rolled_back_by_hand(_BY_HAND_RATE, 0.5) for _ in range(by_hand)]
    return {**summary([*seen, *hands]), "live": {one.cell.name: one.as_json() for one in seen}}


class LiveBed:
    """A gateway on which one rollout after the other goes wrong."""

    def __init__(self, gateway: RunningGateway, seed: int) -> None:
        self._gateway = gateway
        self._generator = np.random.default_rng(seed)
        self._version = 1

    def prepare(self) -> None:
        """A sound champion, and one that fails at what broken canaries fail at."""
        self._gateway.serve(1)
        self._gateway.serve(1, model=OUTAGE, behaviour="not_a_number")

    def run(self, cell: Cell) -> Seen:
        """One rollout, from its order to its end, under load all the while."""
        return asyncio.run(self._run(cell))

    def rolled_back_by_hand(self, rate: float, weight: float) -> Seen:
        """A healthy canary that an operator takes out."""
        return asyncio.run(self._run(Cell(Fault("by_hand"), rate, weight), by_hand=True))

    async def _run(self, cell: Cell, *, by_hand: bool = False) -> Seen:
        fault, gateway = cell.fault, self._gateway
        self._version += 1
        version, begun_us = self._version, time.time_ns() // 1_000
        rows = Rows(fault.share, self._generator)
        port = urlsplit(str(gateway.client.status().url)).port or 0
        labels = Labels(port, fault.model, cell.rate, self._generator) if fault.labelled else None
        heard = None if labels is None else labels.heard
        load = PacedLoad(port, f"/v2/models/{fault.model}/infer", cell.rate, f"v{version}", rows.body_of, version, heard)
        if fault.behaviour == "endless":
            load.start()
        plan = _plan(cell.weight, labelled=fault.labelled)
        rollout = await asyncio.to_thread(gateway.deploy, version, plan, behaviour=fault.behaviour, model=fault.model)
        if fault.behaviour == "endless":
            injected_us = time.time_ns() // 1_000
        else:
            await asyncio.to_thread(gateway.await_weight, rollout, cell.weight)
            # One that stalls takes a while to end: what is done to the process must not be done to that of the cell before.
            canary = await asyncio.to_thread(_the_canary, gateway)
            load.start()
            await asyncio.sleep(float(self._generator.uniform(_LEAST_ONSET, _MOST_ONSET)))
            injected_us = time.time_ns() // 1_000
            rows.faulty = fault.behaviour != "good"
            if fault.signal is not None:
                os.kill(canary, fault.signal)
        if by_hand:
            await asyncio.to_thread(_take_out, gateway, fault.model, rollout)
        ended = await self._ended(rollout, fault.seconds)
        await asyncio.sleep(_AFTERWARDS)
        sent = await load.end()
        if labels is not None:
            await labels.end()
        if not ended:
            await asyncio.to_thread(gateway.client.abort, rollout, "watched for long enough", "cancelled")
        await asyncio.to_thread(gateway.await_rollout, rollout, "aborted", "completed")
        return await asyncio.to_thread(self._seen, cell, version, sent, begun_us, injected_us)

    async def _ended(self, rollout: str, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (await asyncio.to_thread(self._gateway.client.rollout, rollout)).state == "aborted":
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _seen(self, cell: Cell, version: int, sent: Sent, begun_us: int, injected_us: int) -> Seen:
        gateway, model = self._gateway, cell.fault.model
        rows = list(gateway.client.predictions.rows(model, begun_us))
        logged = [row["request_id"] for row in rows if row["outcome"] == "answered"]
        lost = len(sent.answered - set(logged)) + len(logged) - len(set(logged))
        events = [event for event in gateway.events("RolledBack") if (event.subject.name, event.subject.version) == (model, version)]
        if not events:
            return Seen(cell, sent, lost)
        body = events[0].body
        assert isinstance(body, RolledBack)  # by its type
        served = [row["at_us"] for row in rows if version in (row["fallback_from"], row["version"] if row["arm"] == "canary" else None)]
        canary = next((arm for arm in body.observed if arm.arm == "canary"), None)
        return Seen(
            cell,
            sent,
            lost,
            detected_s=(body.decided_at_us - injected_us) / 1e6,
            actuation_ms=body.actuation_us / 1_000,
            actuation_by_log_ms=max(0, max(served, default=0) - body.decided_at_us) / 1_000,
            bad_requests=0 if canary is None else canary.errors + canary.slow + _contrary(rows, version),
            by=body.trigger.metric or body.trigger.kind,
        )


class Labels:
    """Tells what was true of answers: "bad", as every sound version says of everybody, but for a tenth, of which nobody could know."""

    def __init__(self, port: int, model: str, rate: float, generator: np.random.Generator) -> None:
        self._port, self._model, self._generator = port, model, generator
        #: So many answers are told of as one connection takes.
        self._share = min(1.0, _MOST_LABELS / rate)
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._telling = asyncio.get_running_loop().create_task(self._tell())

    def heard(self, answer: bytes) -> None:
        """An answer came."""
        if self._generator.random() < self._share:
            self._waiting.put_nowait(json.loads(answer.partition(b"\r\n\r\n")[2])["parameters"]["prediction_id"])

    async def end(self) -> None:
        """Tells of nothing more."""
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)

    async def _tell(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while True:
            prediction_id = await self._waiting.get()
            label = "bad" if self._generator.random() < 0.9 else "good"
            body = json.dumps({"model": self._model, "prediction_id": prediction_id, "label": label}).encode()
            writer.write(request_bytes("127.0.0.1", "/v2/feedback", body))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))


class Rows:
    """The bodies of requests: rows that every version answers, until the fault begins."""

    def __init__(self, share: float, generator: np.random.Generator) -> None:
        self.faulty = False
        self._share = share
        self._random: Callable[[], float] = generator.random

    def body_of(self, request_id: str) -> bytes:
        home = "owner" if self._random() < _OWNERS else "rent"
        return body_of(request_id, HIGH if self.faulty and self._random() < self._share else LOW, home)


def body_of(request_id: str, income: float, home: str = "rent") -> bytes:
    """The body of a request for one row."""
    tensors: list[dict[str, Any]] = [
        {"name": "income", "shape": [1], "datatype": "FP64", "data": [income]},
        {"name": "home", "shape": [1], "datatype": "BYTES", "data": [home]},
    ]
    return json.dumps({"id": request_id, "inputs": tensors}).encode()


def summary(seen: list[Seen]) -> Figures:
    """The figures of many live rollouts. Hard faults are those that no caller may see."""
    actuation = [one.actuation_ms for one in seen if one.actuation_ms is not None]
    by_log = [one.actuation_by_log_ms for one in seen if one.actuation_by_log_ms is not None]
    healthy = [one for one in seen if not one.cell.fault.to_be_found]
    # What was taken out before its fault began was taken out for nothing as well.
    false = [one for one in seen if one.detected_s is not None and (one.detected_s < 0 or not one.cell.fault.to_be_found)]
    return {
        "actuation_p99_ms": _rounded(float(np.quantile(actuation, 0.99))) if actuation else None,
        "actuation_median_ms": _rounded(float(np.median(actuation))) if actuation else None,
        "actuation_by_log_p99_ms": _rounded(float(np.quantile(by_log, 0.99))) if by_log else None,
        "live_rollbacks": len(actuation),
        "live_requests": sum(one.sent.requests for one in seen),
        "lost": sum(one.lost for one in seen),
        "client_errors_hard": sum(one.sent.failed for one in seen if one.cell.fault.hard),
        "false_live": [one.cell.name for one in false],
        "healthy_live": len(healthy),
        "not_found_live": [
            one.cell.name for one in seen if one.cell.fault.to_be_found and not one.by and one.cell.fault.behaviour != "endless"
        ],
    }


def _the_canary(gateway: RunningGateway) -> int:
    """The process of the canary, once there is but one."""

    def canaries() -> list[int]:
        return [pid for name, pid in gateway.processes().items() if name.startswith("canary")]

    wait_for(lambda: len(canaries()) == 1, "the canary before has ended")
    return canaries()[0]


def _contrary(rows: Sequence[dict[str, Any]], version: int) -> int:
    """Answers of a canary that decide the other way than every sound version."""
    return sum(row["version"] == version and row["arm"] == "canary" and (row["output"] or {}).get("decision") == "good" for row in rows)


def _plan(weight: float, *, labelled: bool = False) -> RolloutPlan:
    on_labels = (
        Guardrail(kind="wrong_labels"),
        Guardrail(kind="missed_approvals", favourable="bad", column="home", groups=("rent", "owner")),
    )
    return RolloutPlan(
        strategy="canary",
        steps=(
            RolloutStep(weight=weight, minimum_n=1_000_000_000, bake_seconds=600.0),
            RolloutStep(weight=1.0, minimum_n=1, bake_seconds=0.0),
        ),
        guardrails=(
            Guardrail(kind="errors"),
            Guardrail(kind="latency", objective_ms=_OBJECTIVE_MS),
            *(on_labels if labelled else ()),
        ),
        breaker=5,
        without_champion="refuse",
    )


def _take_out(gateway: RunningGateway, model: str, rollout: str) -> None:
    by_hand = Trigger(kind="person", metric="", value=None, limit=None, detail="bench")
    gateway.client.rollback(model, to_version=None, trigger=by_hand, reason="bench", rollback_id=f"by-hand-{rollout}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

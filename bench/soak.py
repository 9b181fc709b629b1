"""A gateway under load for as long as it is told, with a rollout every minute: does its memory grow, and is anything lost?

The gateway has two workers and is the one that the tests run: real processes, proofs and prediction log. What it can answer is measured
first, with callers who send as fast as they are answered, while a canary takes half of them: each of its answers comes from another
process, so that is when a gateway can answer least. Then callers come at random moments at 70 % of that. Every other rollout goes
through its steps and becomes the champion, every other one breaks and is taken out. Log and answers are compared while it runs: what
is sealed is read, and then deleted, so that no disk is needed for what is only counted.

- `rss_slope_mb_per_minute`: of the gateway's supervisor and workers together, by least squares over all but the first fifth of the
  time; `rss_growth_mb`: the median of the last fifth less that of the second.
- `lost`: requests that were answered and are not in the log once; `client_errors`: what callers saw that is no answer.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson

from bench.canaries.live import HIGH, body_of
from bench.measuring import Figures, main
from bench.rigs.load import load
from bench.rigs.paced import PacedProcesses
from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.prediction_log.segments import ROWS, ModelLog
from tests.serving.packages import MODEL, plan
from tests.serving.running import RunningGateway, running_gateway

SHARE_OF_CAPACITY = 0.7
_NAME = "soak"
_CAPACITY_SECONDS = 3.0
_CONNECTIONS = 32
#: A version that no rollout of the soak has.
_MEASURED_BESIDE = 1_000_000
_ROLLOUT_EVERY_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_PATH = f"/v2/models/{MODEL}/infer"
#: Steps that are over in seconds, with enough answers to tell.
_STEPS: RolloutPlan = plan((0.1, 50, 2.0), (0.5, 50, 2.0), (1.0, 20, 1.0))


@dataclass
class Watched:
    """What was seen of a gateway while it was under load."""

    seconds: list[float] = field(default_factory=list)
    #: Resident memory at these times, by process: a canary lives for its rollout only, and is another version each time.
    supervisor_mb: list[float] = field(default_factory=list)
    workers_mb: list[float] = field(default_factory=list)
    rollouts: dict[str, int] = field(default_factory=lambda: {"completed": 0, "aborted": 0, "wrong": 0})
    #: By process of the callers, how often each of its requests stands in the part of the log that was read and deleted.
    logged: dict[str, bytearray] = field(default_factory=dict)

    def count(self, request_id: str) -> None:
        """Takes in the id of a logged request; those of others than our callers are nobody's."""
        name, _, number = request_id.rpartition("-")
        if not name.startswith(_NAME):
            return
        seen, place = self.logged.setdefault(name, bytearray()), int(number)
        if place >= len(seen):
            seen.extend(bytes(max(place + 1 - len(seen), 1 << 16)))
        seen[place] += 1

    def lost(self, name: str, sent: dict[str, Any]) -> int:
        """Of one process: how many requests were answered and are not in the log, or are in it twice."""
        unanswered, seen = set(sent["unanswered"]), self.logged.get(name, bytearray())
        missing = sum(number not in unanswered and (number >= len(seen) or not seen[number]) for number in range(sent["requests"]))
        return missing + sum(times > 1 for times in seen)


def bench(rounds: int, minutes: int, rate: int) -> Figures:
    """A gateway under load with a rollout every minute: whether its memory grows and anything is lost."""
    return soak(60.0 * minutes, float(rate))


def soak(seconds: float, rate: float = 0.0, *, rollout_every: float = _ROLLOUT_EVERY_SECONDS) -> Figures:
    """One run. `rate` in requests per second; 0 takes 70 % of what the gateway can answer."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-soak-") as folder,
        running_gateway(Path(folder), workers=2, seal_seconds=5.0) as gateway,
    ):
        gateway.serve(1)
        capacity = 0.0 if rate else _capacity(gateway)
        asked = rate or SHARE_OF_CAPACITY * capacity
        return {"capacity_per_second": round(capacity), "asked_per_second": round(asked)} | _under_load(
            gateway, seconds, asked, rollout_every
        )


def _capacity(gateway: RunningGateway) -> float:
    """Requests per second that are answered while a canary takes half of them. It is gone afterwards."""
    rollout = gateway.deploy(_MEASURED_BESIDE, plan((0.5, 1_000_000_000, 600.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    bodies = [body_of("capacity", HIGH)]
    answered = load(_port(gateway), _PATH, bodies, connections=_CONNECTIONS, seconds=_CAPACITY_SECONDS).per_second
    gateway.client.abort(rollout, "measured", "cancelled")
    gateway.await_rollout(rollout, "aborted")
    return answered


def _under_load(gateway: RunningGateway, seconds: float, rate: float, rollout_every: float) -> Figures:
    watched, began = Watched(), time.monotonic()
    # Every row meets the fault of a broken canary: what is sound answers it.
    callers = PacedProcesses(_port(gateway), _PATH, rate, _NAME, body_of("ID", HIGH))
    rolling = threading.Thread(target=_roll_out, args=(gateway, watched, began + seconds, rollout_every))
    rolling.start()
    while time.monotonic() < began + seconds:
        time.sleep(_LOOK_SECONDS)
        watched.seconds.append(time.monotonic() - began)
        watched.supervisor_mb.append(_resident_mb(gateway.pid))
        watched.workers_mb.append(sum(_resident_mb(pid) for name, pid in gateway.processes().items() if name.startswith("worker")))
        _take_in(gateway, watched, {seal.segment for seal in _log(gateway).seals()})
    rolling.join()
    sent = callers.end()
    _take_in(gateway, watched, {path.name for path in _log(gateway).files(ROWS)})
    requests = sum(one["requests"] for one in sent)
    return {
        "seconds": round(seconds),
        "requests": requests,
        "lost": sum(watched.lost(f"{_NAME}-{index}", one) for index, one in enumerate(sent)),
        "client_errors": sum(len(one["unanswered"]) for one in sent),
        "statuses": sum((Counter(one["statuses"]) for one in sent), Counter()),
        "rollouts": watched.rollouts,
        "slowest_answer_ms": round(1_000 * max(one["slowest"] for one in sent), 1),
        **memory_figures(watched),
    }


def memory_figures(watched: Watched) -> Figures:
    """How memory went, after the first fifth of the time, in which everything is used for the first time."""
    fifth = len(watched.seconds) // 5
    together = [mine + theirs for mine, theirs in zip(watched.supervisor_mb, watched.workers_mb, strict=True)]

    def slope(of: list[float]) -> float:
        return round(float(np.polyfit(watched.seconds[fifth:], of[fifth:], 1)[0]) * 60.0, 3)

    return {
        "rss_slope_mb_per_minute": slope(together),
        "rss_slope_of_supervisor": slope(watched.supervisor_mb),
        "rss_slope_of_workers": slope(watched.workers_mb),
        "rss_growth_mb": round(statistics.median(together[-fifth:]) - statistics.median(together[fifth : 2 * fifth]), 2),
        "rss_mb": round(statistics.median(together), 1),
    }


def _roll_out(gateway: RunningGateway, watched: Watched, until: float, every: float) -> None:
    """One rollout after the other, a good one and a bad one in turn."""
    version, due = 1, time.monotonic()
    while True:
        due += every
        if due > until:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        version += 1
        good = version % 2 == 0
        rollout = gateway.deploy(version, _STEPS, behaviour="good" if good else "not_a_number")
        ended = gateway.await_rollout(rollout, "completed", "aborted")
        watched.rollouts[ended.state if ended.state == ("completed" if good else "aborted") else "wrong"] += 1


def _port(gateway: RunningGateway) -> int:
    return urlsplit(str(gateway.client.status().url)).port or 0


def _log(gateway: RunningGateway) -> ModelLog:
    return ModelLog(gateway.folder / "predictions" / MODEL)


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text(encoding="ascii").partition("VmRSS:")[2].split()[0]) / 1_024


def _take_in(gateway: RunningGateway, watched: Watched, segments: set[str]) -> None:
    """Reads the ids of requests in these segments, and deletes them."""
    log = _log(gateway)
    for segment in segments & log.segments():
        for line in log.values(segment).read_bytes().splitlines():
            watched.count(orjson.loads(line)["request_id"])
        log.values(segment).unlink()
        log.rows(segment).unlink()


if __name__ == "__main__":
    main("soak", bench, rounds=1, minutes=(30, "how long"), rate=(0, "requests per second; 0: 70 %% of what the gateway can answer"))

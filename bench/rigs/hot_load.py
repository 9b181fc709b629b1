"""How long callers wait while a version of 160 MB comes in, beside the same callers when none does.

The gateway is the one that the tests run, with one worker. Callers come at random moments; meanwhile a version is ordered, copied,
hashed, loaded and warmed up by a process of its own, takes all of the traffic, is loaded and warmed up by the worker, and takes the place
of the one before, which weighs as much and is let go of. Then the same callers come for as long again, and nothing is loaded.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.canaries.live import HIGH, body_of
from bench.measuring import Figures
from bench.rigs.paced import PacedProcesses
from tests.serving.packages import MODEL
from tests.serving.running import running_gateway

#: Requests a second, in one process: so many that one of them meets whatever lasts 20 ms.
RATE = 500.0
#: Callers come for so long before anything is loaded, and afterwards.
_AROUND_SECONDS = 0.5
_NAME = "hot"


@dataclass
class Waited:
    """What callers saw, round by round."""

    slowest_ms: list[float] = field(default_factory=list)
    requests: int = 0
    failed: int = 0

    def take(self, port: int, meanwhile: Callable[[], object]) -> float:
        """Has callers come while something is done; the seconds that it took."""
        callers = PacedProcesses(port, f"/v2/models/{MODEL}/infer", RATE, f"{_NAME}-{len(self.slowest_ms)}", body_of("ID", HIGH))
        time.sleep(_AROUND_SECONDS)
        began = time.perf_counter()
        meanwhile()
        took = time.perf_counter() - began
        time.sleep(_AROUND_SECONDS)
        said = callers.end()
        self.slowest_ms.append(1_000 * max(one["slowest"] for one in said))
        self.requests += sum(one["requests"] for one in said)
        self.failed += sum(len(one["unanswered"]) for one in said)
        return took

    def as_json(self) -> Figures:
        return {"slowest_ms": [round(value, 2) for value in self.slowest_ms], "requests": self.requests, "failed": self.failed}


def hot_load(rounds: int) -> Figures:
    """The slowest answer while a heavy version comes in, and of the same callers without: each the median of the rounds."""
    with TemporaryDirectory(prefix="bench-hot-load-") as folder, running_gateway(Path(folder)) as gateway:
        # The first takes over from one that weighs nothing, and warms everything up: it counts nowhere.
        gateway.serve(1)
        gateway.serve(2, behaviour="heavy")
        port = urlsplit(str(gateway.client.status().url)).port or 0
        during, without = Waited(), Waited()
        seconds: list[float] = []
        for version in range(3, 3 + rounds):
            gateway.pack(version, behaviour="heavy")
            seconds.append(during.take(port, partial(gateway.serve, version, behaviour="heavy")))
            without.take(port, partial(time.sleep, seconds[-1]))
    return {
        "hot_load_slowest_ms": round(statistics.median(during.slowest_ms), 2),
        "hot_load_slowest_without_ms": round(statistics.median(without.slowest_ms), 2),
        "hot_load": {
            "seconds": [round(one, 2) for one in seconds],
            "per_second": RATE,
            "during": during.as_json(),
            "without": without.as_json(),
        },
    }

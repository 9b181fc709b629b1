"""Servers under the same load in turn, round by round, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measuring import Figures
from bench.rigs.load import Load, load

#: Connections at once, beside the single one.
MANY = 32
_WARM_SECONDS = 0.5
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """Where a server listens on this machine, and the requests that it is sent over and over."""

    port: int
    path: str
    bodies: Sequence[bytes]

    def under_load(self, connections: int, seconds: float) -> Load:
        return load(self.port, self.path, self.bodies, connections=connections, seconds=seconds)

    def await_answer(self) -> None:
        """Until it answers, for at most a minute. Raises RuntimeError then."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        first = Server(self.port, self.path, self.bodies[:1])
        while True:
            with contextlib.suppress(RuntimeError):
                if not first.under_load(1, _WARM_SECONDS).failed:
                    return
            if time.monotonic() > deadline:
                raise RuntimeError(f"The server on port {self.port} does not answer.")
            time.sleep(0.2)


@dataclass(frozen=True)
class Measured:
    """The rounds of one server: over one connection, and over many."""

    alone: list[Load]
    together: list[Load]

    @property
    def per_second(self) -> float:
        """Answered requests a second over many connections: the median of the rounds."""
        return statistics.median(one.per_second for one in self.together)

    @property
    def c1_p50_ms(self) -> float:
        return _quantile_ms(self.alone, 0.5)

    def as_json(self) -> Figures:
        return {
            "c1_p50_ms": round(self.c1_p50_ms, 4),
            "c1_p99_ms": round(_quantile_ms(self.alone, 0.99), 4),
            "c32_p50_ms": round(_quantile_ms(self.together, 0.5), 4),
            "c32_p99_ms": round(_quantile_ms(self.together, 0.99), 4),
            "c32_per_second": round(self.per_second),
            "failed": sum(one.failed for one in (*self.alone, *self.together)),
        }


def _quantile_ms(rounds: Sequence[Load], share: float) -> float:
    return statistics.median(one.quantile_ms(share) for one in rounds)


def in_turn(servers: Mapping[str, Server], rounds: int, seconds: float) -> dict[str, Measured]:
    """Each server's rounds of so many seconds, first over one connection, then over many. One short round before warms them all."""
    measured = {name: Measured([], []) for name in servers}
    for connections in (1, MANY):
        for round_ in range(rounds + 1):
            for name, server in servers.items():
                one = server.under_load(connections, seconds if round_ else _WARM_SECONDS)
                if round_:
                    (measured[name].alone if connections == 1 else measured[name].together).append(one)
    return measured

"""Load at a rate: requests come at random moments, whatever became of those before (an open loop), each under an id of its own.

Connections are kept and used again; where all of them wait for an answer, another one is opened, as callers who know nothing of each
other would. A machine has ports for so many only: requests beyond them wait here, and their time runs. `python -m bench.rigs.paced
ORDER` is one process of such callers.
"""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, cast

import numpy as np

from bench.rigs.load import is_whole, request_bytes

#: What a request that nobody answered counts as: its connection broke, or could not be opened.
UNANSWERED = 0
_LONGEST_WAIT_SECONDS = 15.0
#: Of one load: a dozen processes of it stay within the ports of one address.
_MOST_CONNECTIONS = 1_000


@dataclass
class Sent:
    """What became of the requests of one load."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    #: The ids of those that were answered with 200.
    answered: set[str] = field(default_factory=set)
    #: In seconds, of what was answered.
    slowest: float = 0.0

    @property
    def failed(self) -> int:
        """How many callers saw something else than an answer."""
        return self.requests - self.statuses[200]


#: One process sends no more requests in a second than this, or it is the one that is measured.
MOST_PER_SECOND = 2_000.0


class PacedProcesses:
    """Callers in processes of their own: as many as the rate needs. The ids are those of `name-PROCESS-NUMBER`, from 0 without a gap."""

    def __init__(self, port: int, path: str, rate: float, name: str, body: bytes) -> None:
        self.count = max(1, -(-int(rate) // int(MOST_PER_SECOND)))
        each = rate / self.count
        orders = [
            {"port": port, "path": path, "rate": each, "name": f"{name}-{index}", "body": body.decode(), "seed": index}
            for index in range(self.count)
        ]
        self._running = [
            subprocess.Popen([sys.executable, "-m", "bench.rigs.paced", json.dumps(order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for order in orders
        ]

    def end(self) -> list[dict[str, Any]]:
        """Has all of them end: each one's requests, statuses, numbers without an answer (200), and slowest answer."""
        for process in self._running:
            cast("IO[bytes]", process.stdin).close()
        said = []
        for process in self._running:
            with cast("IO[bytes]", process.stdout) as output:
                said.append(json.loads(output.read()))
        if any(process.wait(30) for process in self._running):
            raise RuntimeError("A process of the load broke.")
        return said


class PacedLoad:
    """Sends `rate` requests per second on average, from `start` to `end`. `body_of` makes the body for an id; `heard` gets each answer."""

    def __init__(
        self,
        port: int,
        path: str,
        rate: float,
        name: str,
        body_of: Callable[[str], bytes],
        seed: int,
        heard: Callable[[bytes], None] | None = None,
    ) -> None:
        self.sent = Sent()
        self.heard = heard
        self._port, self._path, self._rate, self._name, self._body_of = port, path, rate, name, body_of
        self._generator = np.random.default_rng(seed)
        self._idle: list[_Caller] = []
        self._callers: set[_Caller] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[_Request] = deque()
        self._under_way = 0
        self._ending = False
        self._sending: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sending = asyncio.get_running_loop().create_task(self._send_for_ever())

    async def end(self) -> Sent:
        """Sends no more, waits for every answer, and says what became of them all."""
        self._ending = True
        if self._sending is not None:
            await self._sending
        loop = asyncio.get_running_loop()
        patience = loop.time() + _LONGEST_WAIT_SECONDS
        while (self._under_way or self._tasks) and loop.time() < patience:
            await asyncio.sleep(0.01)
        for caller in list(self._callers):
            caller.leave()
        await asyncio.sleep(0)
        self.sent.statuses[UNANSWERED] = self.sent.requests - sum(
            count for status, count in self.sent.statuses.items() if status != UNANSWERED
        )
        return self.sent

    async def _send_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._ending:
            due += float(self._generator.exponential(1.0 / self._rate))
            # Also who is behind must hear its answers, or each request would open a connection of its own until no port is left.
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._send()

    def _send(self) -> None:
        number = self.sent.requests
        self.sent.requests += 1
        request_id = f"{self._name}-{number}"
        content = request_bytes("127.0.0.1", self._path, self._body_of(request_id))
        self._under_way += 1
        self._waiting.append(_Request(request_id, content, time.perf_counter()))
        self._send_waiting()

    def _send_waiting(self) -> None:
        """Sends what waits, as far as there are connections for it."""
        while self._waiting:
            if self._idle:
                caller = self._idle.pop()
                # The server may have ended it, and the loop have not said so yet.
                if not caller.ending:
                    caller.send(self._waiting.popleft())
            elif len(self._callers) + len(self._tasks) < _MOST_CONNECTIONS:
                task = asyncio.get_running_loop().create_task(self._send_over_a_new_one(self._waiting.popleft()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                return

    async def _send_over_a_new_one(self, request: _Request) -> None:
        try:
            _, caller = await asyncio.get_running_loop().create_connection(functools.partial(_Caller, self), "127.0.0.1", self._port)
        except OSError:
            self._under_way -= 1
            return
        caller.send(request)

    def joined(self, caller: _Caller) -> None:
        self._callers.add(caller)

    def answered(self, caller: _Caller, request_id: str, status: int, seconds: float) -> None:
        self._under_way -= 1
        self.sent.statuses[status] += 1
        self.sent.slowest = max(self.sent.slowest, seconds)
        if status == 200:
            self.sent.answered.add(request_id)
        self._idle.append(caller)
        self._send_waiting()

    def left(self, caller: _Caller, *, waiting: bool) -> None:
        self._callers.discard(caller)
        if caller in self._idle:
            self._idle.remove(caller)
        self._under_way -= waiting
        if not self._ending:
            self._send_waiting()


class _Request(NamedTuple):
    """What a caller sends, and since when it wants to, on the clock of `time.perf_counter`."""

    request_id: str
    content: bytes
    due: float


class _Caller(asyncio.Protocol):
    """One connection; one request under way at a time."""

    def __init__(self, load: PacedLoad) -> None:
        self._load = load
        self._answer = b""
        self._request_id = ""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._load.joined(self)

    def send(self, request: _Request) -> None:
        self._request_id, self._due = request.request_id, request.due
        self._transport.write(request.content)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not is_whole(self._answer):
            return
        request_id, status = self._request_id, int(self._answer[9:12])
        if self._load.heard is not None and status == 200:
            self._load.heard(self._answer)
        self._answer, self._request_id = b"", ""
        self._load.answered(self, request_id, status, time.perf_counter() - self._due)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.left(self, waiting=bool(self._request_id))

    @property
    def ending(self) -> bool:
        """Whether nothing can be sent over it any more."""
        return self._transport.is_closing()

    def leave(self) -> None:
        self._transport.close()


async def _until_told(order: dict[str, Any]) -> dict[str, Any]:
    """Sends until its standard input ends."""
    before, _, after = order["body"].encode().partition(b'"ID"')

    def body_of(request_id: str) -> bytes:
        return b'%s"%s"%s' % (before, request_id.encode(), after)

    paced = PacedLoad(order["port"], order["path"], order["rate"], order["name"], body_of, order["seed"])
    paced.start()
    await asyncio.to_thread(sys.stdin.buffer.read)
    sent = await paced.end()
    unanswered = [number for number in range(sent.requests) if f"{order['name']}-{number}" not in sent.answered]
    return {"requests": sent.requests, "statuses": sent.statuses, "unanswered": unanswered, "slowest": sent.slowest}


if __name__ == "__main__":
    import uvloop

    sys.stdout.write(json.dumps(uvloop.run(_until_told(json.loads(sys.argv[1])))))

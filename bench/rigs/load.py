"""Load over HTTP from processes of its own: requests that are ready bytes, over connections that are kept open.

A closed loop: each connection has one request under way and sends the next when the answer is whole. The answer is read as far as
its length and its status; whoever measures wants the server's time, not the client's.
"""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

#: One process of this load can send so many connections' requests before it is the one that is measured.
CONNECTIONS_A_PROCESS = 16
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_CHUNKED = b"transfer-encoding: chunked"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What one run of load saw."""

    seconds: float
    #: In seconds, one for each answered request, in order of size.
    latencies: tuple[float, ...]
    #: Answers whose status was not 200, and connections that broke.
    failed: int

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """The latency in milliseconds that this share of the requests did not exceed."""
        return 1_000 * self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


def request_bytes(host: str, path: str, body: bytes) -> bytes:
    """One POST, as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def load(port: int, path: str, bodies: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Sends for so many seconds over so many connections; every process starts at the same moment.

    Raises RuntimeError where nobody listens, and where the server closes the only connection.
    """
    processes = -(-connections // CONNECTIONS_A_PROCESS)
    starts = time.time() + 0.5
    shares = [connections // processes + (1 if extra < connections % processes else 0) for extra in range(processes)]
    orders = [
        json.dumps({"port": port, "connections": share, "from": starts, "seconds": seconds, "offset": index, "step": processes})
        for index, share in enumerate(shares)
    ]
    requests = b"".join(len(one).to_bytes(4, "big") + one for one in (request_bytes("127.0.0.1", path, body) for body in bodies))
    running = [
        subprocess.Popen([sys.executable, "-m", "bench.rigs.load", order], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for order in orders
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write(requests)
        process.stdin.close()
    said = []
    for process in running:
        with process:
            said.append(array("d", cast("IO[bytes]", process.stdout).read()))
    if any(process.returncode for process in running):
        raise RuntimeError("A process of the load broke.")
    latencies = sorted(latency for failed_first in said for latency in failed_first[1:])
    return Load(seconds, tuple(latencies), int(sum(failed_first[0] for failed_first in said)))


def _read_requests() -> list[bytes]:
    text, requests, place = sys.stdin.buffer.read(), [], 0
    while place < len(text):
        length = int.from_bytes(text[place : place + 4], "big")
        requests.append(text[place + 4 : place + 4 + length])
        place += 4 + length
    return requests


def _one_connection(order: dict[str, Any], requests: Sequence[bytes]) -> tuple[list[float], int]:
    """With blocking calls: nothing is faster for one connection, and nothing else is measured."""
    caller = socket.create_connection(("127.0.0.1", order["port"]))
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    latencies, failed, number = [], 0, 0
    time.sleep(max(order["from"] - time.time(), 0))
    end = time.perf_counter() + order["seconds"]
    while (sent := time.perf_counter()) < end:
        caller.sendall(requests[number % len(requests)])
        answer = b""
        while not is_whole(answer):
            received = caller.recv(65_536)
            if not received:
                raise ConnectionResetError("The server closed the connection.")
            answer += received
        latencies.append(time.perf_counter() - sent)
        failed += not answer.startswith(b"HTTP/1.1 200")
        number += 1
    return latencies, failed


def is_whole(answer: bytes) -> bool:
    """Whether the head of an answer is there, and all that follows it: as much as it announces, or chunks up to the empty one."""
    head = answer.find(_HEAD_END)
    if head < 0:
        return False
    names = answer[:head].lower()
    length = names.find(_LENGTH)
    if length < 0:
        return _CHUNKED in names and answer.endswith(_LAST_CHUNK)
    place = length + len(_LENGTH)
    return len(answer) >= head + len(_HEAD_END) + int(answer[place : answer.find(b"\r", place)])


class _Caller(asyncio.Protocol):
    """One connection of many: the next request goes out when the answer to the last one is whole."""

    def __init__(self, requests: Sequence[bytes], first: int, step: int) -> None:
        self.latencies: list[float] = []
        self.failed = 0
        self._requests = requests
        self._number = first
        self._step = step
        self._end = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not is_whole(self._answer):
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        self.failed += not self._answer.startswith(b"HTTP/1.1 200")
        self._answer = b""
        if now < self._end:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.failed += time.perf_counter() < self._end

    def _send(self) -> None:
        self._number += self._step
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._number % len(self._requests)])


async def _many_connections(order: dict[str, Any], requests: Sequence[bytes]) -> tuple[list[float], int]:
    loop = asyncio.get_running_loop()
    callers = []
    for number in range(order["connections"]):
        make = functools.partial(_Caller, requests, order["offset"] + 97 * number, order["step"])
        _, caller = await loop.create_connection(make, "127.0.0.1", order["port"])
        callers.append(caller)
    await asyncio.sleep(max(order["from"] - time.time(), 0))
    for caller in callers:
        caller.start(order["seconds"])
    await asyncio.sleep(order["seconds"] + 0.2)
    return [latency for caller in callers for latency in caller.latencies], sum(caller.failed for caller in callers)


def main() -> None:
    order, requests = json.loads(sys.argv[1]), _read_requests()
    try:
        if order["connections"] == 1:
            latencies, failed = _one_connection(order, requests)
        else:
            import uvloop

            latencies, failed = uvloop.run(_many_connections(order, requests))
    except OSError as error:
        sys.exit(f"Port {order['port']}: {error}")
    sys.stdout.buffer.write(array("d", [float(failed), *latencies]).tobytes())


if __name__ == "__main__":
    main()

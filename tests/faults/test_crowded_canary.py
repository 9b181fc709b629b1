"""Fault: a canary's one process can't keep up with its share, or hangs for a while. Nobody queues behind it for long."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.serving.answering.canary_link import MOST_WAITING
from tests.serving.packages import MODEL, ROW, plan
from tests.serving.running import PATIENCE, RunningGateway, running_gateway, wait_for

_CALLERS = 200


def asked(gateway: RunningGateway, connections: ExitStack) -> list[socket.socket]:
    """Callers who have all asked and wait, each over a connection of its own."""
    address = urlsplit(str(gateway.client.status().url))
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in ROW.items()
    ]
    body = json.dumps({"inputs": tensors}).encode()
    head = f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    callers = [
        connections.enter_context(socket.create_connection((address.hostname, address.port), timeout=PATIENCE)) for _ in range(_CALLERS)
    ]
    for caller in callers:
        caller.sendall(head + body)
    return callers


def answer(caller: socket.socket) -> dict[str, str]:
    """What a caller is answered; the gateway ends the connection with it."""
    whole = b"".join(iter(lambda: caller.recv(65_536), b""))
    assert whole.startswith(b"HTTP/1.1 200"), whole[:200]
    parameters: dict[str, str] = json.loads(whole.partition(b"\r\n\r\n")[2])["parameters"]
    return parameters


def answered(callers: list[socket.socket]) -> list[socket.socket]:
    """Those of them who have an answer, or at least its beginning."""
    return [caller for caller in callers if _has_some(caller)]


def _has_some(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        return bool(caller.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        caller.settimeout(PATIENCE)


def test_who_finds_a_canary_full_is_answered_by_the_champion(tmp_path: Path) -> None:
    """While a canary hangs, so many wait for it and no more; all others are answered, and nothing of it is held against the version."""
    with running_gateway(tmp_path, canary_timeout_ms=60_000) as gateway, ExitStack() as connections:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 100_000, 600.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.5)
        canary = gateway.process("canary")
        os.kill(canary, signal.SIGSTOP)
        try:
            callers = asked(gateway, connections)
            wait_for(lambda: len(answered(callers)) == _CALLERS - MOST_WAITING, "all are answered but those for whom there was room")
        finally:
            os.kill(canary, signal.SIGCONT)
        said = [answer(caller) for caller in callers]
        assert sum(one["arm"] == "canary" for one in said) == MOST_WAITING
        counted = next(arm for arm in gateway.model().versions if arm.arm == "canary")
        assert counted.errors == 0
        assert counted.fallbacks == counted.requests - MOST_WAITING > 0
        metric = f'lifecycle_inference_spilled_total{{model="{MODEL}",version="2",arm="canary"}} {counted.fallbacks}'
        assert metric in gateway.caller().send("GET", "/metrics")[1].splitlines()
        assert gateway.client.rollout(rollout).state == "baking"
        rows = list(gateway.client.predictions.rows(MODEL, 0))
        assert len(rows) == _CALLERS
        assert sum(row["fallback_from"] == 2 for row in rows) == counted.fallbacks


def test_a_first_version_that_is_full_keeps_its_callers(tmp_path: Path) -> None:
    """Where no champion can answer instead, they wait, and all of them are answered in the end."""
    with running_gateway(tmp_path, canary_timeout_ms=60_000) as gateway, ExitStack() as connections:
        rollout = gateway.deploy(1, plan((1.0, 100_000, 600.0)))
        gateway.await_weight(rollout, 1.0)
        canary = gateway.process("canary")
        os.kill(canary, signal.SIGSTOP)
        try:
            callers = asked(gateway, connections)
            in_flight = f'lifecycle_inference_inflight{{model="{MODEL}"}} {_CALLERS}'
            wait_for(lambda: in_flight in gateway.caller().send("GET", "/metrics")[1].splitlines(), "all of them wait")
            assert not answered(callers)
        finally:
            os.kill(canary, signal.SIGCONT)
        assert {answer(caller)["arm"] for caller in callers} == {"canary"}

"""Fault: a canary's one process can't keep up with its share, or hangs for a while. Nobody queues behind it for long."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.serving.answering.canary_link import MOST_WAITING
from tests.serving.packages import MODEL, ROW, plan
from tests.serving.running import PATIENCE, RunningGateway, running_gateway, wait_for

_CALLERS = 200


def connected(gateway: RunningGateway, connections: ExitStack) -> list[socket.socket]:
    """Callers who have a connection each."""
    address = urlsplit(str(gateway.client.status().url))
    return [
        connections.enter_context(socket.create_connection((address.hostname, address.port), timeout=PATIENCE)) for _ in range(_CALLERS)
    ]


def ask(callers: list[socket.socket]) -> None:
    """All of them ask for a prediction, and wait."""
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in ROW.items()
    ]
    body = json.dumps({"inputs": tensors}).encode()
    for caller in callers:
        caller.sendall(f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def said(caller: socket.socket) -> bytes:
    """The body of what a caller hears, which is no refusal."""
    with caller.makefile("rb") as file:
        assert file.readline().startswith(b"HTTP/1.1 200"), file.read1()
        headers = dict(line.lower().split(b": ", 1) for line in iter(lambda: file.readline().strip(), b""))
        return file.read(int(headers[b"content-length"]))


def answer(caller: socket.socket) -> dict[str, str]:
    """What stands in the answer beside the prediction, such as the arm."""
    parameters: dict[str, str] = json.loads(said(caller))["parameters"]
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
            ask(callers := connected(gateway, connections))
            wait_for(lambda: len(answered(callers)) == _CALLERS - MOST_WAITING, "all are answered but those for whom there was room")
        finally:
            os.kill(canary, signal.SIGCONT)
        arms = [answer(caller)["arm"] for caller in callers]
        assert arms.count("canary") == MOST_WAITING
        counted = next(arm for arm in gateway.model().versions if arm.arm == "canary")
        assert counted.errors == 0
        assert counted.fallbacks == counted.requests - MOST_WAITING > 0
        metric = f'lifecycle_inference_spilled_total{{model="{MODEL}",version="2",arm="canary"}} {counted.fallbacks}'
        assert metric in gateway.caller().send("GET", "/metrics")[1].splitlines()
        assert gateway.client.rollout(rollout).state == "baking"
        rows = list(gateway.client.predictions.rows(MODEL, 0))
        assert len(rows) == _CALLERS
        assert sum(row["fallback_from"] == 2 for row in rows) == counted.fallbacks


def test_a_crowd_that_comes_in_one_moment_finds_no_more_room_than_there_is(tmp_path: Path) -> None:
    """All of them lie before the worker at once, more than may be in flight: nobody is turned away."""
    most = {"most_in_flight": MOST_WAITING + 1}
    with running_gateway(tmp_path, canary_timeout_ms=60_000, more=most) as gateway, ExitStack() as connections:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.9, 100_000, 600.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.9)
        worker, callers = gateway.process("worker"), connected(gateway, connections)
        for caller in callers:
            # So that the worker knows all of them before they ask.
            caller.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            said(caller)
        os.kill(worker, signal.SIGSTOP)
        try:
            ask(callers)
        finally:
            os.kill(worker, signal.SIGCONT)
        arms = Counter(answer(caller)["arm"] for caller in callers)
        assert arms["canary"] >= MOST_WAITING
        assert arms["champion"] == _CALLERS - arms["canary"] > 0
        assert gateway.client.rollout(rollout).state == "baking"


def test_a_first_version_that_is_full_keeps_its_callers(tmp_path: Path) -> None:
    """Where no champion can answer instead, they wait, and all of them are answered in the end."""
    with running_gateway(tmp_path, canary_timeout_ms=60_000) as gateway, ExitStack() as connections:
        rollout = gateway.deploy(1, plan((1.0, 100_000, 600.0)))
        gateway.await_weight(rollout, 1.0)
        canary = gateway.process("canary")
        os.kill(canary, signal.SIGSTOP)
        try:
            ask(callers := connected(gateway, connections))
            in_flight = f'lifecycle_inference_inflight{{model="{MODEL}"}} {_CALLERS}'
            wait_for(lambda: in_flight in gateway.caller().send("GET", "/metrics")[1].splitlines(), "all of them wait")
            assert not answered(callers)
        finally:
            os.kill(canary, signal.SIGCONT)
        assert {answer(caller)["arm"] for caller in callers} == {"canary"}

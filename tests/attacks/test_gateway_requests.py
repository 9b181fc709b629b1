"""Attacks over HTTP: keep others from an answer, break the gateway, or make a version look asked, with what one sends."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.serving.packages import MODEL, ROW
from tests.serving.running import RunningGateway, running_gateway

PATH = f"/v2/models/{MODEL}/infer"
HALF_A_BODY = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """One gateway that serves one version, for every request of this file."""
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        running.serve(1)
        yield running


def connect(gateway: RunningGateway) -> socket.socket:
    host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30.0)


def request() -> dict[str, Any]:
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in ROW.items()
    ]
    return {"inputs": tensors}


def test_slow_connections_keep_nobody_from_an_answer(served: RunningGateway) -> None:
    """More callers than may be in flight, each with half a body: health and predictions are answered all the same."""
    with ExitStack() as stack:
        address = stack.enter_context(connect(served)).getpeername()
        for _ in range(1_100):
            slow = stack.enter_context(socket.create_connection(address, timeout=30.0))
            slow.sendall(HALF_A_BODY)
        caller = served.caller()
        assert caller.send("GET", "/v2/health/ready")[0] == 200
        assert caller.infer()[0] == 200
        assert caller.send("GET", "/metrics")[0] == 200


@pytest.mark.parametrize("sent", [b"POST ", b"GET /v2/health/live HTTP/1.1\r\nHost", HALF_A_BODY], ids=["method", "head", "body"])
def test_a_request_that_does_not_end_is_ended(tmp_path: Path, sent: bytes) -> None:
    """Head and body each have their time; then the connection is closed."""
    with running_gateway(tmp_path, request_seconds=0.2) as gateway:
        gateway.serve(1)
        with connect(gateway) as slow:
            slow.sendall(sent)
            received = slow.makefile("rb").read()
    assert received == b"" or received.startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_cut_off(served: RunningGateway) -> None:
    """Headers that go on and on are not kept in memory: the connection is closed long before its time is over."""
    with connect(served) as endless:
        endless.sendall(b"GET /v2/health/live HTTP/1.1\r\n")
        headers = b"".join(f"x-{number}: {'x' * 1_000}\r\n".encode() for number in range(50_000))
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            endless.sendall(headers)


def test_what_is_no_http_is_refused_in_json(served: RunningGateway) -> None:
    """Even a caller who speaks something else gets the form of all errors."""
    with connect(served) as other:
        other.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        head, _, body = other.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert "error" in json.loads(body)


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "the same output twice": lambda body: body.update(outputs=[{"name": "probability"}, {"name": "probability"}]),
    "an output without a name": lambda body: body.update(outputs=[{"name": ["probability"]}]),
    "half a character as the id": lambda body: body.update(id="\ud800"),
    "half a character as a routing key": lambda body: body.update(parameters={"routing_key": "\ud800"}),
    "half a character as a name": lambda body: body["inputs"][0].update(name="\ud800"),
    "half a character as a value": lambda body: body["inputs"][1].update(data=["\ud800"]),
    "half a character as a datatype": lambda body: body["inputs"][0].update(datatype="\ud800"),
    "a datatype that is a list": lambda body: body["inputs"][0].update(datatype=["FP64"]),
    "a datatype that is an object": lambda body: body["inputs"][0].update(datatype={}),
    "a shape of true": lambda body: body["inputs"][0].update(shape=[True]),
    "a shape that is an object": lambda body: body["inputs"][0].update(shape={}),
    "a whole number that no double tells from its neighbour": lambda body: body["inputs"][0].update(data=[2**53]),
    "an enormous number": lambda body: body["inputs"][0].update(data=[10**400]),
    "a column that is not taken": lambda body: body["inputs"][0].update(name="unknown"),
    "a column that is missing": lambda body: body["inputs"].pop(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nonsense_is_refused_and_counts_for_nobody(served: RunningGateway, change: Callable[[dict[str, Any]], None]) -> None:
    """It is the caller's to correct: 400 in JSON, and no version has been asked."""
    caller = served.caller()
    assert caller.infer()[0] == 200
    before = served.model().versions[0].requests
    body = request()
    change(body)
    status, said = caller.send("POST", PATH, json.dumps(body).encode())
    assert (status, "error" in said) == (400, True)
    assert served.model().versions[0].requests == before


@pytest.mark.parametrize("field", ["model", "prediction_id", "label"])
def test_a_label_that_has_no_bytes_is_refused(served: RunningGateway, field: str) -> None:
    """Feedback is read as strictly as a request."""
    body = {"model": MODEL, "prediction_id": "x", "label": "good"} | {field: "\ud800"}
    status, said = served.caller().send("POST", "/v2/feedback", json.dumps(body).encode())
    assert (status, "error" in said) == (400, True)

"""Who is told of requests: the access log and traces, without a secret in either."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lifecycle.serving.answering.access_log import AccessLog
from lifecycle.serving.answering.onlookers import Seen
from lifecycle.serving.answering.paths import place_of
from lifecycle.serving.answering.tracing import Tracer
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway, wait_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SECRET = "lk-very-secret"


def seen(path: str = f"/v2/models/{MODEL}/infer", status: int = 200, traceparent: bytes | None = None) -> Seen:
    return Seen(1_000, 50, "POST", place_of(path), status, 10, "grant-1", traceparent)


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces: its address, and what was sent to it."""
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_a_gateway_tells_its_log_and_its_collector(tmp_path: Path) -> None:
    """Every answered request has its line, a prediction its span in its caller's trace; what callers hide in them is in neither."""
    with collector() as (url, taken):
        gateway = RunningGateway(tmp_path)
        gateway.more = {"access_log": True, "traces_url": url}
        gateway.start()
        try:
            gateway.serve(3)
            caller = gateway.caller()
            caller.infer()
            for path in (f"/v2/models/{MODEL}/infer?key={SECRET}", f"/v2/models/{SECRET}/infer", f"/{SECRET}", "/v2/feedback"):
                connection = http.client.HTTPConnection(str(gateway.client.status().url).removeprefix("http://"))
                connection.request("POST", path, SECRET, {"traceparent": TRACEPARENT, "Authorization": f"Bearer {SECRET}"})
                connection.getresponse().read()
                connection.close()
            folder = GatewayFolder(gateway.folder).access_log
            wait_for(lambda: sum(len(file.read_bytes().splitlines()) for file in folder.iterdir()) >= 5, "five lines")
        finally:
            gateway.stop()
        text = b"".join(file.read_bytes() for file in folder.iterdir())
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["resource"], line["model"], line["status"]) for line in lines] == [
        ("infer", MODEL, 200),
        ("infer", MODEL, 400),
        ("infer", None, 404),
        (None, None, 404),
        ("feedback", None, 400),
    ]
    assert all(line["duration_us"] >= 0 for line in lines)
    assert SECRET.encode() not in text
    assert SECRET.encode() not in b"".join(taken)
    spans = [
        span
        for message in taken
        for resource in ExportTraceServiceRequest.FromString(message).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert f"infer {MODEL}" in {span.name for span in spans}
    assert TRACE in {span.trace_id.hex() for span in spans}


def test_a_span_says_what_was_asked_and_how_it_went() -> None:
    """Model, version, status and grant; an error where the gateway was at fault; nothing of what is no prediction."""
    exporter = InMemorySpanExporter()
    tracer = Tracer(exporter)
    tracer.saw(seen(f"/v2/models/{MODEL}/versions/3/infer", 503, TRACEPARENT.encode()))
    tracer.saw(seen("/v2/health/live"))
    tracer.close()
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACE
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "lifecycle.model": MODEL,
        "lifecycle.version": 3,
        "lifecycle.grant_id": "grant-1",
    }
    assert not span.status.is_ok
    assert span.end_time is not None
    assert (span.start_time, span.end_time) == (1_000_000, 1_050_000)


@pytest.mark.parametrize("traceparent", [b"nonsense", b"\xff\xfe", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"])
def test_a_caller_whose_trace_is_nonsense_begins_a_new_one(traceparent: bytes) -> None:
    """Nothing breaks, and the span stands alone."""
    exporter = InMemorySpanExporter()
    tracer = Tracer(exporter)
    tracer.saw(seen(traceparent=traceparent))
    tracer.close()
    (span,) = exporter.get_finished_spans()
    assert span.parent is None


def test_a_disk_that_takes_no_line_changes_no_answer(tmp_path: Path) -> None:
    """What the log loses is counted."""
    (tmp_path / "file").touch()
    log = AccessLog(tmp_path / "file", 0)
    log.saw(seen())
    log.saw(seen())
    assert log.lost == 2


def test_a_large_file_is_ended_and_another_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file grows without end, and no line is lost between two."""
    monkeypatch.setattr("lifecycle.serving.answering.access_log.FILE_BYTES", 300)
    log = AccessLog(tmp_path, 0)
    for _ in range(10):
        log.saw(seen())
    log.close()
    files = list(tmp_path.iterdir())
    assert len(files) > 1
    assert sum(len(file.read_bytes().splitlines()) for file in files) == 10

"""A receiver of OpenLineage in this process: it takes, delays, refuses and loses what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    event: dict[str, Any]

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


@dataclass
class Receiving:
    """What came in, and the status (and headers) that the next request is answered with. A status of 0 is no answer at all."""

    answer: Callable[[Request, int], tuple[int, dict[str, str]]] = lambda request, count: (201, {})
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.taken]


@contextmanager
def receiver(answer: Callable[[Request, int], tuple[int, dict[str, str]]] | None = None, port: int = 0) -> Iterator[Receiving]:
    """A receiver at a free port of this machine, or at this one."""
    receiving = Receiving() if answer is None else Receiving(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(self.path, dict(self.headers), json.loads(content))
            receiving.requests.append(request)
            status, headers = receiving.answer(request, len(receiving.requests))
            if 200 <= status < 300:
                receiving.taken.append(request)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            body = b"what it said" if status >= 400 else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiving.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiving
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

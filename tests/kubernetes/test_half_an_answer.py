"""An API server that breaks off in the middle of an answer."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import kubernetes
import pytest

from lifecycle.errors import Unavailable
from lifecycle.serving.targets.kubernetes_api import KubernetesApi


class Half(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"half")

    def log_message(self, *said: object) -> None:
        """Says nothing."""


def test_metrics_that_break_off_are_asked_for_again_and_no_vendors_error() -> None:
    """Whoever drives a rollout waits where nobody answers; what it does not know would end it."""
    with HTTPServer(("127.0.0.1", 0), Half) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
        configuration.retries = 0
        try:
            with kubernetes.client.ApiClient(configuration) as client, pytest.raises(Unavailable):
                KubernetesApi("lifecycle", client=client).metrics("pod", 80)
        finally:
            server.shutdown()
            thread.join()

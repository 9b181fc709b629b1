"""Live traffic: the held-out applications, sent to the gateway over its own protocol by several clients at once."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from lifecycle.errors import Unavailable

CLIENTS = 4
#: An application as a caller sends it: a value by column, None where it is missing.
Application = Mapping[str, float | str | None]


def infer_request(application: Application) -> str:
    """One application as an Open Inference Protocol v2 request: one tensor a column."""
    inputs = [
        {"name": column, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for column, value in application.items()
    ]
    return json.dumps({"inputs": inputs}, allow_nan=False)


@dataclass
class Counted:
    """What was sent and what came back, by arm."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    by_arm: dict[str, int] = field(default_factory=dict)
    last_prediction: str = ""
    errors: list[str] = field(default_factory=list)


class Traffic:
    """Sends applications, over and over, from entering the block to leaving it."""

    def __init__(
        self, url: str, model: str, applications: Sequence[Application], *, change: Callable[[int, Application], Application] | None = None
    ) -> None:
        self._host, self._path = urlsplit(url).netloc, f"/v2/models/{model}/infer"
        self._applications = applications
        self._change = change or (lambda number, application: application)
        self._numbers = itertools.count()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(CLIENTS)]
        self.counted = Counted()

    @property
    def replays(self) -> float:
        """How often the whole held-out set has been sent."""
        return self.counted.sent / max(len(self._applications), 1)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        if any(thread.is_alive() for thread in self._threads):
            raise Unavailable("A client still waits for the gateway's answer after 30 s.", "Read gateway.log in the home's logs.")

    def _send(self) -> None:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        self._await_ready(connection)
        while not self._stop.is_set():
            number = next(self._numbers)
            application = self._change(number, self._applications[number % len(self._applications)])
            with self._lock:
                self.counted.sent += 1
            try:
                connection.request("POST", self._path, body=infer_request(application), headers={"Content-Type": "application/json"})
                response = connection.getresponse()
                self._count(response.status, response.read())
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._count(0, str(error).encode())
        connection.close()

    def _await_ready(self, connection: http.client.HTTPConnection) -> None:
        """Callers are sent to a model from when the gateway says that it is ready, and not before."""
        while not self._stop.is_set():
            connection.request("GET", self._path.removesuffix("infer") + "ready")
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return
            self._stop.wait(0.05)

    def _count(self, status: int, content: bytes) -> None:
        with self._lock:
            if status != 200:
                self.counted.failed += 1
                self.counted.errors.append(f"{status} {content[:200].decode(errors='replace')}")
                return
            self.counted.answered += 1
            parameters: dict[str, Any] = json.loads(content).get("parameters", {})
            arm = str(parameters.get("arm", "unknown"))
            self.counted.by_arm[arm] = self.counted.by_arm.get(arm, 0) + 1
            self.counted.last_prediction = str(parameters.get("prediction_id", "")) or self.counted.last_prediction

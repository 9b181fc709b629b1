"""A peer's server, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.measuring import REPOSITORY
from bench.peers.catalogue import Features, Peer
from bench.peers.environments import NotMeasured, last_words
from bench.rigs.side_by_side import Server

PATIENCE_SECONDS = 90.0
_END_SECONDS = 20.0
#: An answer's probability is the expected one to so much: the requests are rounded, single precision does the rest.
_TOLERANCE = 1e-5
#: Nobody is told of a bench that runs.
_QUIET = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextlib.contextmanager
def served(peer: Peer, python: Path, graph: Path, folder: Path, rows: Sequence[Features], expected: Sequence[float]) -> Iterator[Server]:
    """A peer that serves the graph, and answers each of the rows with its expected probability.

    Raises NotMeasured where it does not come up within its time, or answers something else.
    """
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(port, peer.path, [peer.body(row) for row in rows])
    said = folder / "said.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", f"bench.peers.served.{peer.package}", str(graph), str(port), *peer.setting.split()],
            cwd=folder,
            env=_environment(python, folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_answer(server, process, said)
        for body, probability in zip(server.bodies, expected, strict=True):
            if not any(math.isclose(number, probability, abs_tol=_TOLERANCE) for number in numbers_in(_answer(server, body))):
                raise NotMeasured("It answers something else than the network says.")
        yield server
    finally:
        _end(process)


def _environment(python: Path, folder: Path) -> dict[str, str]:
    """The peer's commands first, nothing of the project's settings, and a home that goes with the bench."""
    path = os.pathsep.join((str(python.parent), os.environ.get("PATH", os.defpath)))
    homes = dict.fromkeys(("HOME", "BENTOML_HOME", "RAY_TMPDIR"), str(folder))
    return {"PATH": path, "PYTHONPATH": str(REPOSITORY), **homes, **_QUIET}


def _await_answer(server: Server, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(OSError):
            _answer(server, server.bodies[0])
            return
        if process.poll() is not None:
            raise NotMeasured(f"It ended: {last_words(said.read_text(encoding='utf-8', errors='replace'))}")
        if time.monotonic() > deadline:
            raise NotMeasured(f"No answer in {PATIENCE_SECONDS:.0f} s: {last_words(said.read_text(encoding='utf-8', errors='replace'))}")
        time.sleep(0.2)


def _answer(server: Server, body: bytes) -> Any:
    """What it says to one request. Raises OSError where it does not answer, or with another status than 200."""
    asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def numbers_in(answer: Any) -> Iterator[float]:
    """Every number of an answer, however deep: each peer wraps its outputs in another way."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            yield from numbers_in(part)
    elif isinstance(answer, float):
        yield answer


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to end its own processes; what it leaves in its group is killed."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

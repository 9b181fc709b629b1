"""Starting, watching and stopping the processes of one home together: one Ctrl-C stops what was started here."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.errors import Unavailable

#: How long a process may take to end by itself before it is killed.
STOP_SECONDS = 20.0


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Family:
    """Processes that live and end together. Each is in a session of its own, so that Ctrl-C reaches only us, in our order."""

    logs: Path
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, told: str = "") -> Child:
        """Starts one. It reads `told`, a line or so, from its standard input: the place for what no list of processes may show."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        assert process.stdin is not None  # it is a pipe, as asked for
        # A process that has ended before it was told anything is found dead soon enough.
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(told.encode())
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def dead(self) -> Child | None:
        """The first child that has ended, if any has."""
        return next((child for child in self.children if child.process.poll() is not None), None)

    def stop(self) -> None:
        """Ends all of them, last started first; one that does not end by itself is killed, with all that it started."""
        for child in reversed(self.children):
            _signal(child, signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.process.wait()

    def require_alive(self) -> None:
        """Raises Unavailable, with the end of its log, where one of them has ended."""
        child = self.dead()
        if child is not None:
            raise Unavailable(
                f"{child.name} ended with exit code {child.process.returncode}: {last_lines(child.log)}",
                f"Read {child.log}, mend what it names, and start again.",
            )


def _signal(child: Child, number: int) -> None:
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        # It has ended already, which is what was wanted.
        return


def last_lines(log: Path, lines: int = 3) -> str:
    """The last lines of a log that say something."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:]) or "its log is empty"


def require_free_port(host: str, port: int, option: str) -> None:
    """Raises Unavailable where something listens there already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"Port {port} on {host} is in use.", f"Stop what listens there, or choose another port with {option}."
            ) from error


def answers(url: str) -> bool:
    """Whether a page on this machine answers at all."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False

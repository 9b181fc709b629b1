"""Starting, watching and ending a process of the gateway's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lifecycle
from lifecycle.errors import Unavailable
from lifecycle.serving.answering.protocol import as_bytes
from lifecycle.serving.supervision.control import ControllingEnd


class OwnProcess:
    """A child of the supervisor: a line to it, and word of its end."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, control: ControllingEnd) -> None:
        self.name = name
        self.ended = asyncio.get_running_loop().create_task(process.wait())
        self._process = process
        self._control = control

    @classmethod
    async def start(
        cls,
        module: str,
        name: str,
        configuration: dict[str, Any],
        *,
        on_nudge: Callable[[dict[str, Any]], None],
        inherit: Sequence[int] = (),
    ) -> OwnProcess:
        """Starts `python -m module` with its end of a control line. Raises Unavailable where that can't be done."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    module,
                    str(theirs.fileno()),
                    as_bytes(configuration).decode(),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), *inherit),
                    env=_environment(),
                )
        except OSError as error:
            ours.close()
            raise Unavailable(
                f"The gateway's {name} can't be started: {error.strerror}.", "Free memory and processes on this machine."
            ) from error
        _, control = await asyncio.get_running_loop().create_connection(lambda: ControllingEnd(name, on_nudge), sock=ours)
        return cls(name, process, control)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    def how_it_ended(self) -> str:
        """In words, for a record."""
        code = self._process.returncode
        if code is None:
            return "it runs"
        return f"the process of {self.name} ended by signal {-code}" if code < 0 else f"the process of {self.name} ended with code {code}"

    async def ask(self, timeout: float, **message: Any) -> dict[str, Any]:
        """Sends a request over the line. Raises Unavailable where the process refuses, is gone or takes too long."""
        return await self._control.ask(timeout, **message)

    async def end(self, patience: float) -> None:
        """Closes the line, which ends a healthy process; kills it where that has not helped by then."""
        self._control.close()
        try:
            await asyncio.wait_for(asyncio.shield(self.ended), patience)
        except TimeoutError:
            self.kill()
            await self.ended

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _environment() -> dict[str, str]:
    """Ours, with one thread for each library that would take them all, and the package where this process has it from."""
    package = str(Path(lifecycle.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": package if not inherited else f"{package}{os.pathsep}{inherited}"}

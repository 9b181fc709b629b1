"""A canary's process: one version that answers the workers over a socket, and takes nothing down with it.

Its memory is limited, so that a version that wants all of it fails and is taken out, and where the machine runs out all the same,
the system ends this process before any other of the gateway.

`python -m lifecycle.serving.answering.canary DESCRIPTOR CONFIGURATION`, started by the supervisor only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.failures import ArmFailed, RequestRefused
from lifecycle.serving.frames import FrameProtocol
from lifecycle.serving.supervision.control import ControlledEnd


class CanaryEnd(FrameProtocol):
    """Answers one worker."""

    def __init__(self, model: ServedModel) -> None:
        super().__init__()
        self._model = model

    def message_received(self, message: dict[str, Any]) -> None:
        said: dict[str, Any]
        try:
            said = {"probabilities": self._model.answer(message["columns"], message["rows"]).probabilities}
        except RequestRefused as error:
            said = {"refused": error.what, "field": error.field}
        except ArmFailed as error:
            said = {"failed": error.what, "kind": error.kind}
        self.send({"request": message["request"], **said})

    def disconnected(self) -> None:
        """A worker that is gone needs no answer."""


async def run(descriptor: int, configuration: dict[str, Any]) -> None:
    """Loads the version, listens, tells the supervisor, and answers until the supervisor is gone."""
    ended = asyncio.Event()

    async def handle(message: dict[str, Any]) -> dict[str, Any]:
        if message["do"] == "listen":
            folder, path = Path(configuration["folder"]), Path(configuration["socket"])
            model = await asyncio.to_thread(ServedModel.load, folder, configuration["version"], configuration["digest"])
            path.unlink(missing_ok=True)
            await asyncio.get_running_loop().create_unix_server(lambda: CanaryEnd(model), str(path))
            path.chmod(0o600)
        return {}

    control = await ControlledEnd.over(descriptor, handle, ended.set)
    await ended.wait()
    control.close()


def limit_memory(most_bytes: int) -> None:
    """Has this process be refused memory of its own past so many bytes, half of the machine's for 0, and be the first to end for it.

    The limit is on data (RLIMIT_DATA), not on addresses: mapped libraries and files take no memory from anybody.
    """
    if not most_bytes:
        most_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most not in (resource.RLIM_INFINITY, -1):
        most_bytes = min(most_bytes, most)
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
    with contextlib.suppress(OSError):
        # Linux only; elsewhere the system chooses by itself.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def main() -> None:
    # Ctrl-C reaches the whole group; the supervisor decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configuration = json.loads(sys.argv[2])
    limit_memory(configuration["memory_bytes"])
    asyncio.run(run(int(sys.argv[1]), configuration))


if __name__ == "__main__":
    main()

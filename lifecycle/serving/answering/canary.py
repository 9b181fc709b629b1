"""A canary's process: one version that answers the workers over a socket, and takes nothing down with it.

`python -m lifecycle.serving.answering.canary DESCRIPTOR CONFIGURATION`, started by the supervisor only.
"""

from __future__ import annotations

import asyncio
import json
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
            said = {"failed": error.what}
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


def main() -> None:
    # Ctrl-C reaches the whole group; the supervisor decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(run(int(sys.argv[1]), json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()

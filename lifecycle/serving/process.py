"""Starting a gateway as a process that outlives whoever starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.state import GatewayStatus

#: How long a gateway may take until it answers: it verifies and loads every version that it serves.
START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_LAST_CHARACTERS = 2_000


def ensure_gateway(settings: GatewaySettings, project: Path) -> GatewayStatus:
    """The status of the gateway on this folder, which is started if none runs there.

    The process is in a session of its own: it ends with `GatewayClient.stop` or SIGTERM, and not with its starter. Raises
    Unavailable with the end of its log where it does not come to answer.
    """
    client = GatewayClient(settings.folder)
    try:
        return client.status()
    except Unavailable:
        process = _start(settings, project)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return client.status()
        except Unavailable as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(
                    f"The gateway did not start: {_end_of_log(settings)}", "Mend what it names, and start it again."
                ) from error
        time.sleep(_LOOK_SECONDS)


def _start(settings: GatewaySettings, project: Path) -> subprocess.Popen[bytes]:
    GatewayFolder(settings.folder).make()
    path = _log(settings)
    path.parent.mkdir(exist_ok=True)
    environment = {
        "LIFECYCLE_PROJECT": str(project),
        "LIFECYCLE_HOME": str(settings.folder.parent),
        "LIFECYCLE_ENVIRONMENT": settings.environment,
        "LIFECYCLE_GATEWAY_HOST": settings.host,
        "LIFECYCLE_GATEWAY_PORT": str(settings.port),
        "LIFECYCLE_GATEWAY_WORKERS": str(settings.workers),
    }
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lifecycle.cli.main", "gateway", "run"],
            cwd=project,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Somebody must take its exit code should it end before us, or it stays a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def _end_of_log(settings: GatewaySettings) -> str:
    text = _log(settings).read_text(encoding="utf-8", errors="replace")
    return text[-_LAST_CHARACTERS:].strip() or "it says nothing"


def _log(settings: GatewaySettings) -> Path:
    """Where the process writes what it has to say: among the home's logs."""
    return settings.folder.parent / "logs" / "gateway.log"

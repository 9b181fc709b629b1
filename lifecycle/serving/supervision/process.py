"""Starting a gateway as a process that outlives whoever starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.status import GatewayStatus
from lifecycle.serving.settings import GatewaySettings

#: How long a gateway may take until it answers: it verifies and loads every version that it serves.
START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_LAST_CHARACTERS = 2_000
#: An error as the command line prints it.
_LAST_WORDS = re.compile(r"^Error: (?P<what>.+)\n  Next: (?P<next>.+)\Z", re.MULTILINE)


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
                raise _not_started(settings) from error
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
        "LIFECYCLE_GATEWAY_SEAL_SECONDS": str(round(settings.seal_seconds)),
        "LIFECYCLE_GATEWAY_OFFLINE_SECONDS": str(round(settings.offline_seconds)),
        "LIFECYCLE_GATEWAY_CANARY_MEMORY_MB": str(settings.canary_memory_mb),
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


def _not_started(settings: GatewaySettings) -> Unavailable:
    """Why it did not start: in its own words, where they are the last of its log."""
    log = _log(settings)
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    told = _LAST_WORDS.search(text)
    if told is not None:
        return Unavailable(f"The gateway did not start. {told['what']}", told["next"])
    return Unavailable(
        f"The gateway did not start: {text[-_LAST_CHARACTERS:] or 'it says nothing'}",
        f"Read {log}, mend what it names, and start it again.",
    )


def _log(settings: GatewaySettings) -> Path:
    """Where the process writes what it has to say: among the home's logs."""
    return settings.folder.parent / "logs" / "gateway.log"

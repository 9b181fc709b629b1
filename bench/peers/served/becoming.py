"""How a program becomes its peer's server: by the command that the peer's own package installs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.peers.served.network import GRAPH


def asked() -> tuple[Path, int, dict[str, int]]:
    """The graph, the port and the setting that the program was started with; the graph is left where `Network.named` looks."""
    graph, port, settings = Path(sys.argv[1]), int(sys.argv[2]), dict(one.split("=") for one in sys.argv[3:])
    os.environ[GRAPH] = str(graph)
    return graph, port, {name: int(value) for name, value in settings.items()}


def become(command: str, *arguments: str) -> None:
    """Replaces this process by a command of the same environment."""
    beside = Path(sys.executable).with_name(command)
    os.execv(beside, [command, *arguments])

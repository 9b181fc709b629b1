"""The gateways that keep something in a home: its own, and those of a cluster's pods, each in a home of its own within it.

A pod has its home on the volume that its controller has as well, and writes there as it likes: nothing in it is followed anywhere
else. A pod that is gone leaves its home, and with it its rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lifecycle.errors import Tampered
from lifecycle.serving.folder import GatewayFolder

#: Where pods have their homes, each under its own name.
PODS = "pods"
_GATEWAY = "gateway"
#: What of a gateway's folder is read by others.
_READ = ("predictions", "refusals")


def gateway_folders(home: Path) -> tuple[GatewayFolder, ...]:
    """What the gateways of a home keep: its own first, whether there is one or not. Raises Tampered like `pod_folders`."""
    return (GatewayFolder(home / _GATEWAY), *pod_folders(home / PODS).values())


def pod_folders(homes: Path, named: tuple[str, ...] = ("",)) -> dict[str, GatewayFolder]:
    """What the gateways of pods keep, by pod, also of those that are gone: of all, or of those whose names begin like one of `named`.

    Raises Tampered where there is a link among what would be read: it could name anything on the volume, the keys that sign included.
    """
    found = {}
    for home in sorted(path for path in homes.iterdir() if path.name.startswith(named)) if homes.is_dir() else ():
        folder = GatewayFolder(home / _GATEWAY)
        if not (home.is_symlink() or os.path.lexists(folder.path)):
            # A pod that has not begun yet, or what is none.
            continue
        link = next(_links(home, folder), None)
        if link is not None:
            raise Tampered(
                f"{link} is a link, and a pod's gateway makes none: nothing that it leads to is read.",
                f"Find out who laid it there, and move {home} away as evidence.",
            )
        found[home.name] = folder
    return found


def _links(home: Path, folder: GatewayFolder) -> Iterator[Path]:
    for path in (home, folder.path):
        if path.is_symlink():
            yield path
            return
    yield from _links_in(folder.path, _READ)


def _links_in(folder: Path, descend: tuple[str, ...] | None = None) -> Iterator[Path]:
    """Links in a folder and in those below it; of its own only in `descend`, where that is given."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False) and (descend is None or entry.name in descend):
                yield from _links_in(Path(entry.path))

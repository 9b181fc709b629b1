"""The files of a pack as one zip file: the same files give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from lifecycle.ledger.tiles import WIDTH, tile_path

#: The first moment that a zip file can say. What was packed when stands in the ledger.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_UNIX = 3
_LEVEL = 6


def leaf_path(index: int, event_type: str) -> str:
    """Where a record lies: leaves/000012-DecisionMade.json."""
    return f"leaves/{index:06}-{event_type}.json"


def tile_files(hashes: Sequence[bytes]) -> dict[str, bytes]:
    """The leaf hashes as tiles of level 0 (C2SP tlog-tiles), from which every other level follows."""
    starts = range(0, len(hashes), WIDTH)
    tiles = ((number, hashes[start : start + WIDTH]) for number, start in enumerate(starts))
    return {f"tile/0/{tile_path(number, len(tile))}": b"".join(tile) for number, tile in tiles}


def zipped(files: Mapping[str, bytes], first: Sequence[str]) -> bytes:
    """A zip file with these files: those named first at its beginning, and the rest by name. No time and no owner is in it."""
    order = [*first, *sorted(set(files) - set(first))]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in order:
            entry = zipfile.ZipInfo(path, _NO_TIME)
            entry.compress_type = zipfile.ZIP_STORED if path.startswith("tile/") else zipfile.ZIP_DEFLATED
            entry.external_attr, entry.create_system = _READABLE, _UNIX
            archive.writestr(entry, files[path], compresslevel=_LEVEL)
    return target.getvalue()

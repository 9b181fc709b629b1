"""What lies where in a pack, and its files as one zip file: the same files give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import IO

from lifecycle.ledger.tiles import WIDTH, tile_path

#: Where what lies in a pack, and what it is: as README.txt tells it, and the page for whoever gets one.
CONTENTS = {
    "index.html, index.pdf": "what it says, for people",
    "verify.py": "verifies it",
    "pack.json, pack.sig": "every file by its SHA-256, signed by the key that signs the models",
    "checkpoint": "the root over all records of the ledger, signed",
    "tile/": "the hash of every record of the ledger (C2SP tlog-tiles): the root of any size follows from them",
    "leaves/": "records, each in its exact bytes; its hash is SHA-256 of a zero byte and these",
    "proven/": "files that a record names by their SHA-256",
    "anchors/": "what others said to have seen of the ledger: cosigned checkpoints, time stamps",
    "views/": "exports, card and clauses, made from the records for people and programs",
}
#: What a reader sees first.
FIRST = ("README.txt", "index.html", "verify.py", "pack.json", "pack.sig", "checkpoint")
#: The first moment that a zip file can say. What was packed when stands in the ledger.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_UNIX = 3
_LEVEL = 6


def verifier() -> bytes:
    """The program that verifies a pack: `lifecycle/evidence/verify.py` itself."""
    return resources.files("lifecycle.evidence").joinpath("verify.py").read_bytes()


def leaf_path(index: int, event_type: str) -> str:
    """Where a record lies: leaves/000012-DecisionMade.json."""
    return f"leaves/{index:06}-{event_type}.json"


def tile_files(hashes: Sequence[bytes]) -> dict[str, bytes]:
    """The leaf hashes as tiles of level 0 (C2SP tlog-tiles), from which every other level follows."""
    starts = range(0, len(hashes), WIDTH)
    tiles = ((number, hashes[start : start + WIDTH]) for number, start in enumerate(starts))
    return {f"tile/0/{tile_path(number, len(tile))}": b"".join(tile) for number, tile in tiles}


def zipped(files: Mapping[str, bytes | Callable[[], bytes]], first: Sequence[str]) -> bytes:
    """A zip file with these files, in memory; as `write_zip` writes it."""
    target = io.BytesIO()
    write_zip(target, files, first)
    return target.getvalue()


def write_zip(target: IO[bytes], files: Mapping[str, bytes | Callable[[], bytes]], first: Sequence[str]) -> None:
    """A zip file with these files: those named first at its beginning, and the rest by name. No time and no owner is in it.

    One file after the other: what is not bytes yet is read when its turn comes.
    """
    order = [*first, *sorted(set(files) - set(first))]
    with zipfile.ZipFile(target, "w") as archive:
        for path in order:
            entry = zipfile.ZipInfo(path, _NO_TIME)
            entry.compress_type = zipfile.ZIP_STORED if path.startswith("tile/") else zipfile.ZIP_DEFLATED
            entry.external_attr, entry.create_system = _READABLE, _UNIX
            content = files[path]
            archive.writestr(entry, content if isinstance(content, bytes) else content(), compresslevel=_LEVEL)

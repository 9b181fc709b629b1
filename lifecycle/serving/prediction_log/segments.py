"""Where the prediction log keeps a model's segments, and who still writes one.

A segment is one worker's rows of one model over a while. Beside its rows lies, under the same name, what was asked, which can be
erased without touching them. Whoever writes a segment holds the lock of its rows (flock) from the moment at which it can be
seen: a segment that nobody holds is over, whether it was closed or its writer was killed, and the gateway seals it.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lifecycle.records.record import Microseconds, Name

ROWS, VALUES, LABELS, SEALS = "rows", "values", "labels", "seals"
#: A file that was closed longer than this before a moment can hold nothing of it: clocks and disks are not exact.
SLACK_US = 60_000_000
SUFFIX = ".jsonl"
_SEGMENT = re.compile(r"(?P<opened_us>[0-9]{17})-[0-9]+-[0-9]+\.jsonl")
_SEAL = re.compile(r"(?P<number>[0-9]{9,})\.(?P<segment>.+)\.json")


class SealName(NamedTuple):
    """What the name of a seal says: its place in the stream, and the segment that it is of."""

    number: int
    segment: str


@dataclass(frozen=True)
class ModelLog:
    """The segments of one model: `folder` is that of the model below `predictions`."""

    folder: Path

    @property
    def model(self) -> Name:
        return self.folder.name

    def rows(self, segment: str) -> Path:
        return self.folder / ROWS / segment

    def values(self, segment: str) -> Path:
        """What was asked of the rows of a segment. Not there where its rows were written before the two had one name."""
        return self.folder / VALUES / segment

    def files(self, kind: str) -> tuple[Path, ...]:
        """The files of one kind, the oldest first."""
        return tuple(sorted((self.folder / kind).glob(f"*{SUFFIX}")))

    def segments(self) -> frozenset[str]:
        """The names of all segments that have rows."""
        try:
            return frozenset(path.name for path in (self.folder / ROWS).iterdir() if path.suffix == SUFFIX)
        except FileNotFoundError:
            return frozenset()

    def seals(self) -> tuple[SealName, ...]:
        """The seals that lie beside the segments, in the order of their numbers."""
        try:
            found = [_SEAL.fullmatch(path.name) for path in (self.folder / SEALS).iterdir()]
        except FileNotFoundError:
            return ()
        return tuple(sorted(SealName(int(seal["number"]), seal["segment"]) for seal in found if seal is not None))

    def seal(self, number: int, segment: str) -> Path:
        """The file of a seal."""
        return self.folder / SEALS / f"{number:09d}.{segment}.json"

    def is_written(self, segment: str) -> bool:
        """Whether its writer lives. What has gone is not written."""
        try:
            with held(self.rows(segment)):
                return False
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False


def model_logs(folder: Path) -> tuple[ModelLog, ...]:
    """The models that have segments, or had them."""
    return tuple(ModelLog(path) for path in sorted(folder.glob("*")) if path.is_dir())


def opened_us(segment: Path) -> int | None:
    """When a segment was begun, as its name says; None where the name is not one of ours."""
    found = _SEGMENT.fullmatch(segment.name)
    return None if found is None else int(found["opened_us"])


def may_hold_since(file: Path, since_us: Microseconds) -> bool:
    """Whether a file can hold something of this time or later. Raises FileNotFoundError."""
    return file.stat().st_mtime_ns // 1_000 >= since_us - SLACK_US


def create_held(path: Path) -> int:
    """A new file to append to, whose lock is held before anybody sees it: the descriptor holds it until it is closed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    beside.rename(path)
    return descriptor


@contextmanager
def held(path: Path) -> Iterator[int]:
    """A block in which nobody else holds this file; gives its descriptor. Raises BlockingIOError where somebody does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)

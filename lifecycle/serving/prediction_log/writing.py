"""The prediction log, to write: each row is in its file before the answer leaves.

One `write()` puts a row into the operating system's hands, so that killing the process loses none; where a power cut must lose none
either, the answer waits for fsyncs that it shares with others (`group_commit`). A worker writes segments of its own. What was
asked, and the id that the caller gave to it, lie apart from the row, under a salt, and can be erased without touching it: the row
has the commitment. Labels that arrive later lie in segments as well; the last one of a prediction counts.

A segment of rows is over when it is large, long or old enough; then its lock goes, and the supervisor seals it.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.serving.prediction_log.group_commit import GroupCommit
from lifecycle.serving.prediction_log.lines import committed_line, line_of
from lifecycle.serving.prediction_log.segments import LABELS, ROWS, SUFFIX, VALUES, create_held

#: A segment that has grown past this is closed and another is begun.
SEGMENT_BYTES = 64 << 20
#: So many rows at most: a proof of one is then 20 hashes at most.
SEGMENT_ROWS = 1_000_000
#: How long a segment takes rows before it is closed, unless the gateway is told otherwise.
SEGMENT_SECONDS = 60.0


class Lines(NamedTuple):
    """Rows, and what was asked of each, as they are written."""

    rows: list[bytes]
    values: list[bytes]

    @classmethod
    def joined(cls, parts: Iterable[Lines]) -> Lines:
        """All of these, in their order."""
        joined = cls([], [])
        for part in parts:
            joined.rows.extend(part.rows)
            joined.values.extend(part.values)
        return joined


def prepared(rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> Lines:
    """The lines of rows (`records.prediction.Prediction` but for the commitment) and, apart from them, of what was asked of each.

    `asked` is `{"request_id", "values"}` per row, and `subject` where the caller said whom it is about; `rows` are taken over.
    """
    kept = []
    for row, said in zip(rows, asked, strict=True):
        row["input_commitment"], line = committed_line(row["id"], said)
        kept.append(line)
    return Lines([line_of(row) for row in rows], kept)


class Appended:
    """One append-only file of lines. A line is in it whole, or not at all."""

    def __init__(self, path: Path) -> None:
        self._descriptor = create_held(path)
        self.size = 0

    def append(self, lines: bytes) -> None:
        """Raises OSError where they don't fit; then the file ends where it ended before."""
        written = os.write(self._descriptor, lines)
        if written != len(lines):
            os.ftruncate(self._descriptor, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def cut(self, size: int) -> None:
        """Takes back what was appended past this size."""
        os.ftruncate(self._descriptor, size)
        self.size = size

    def sync(self) -> None:
        """Makes what was appended durable. Raises OSError."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class OpenSegment:
    """Rows, and what was asked of each, in two files of one name."""

    def __init__(self, folder: Path, name: str) -> None:
        self._values = Appended(folder / VALUES / name)
        try:
            self._rows = Appended(folder / ROWS / name)
        except OSError:
            self._values.close()
            raise
        self._folder = folder
        self._opened = time.monotonic()
        self._length = 0
        self._is_named = False
        self._commits = GroupCommit(self._values.sync, self._sync_rows)

    def takes(self, rows: int) -> bool:
        """Whether so many rows more still belong into it."""
        return self._rows.size < SEGMENT_BYTES and self._length + rows <= SEGMENT_ROWS

    def is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._opened >= seconds

    def append(self, lines: Lines) -> None:
        """Appends lines. What was asked goes first: a row without it would look like an erasure. Raises OSError like `Appended`."""
        before = self._values.size
        self._values.append(b"".join(lines.values))
        try:
            self._rows.append(b"".join(lines.rows))
        except OSError:
            self._values.cut(before)
            raise
        self._length += len(lines.rows)

    async def durable(self) -> None:
        """Returns once everything that was appended is on the disk. Raises OSError where it may not be."""
        await self._commits.wait()

    def close(self) -> None:
        """Takes no more. Its files are let go of, and with them its lock, once nobody waits for the disk."""
        self._commits.when_idle(self._let_go)

    def _sync_rows(self) -> None:
        self._rows.sync()
        if not self._is_named:
            for folder in (self._folder / VALUES, self._folder / ROWS, self._folder, self._folder.parent):
                durable.sync_folder(folder)
            self._is_named = True

    def _let_go(self) -> None:
        self._values.close()
        self._rows.close()


class PredictionWriter:
    """One worker's part of the log."""

    def __init__(self, folder: Path, worker: int, segment_seconds: float = SEGMENT_SECONDS) -> None:
        self._folder = folder
        self._worker = worker
        self._segment_seconds = segment_seconds
        self._segments: dict[str, OpenSegment] = {}
        self._labels: dict[str, Appended] = {}
        self._last_us = 0

    def append(self, model: str, rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        """Writes rows and what was asked of each, as `prepared` takes them. Raises Unavailable where the disk takes no more."""
        self.add(model, prepared(rows, asked))

    def add(self, model: str, lines: Lines) -> OpenSegment:
        """The same with lines that are prepared; returns where they are now."""
        try:
            segment = self._segment(model, len(lines.rows))
            segment.append(lines)
        except OSError as error:
            raise _unwritable(error) from error
        return segment

    async def append_durably(self, model: str, rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        """Writes like `append`, and returns once it is on the disk. Raises Unavailable where it may not be: then nobody may be answered."""
        segment = self.add(model, prepared(rows, asked))
        try:
            await segment.durable()
        except OSError as error:
            # What a failed fsync left behind nobody can tell, and a second one would say that all is well: no row more goes there.
            if self._segments.get(model) is segment:
                self._segments.pop(model).close()
            raise _unwritable(error) from error

    def label(self, model: str, prediction_id: str, label: str, at_us: int, sent_by: Mapping[str, str] | None = None) -> None:
        """Writes what turned out to be true of a prediction. Raises Unavailable like `append`.

        `sent_by`: by which grant (`grant_id`), and whose prediction it must be (`asked_by`: a principal), else it counts for nothing.
        """
        line = line_of({"id": prediction_id, "label": label, "at_us": at_us, **(sent_by or {})})
        try:
            labels = self._labels.get(model)
            if labels is None or labels.size >= SEGMENT_BYTES:
                if labels is not None:
                    labels.close()
                labels = self._labels[model] = Appended(self._folder / model / LABELS / self._new_name())
            labels.append(line)
        except OSError as error:
            raise _unwritable(error) from error

    def close_old(self) -> None:
        """Closes the segments that have taken rows for long enough, so that they can be sealed. Each has at least one row."""
        for model in [model for model, segment in self._segments.items() if segment.is_older_than(self._segment_seconds)]:
            self._segments.pop(model).close()

    def close(self) -> None:
        for segment in self._segments.values():
            segment.close()
        for labels in self._labels.values():
            labels.close()
        self._segments.clear()
        self._labels.clear()

    def _segment(self, model: str, rows: int) -> OpenSegment:
        segment = self._segments.get(model)
        if segment is not None and segment.takes(rows):
            return segment
        if segment is not None:
            segment.close()
        segment = self._segments[model] = OpenSegment(self._folder / model, self._new_name())
        return segment

    def _new_name(self) -> str:
        """A name that no other file has: it sorts by time, and two of one thread never have one microsecond."""
        self._last_us = max(time.time_ns() // 1_000, self._last_us + 1)
        return f"{self._last_us:017d}-{self._worker}-{threading.get_native_id()}{SUFFIX}"


def _unwritable(error: OSError) -> Unavailable:
    return Unavailable(
        f"The prediction log can't be written: {error.strerror}.", "Free space on its disk; nothing is answered that is not logged."
    )

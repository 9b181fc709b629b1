"""The prediction log, to write: each row is in its file before the answer leaves.

One `write()` puts a row into the operating system's hands, so that killing the process loses none. A worker writes
segments of its own. What was asked, and the id that the caller gave to it, lie apart from the row, under a salt, and can be
erased without touching it: the row has the commitment. Labels that arrive later lie in segments as well; the last one of a
prediction counts.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.records.identity import commit
from lifecycle.serving.protocol import as_bytes

#: A segment that has grown past this is closed and another is begun.
SEGMENT_BYTES = 64 << 20
ROWS, VALUES, LABELS = "rows", "values", "labels"


class Segment:
    """One append-only file of lines. A line is in it whole, or not at all."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0

    def append(self, lines: bytes) -> None:
        """Raises OSError where they don't fit; then the file ends where it ended before."""
        written = os.write(self._descriptor, lines)
        if written != len(lines):
            os.ftruncate(self._descriptor, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def close(self) -> None:
        os.close(self._descriptor)


class PredictionWriter:
    """One worker's part of the log."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker
        self._segments: dict[tuple[str, str], Segment] = {}

    def append(self, model: str, rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        """Writes rows (`records.prediction.Prediction` but for the commitment) and, apart from them, what was asked of each.

        `asked` is `{"request_id", "values"}` per row. It goes first: a row without it would look like an erasure. Raises
        Unavailable where the disk takes no more.
        """
        kept = []
        for row, said in zip(rows, asked, strict=True):
            commitment, opening = commit(said)
            row["input_commitment"] = commitment.digest
            kept.append({"id": row["id"], "salt": opening.salt_hex, **said})
        self._write(model, VALUES, kept)
        self._write(model, ROWS, rows)

    def label(self, model: str, prediction_id: str, label: str, at_us: int) -> None:
        """Writes what turned out to be true of a prediction. Raises Unavailable like `append`."""
        self._write(model, LABELS, [{"id": prediction_id, "label": label, "at_us": at_us}])

    def close(self) -> None:
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def _write(self, model: str, kind: str, lines: list[dict[str, Any]]) -> None:
        try:
            self._segment(model, kind).append(b"".join(as_bytes(line) + b"\n" for line in lines))
        except OSError as error:
            raise Unavailable(
                f"The prediction log can't be written: {error.strerror}.", "Free space on its disk; nothing is answered that is not logged."
            ) from error

    def _segment(self, model: str, kind: str) -> Segment:
        segment = self._segments.get((model, kind))
        if segment is not None and segment.size < SEGMENT_BYTES:
            return segment
        if segment is not None:
            segment.close()
        name = f"{time.time_ns() // 1_000:017d}-{self._worker}-{os.getpid()}.jsonl"
        segment = self._segments[model, kind] = Segment(self._folder / model / kind / name)
        return segment

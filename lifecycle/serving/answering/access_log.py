"""The access log, where it is asked for: one JSON line for each answered request, and no secret in any.

A worker writes files of its own; one that is large is over, and another is begun. They are nobody's evidence (that is the prediction
log): whoever runs the gateway takes them away. A disk that is full changes no answer.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.serving.answering.onlookers import Seen
from lifecycle.serving.answering.protocol import as_bytes
from lifecycle.serving.prediction_log.segments import SUFFIX
from lifecycle.serving.prediction_log.writing import Appended

_LOG = logging.getLogger(__name__)
FILE_BYTES = 64 << 20


class AccessLog:
    """One worker's."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker
        self._file: Appended | None = None
        #: Lines that no disk took.
        self.lost = 0

    def saw(self, seen: Seen) -> None:
        """Writes a line. What can't be written is counted, and said once."""
        place = seen.place
        line = {
            "at_us": seen.at_us,
            "worker": self._worker,
            "method": seen.method,
            "resource": None if place is None else place.resource,
            "model": place.model if place is not None and place.model else None,
            "version": None if place is None else place.version,
            "status": seen.status,
            "duration_us": seen.duration_us,
            "answer_bytes": seen.answer_bytes,
            "grant_id": seen.grant_id,
        }
        try:
            if self._file is not None and self._file.size >= FILE_BYTES:
                self._file.close()
                self._file = None
            if self._file is None:
                self._file = Appended(self._folder / f"{time.time_ns() // 1_000:017d}-{self._worker}-{os.getpid()}{SUFFIX}")
            self._file.append(as_bytes(line) + b"\n")
        except (OSError, Unavailable) as error:
            if not self.lost:
                _LOG.error("the access log can't be written: %s", error)
            self.lost += 1

    def close(self) -> None:
        """Ends its file."""
        if self._file is not None:
            self._file.close()
            self._file = None

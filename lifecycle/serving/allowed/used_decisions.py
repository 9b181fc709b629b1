"""The decisions that have allowed a rollout: each allows one, for ever.

A file of its own that only grows, beside the journal: whoever moves a broken journal away must not bring back to life
what its rollouts had used up.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.records.record import Id

_LOG = logging.getLogger(__name__)


class UsedDecisions:
    """The ids in one file, and those that the journal knows of. Raises Unavailable where the file can't be read."""

    def __init__(self, path: Path, in_journal: Iterable[Id]) -> None:
        self._path = path
        try:
            self._ids = set(path.read_text("ascii", "replace").split()) if path.exists() else set()
        except OSError as error:
            raise Unavailable(f"{path} can't be read: {error.strerror}.", "Give read access to it.") from error
        for decision_id in in_journal:
            try:
                self.add(decision_id)
            except Unavailable as error:
                _LOG.warning("%s", error.what)
                self._ids.add(decision_id)

    def __contains__(self, decision_id: Id) -> bool:
        return decision_id in self._ids

    def add(self, decision_id: Id) -> None:
        """Uses a decision up, durably. Raises Unavailable where the disk does not take it."""
        if decision_id in self._ids:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # A line of its own, whatever a crash has left of the one before.
                line = f"\n{decision_id}\n".encode()
                if os.write(descriptor, line) != len(line):
                    raise OSError(28, "No space left on device")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable(f"{self._path} can't be written: {error.strerror}.", "Free space on its disk.") from error
        self._ids.add(decision_id)

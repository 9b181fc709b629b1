"""What a witness remembers: the last ledger checkpoint that it cosigned of each log, on the disk before anybody sees the cosignature."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint


class WitnessMemory:
    """One file a log, in a folder that only this witness writes. Not for several threads at once: the caller takes turns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def latest(self, origin: str) -> Checkpoint:
        """The largest tree that was cosigned; the empty one where none was.

        Raises Tampered where it can't be read: a witness that has forgotten must not start anew.
        """
        note = self.note(origin_hash(origin))
        if note is None:
            return Checkpoint(origin, 0, EMPTY_ROOT)
        try:
            remembered = Checkpoint.parse(note)
        except LifecycleError as error:
            raise _forgotten(origin) from error
        if remembered.origin != origin:
            raise _forgotten(origin)
        return remembered

    def note(self, hashed_origin: str) -> str | None:
        """The cosigned note of a log, by the hash of its origin; None where none was cosigned."""
        try:
            return self._file(hashed_origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeError) as error:
            raise _forgotten(hashed_origin) from error

    def keep(self, origin: str, note: str) -> None:
        """Replaces what is remembered, in one step that survives a crash. Raises Unavailable where it can't be written."""
        file = self._file(origin_hash(origin))
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            durable.replace(file, note.encode(), mode=0o644)
        except OSError as error:
            raise Unavailable(f"{file} can't be written: {error.strerror}.", "Give the witness write access, and free space.") from error

    def _file(self, hashed_origin: str) -> Path:
        return self._folder / f"{hashed_origin}.note"


def origin_hash(origin: str) -> str:
    """How a log is named in addresses and files: the SHA-256 of its origin, in hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _forgotten(what: str) -> Tampered:
    return Tampered(f"What this witness remembers of {what} can't be read.", "Restore its folder from a backup; do not delete it.")

"""A folder as an anchor: a mounted share, a write-once medium, a synchronised folder of somebody else's.

Worth what its owner is worth: a folder that the ledger's operator can rewrite holds nothing against them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from lifecycle import durable
from lifecycle.anchors.anchor import Seen, Submission, require_continued
from lifecycle.anchors.shelf import log_folder, note_name, size_in
from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.proofs.notes import Checkpoint


@dataclass(frozen=True)
class FolderAnchor:
    """Keeps every note that it is given, each in a file that is never written again."""

    name: str
    path: Path
    kind: ClassVar[Literal["folder"]] = "folder"

    def take(self, submission: Submission) -> Seen:
        """Lays the note down. The time is this machine's: a folder has no clock."""
        checkpoint = submission.checkpoint
        file = self.path / log_folder(checkpoint.origin) / note_name(checkpoint)
        try:
            held = self.latest(checkpoint.origin)
            if held is not None:
                require_continued(held, submission, self.name)
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                _write_once(file, submission.note)
        except OSError as error:
            raise Unavailable(
                f"The folder {self.path} of the anchor {self.name} can't be written: {error.strerror}.", "Mount it, or give write access."
            ) from error
        return Seen(time.time_ns() // 1_000, str(file).encode())

    def notes(self, origin: str) -> list[str]:
        """The notes of a log that lie here, the smallest first; whoever verifies holds the ledger against them."""
        folder = self.path / log_folder(origin)
        try:
            return [file.read_text(encoding="utf-8") for file in sorted(folder.iterdir()) if size_in(file.name) is not None]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, UnicodeError) as error:
            raise Unavailable(
                f"The folder {folder} of the anchor {self.name} can't be read: {error}.", "Mount it, or give access."
            ) from error

    def latest(self, origin: str) -> Checkpoint | None:
        """The largest that lies here. Raises Tampered where it is no note."""
        notes = self.notes(origin)
        try:
            return Checkpoint.parse(notes[-1]) if notes else None
        except LifecycleError as error:
            raise Tampered(f"The anchor {self.name} holds something that is no note.", "Find out who changed that folder.") from error


def _write_once(file: Path, note: str) -> None:
    try:
        durable.create_once(file, note.encode(), mode=0o644)
    except FileExistsError:
        if file.read_text(encoding="utf-8") != note:
            raise

"""How notes are laid down where people look for them: one file for each size, in a folder for each log."""

from __future__ import annotations

import re
from urllib.parse import quote

from lifecycle.proofs.notes import Checkpoint

_NOTE_FILE = re.compile(r"(\d{12,})\.note")


def log_folder(origin: str) -> str:
    """The name of a log's folder: its origin, with what a file system does not take written as in a URL."""
    return quote(origin, safe="")


def note_name(checkpoint: Checkpoint) -> str:
    """Twelve digits of the size, so that the names sort as the ledger grew."""
    return f"{checkpoint.size:012d}.note"


def size_in(name: str) -> int | None:
    """The size that a file's name says, None for any other file."""
    found = _NOTE_FILE.fullmatch(name)
    return int(found[1]) if found else None

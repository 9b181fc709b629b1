"""Files that are there whole or not at all, whenever the power fails: the one place that knows how.

A file is written beside its place and synced, takes its name in one step, and then the folder is synced: a rename that is only in
the cache is undone by a crash. Whatever the disk says leaves as OSError; a caller says in its own words what could not be kept.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: What the files end with that are not whole yet.
UNFINISHED = ".part"


def replace(file: Path, content: bytes | Iterable[bytes], *, mode: int = 0o600) -> None:
    """Gives a file this content: after a crash it has what it had, or this, and has this once the call returned."""
    with _written_beside(file, content, mode) as part:
        part.replace(file)


def create_once(file: Path, content: bytes | Iterable[bytes], *, mode: int = 0o600) -> None:
    """Makes a file that is never written again. Raises FileExistsError where there is one, whoever was a moment faster."""
    with _written_beside(file, content, mode) as part:
        # Unlike a rename, a link never takes the place of what is there.
        file.hardlink_to(part)


def sweep(file: Path) -> None:
    """Removes what killed writers of a file have left beside it. Only for who is alone in writing it."""
    for left in file.parent.glob(f".{file.name}.*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def sync_file(file: Path) -> None:
    """Makes the content of a file durable that somebody else wrote."""
    _sync(file, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable: what was renamed or removed stays so after a crash."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Held by one process at a time, or by several that share it; a file is made if need be, a folder must stand.

    The lock ends with its process, however that ends. Raises BlockingIOError where somebody has it and `wait` is false.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR | os.O_CREAT
    handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


@contextmanager
def _written_beside(file: Path, content: bytes | Iterable[bytes], mode: int) -> Iterator[Path]:
    """The content in a file of its own, on the disk, to be given its name; nothing is left of it, and the folder is synced."""
    part = file.with_name(f".{file.name}.{os.urandom(8).hex()}{UNFINISHED}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as written:
            for chunk in (content,) if isinstance(content, bytes) else content:
                written.write(chunk)
            written.flush()
            os.fchmod(written.fileno(), mode)
            os.fsync(written.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)
    sync_folder(file.parent)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

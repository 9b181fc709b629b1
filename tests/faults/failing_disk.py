"""A disk that fails: every write, sync, truncation and deletion that SQLite asks of it goes through here first.

SQLite reaches its files through a table of functions (`sqlite3_vfs`, and `sqlite3_io_methods` for each open file). Here the functions that
change a file are replaced by ours, in this process only, with ctypes: no privilege, no compiler and no other file system is needed.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, cast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.conftest import skip_or_fail

#: What happens at the chosen moment: the process is killed before it, in the middle of it, or with some of what was not synced yet
#: lost, as when the power goes; or the operation is refused.
Manner = Literal["killed before", "killed within", "power lost", "full", "broken"]
KILLS: tuple[Manner, ...] = ("killed before", "killed within", "power lost")
REFUSALS: tuple[Manner, ...] = ("full", "broken")

_OK, _FULL = 0, 13
_OPEN_READONLY, _OPEN_READWRITE, _OPEN_CREATE, _MAIN_DATABASE = 0x1, 0x2, 0x4, 0x100
_IO_ERROR = {"write": 10 | 3 << 8, "sync": 10 | 4 << 8, "truncate": 10 | 6 << 8, "delete": 10 | 10 << 8}

# A name goes through as the pointer that it is: SQLite keeps it, and reads on behind its end.
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_READ = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """`sqlite3_vfs` (sqlite.org/c3ref/vfs.html), as far as it is needed."""

    _fields_ = (
        *(
            ("iVersion", c_int),
            ("szOsFile", c_int),
            ("mxPathname", c_int),
            ("pNext", c_void_p),
            ("zName", c_char_p),
            ("pAppData", c_void_p),
        ),
        *(("xOpen", _OPEN), ("xDelete", _DELETE)),
    )


class _Methods(Structure):
    """`sqlite3_io_methods` (sqlite.org/c3ref/io_methods.html)."""

    _fields_ = (
        *(("iVersion", c_int), ("xClose", c_void_p), ("xRead", _READ), ("xWrite", _WRITE), ("xTruncate", _TRUNCATE), ("xSync", _SYNC)),
        *((name, c_void_p) for name in ("xFileSize", "xLock", "xUnlock", "xCheckReservedLock", "xFileControl", "xSectorSize")),
        *((name, c_void_p) for name in ("xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap", "xFetch", "xUnfetch")),
    )


class _File(Structure):
    """`sqlite3_file`: an open file begins with a pointer to its functions."""

    _fields_ = (("pMethods", POINTER(_Methods)),)


@dataclass
class Disk:
    """Counts what is asked of it, and fails at the moment that it was told, counted from 0; never, where that is None."""

    at: int | None = None
    manner: Manner = "killed before"
    #: What can be opened for reading only: the database's own file, or every file there is or would be.
    closed: Literal["file", "medium"] | None = None
    asked: list[str] = field(default_factory=list)
    #: By file: (offset, what stood there) of each write that was not synced yet.
    _unsynced: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)

    def refusal(self, operation: str, half: Callable[[], object] = lambda: None) -> int:
        """The error that SQLite gets for this operation, 0 for none; this process may end here."""
        moment = len(self.asked)
        self.asked.append(operation)
        if self.at is None or moment != self.at:
            return _OK
        if self.manner == "full":
            return _FULL
        if self.manner == "broken":
            return _IO_ERROR[operation]
        if self.manner == "killed within":
            half()
        elif self.manner == "power lost":
            self._lose()
        os.kill(os.getpid(), signal.SIGKILL)
        return _OK

    def remember(self, path: str, offset: int, length: int) -> None:
        """Takes down what a write is about to change."""
        with Path(path).open("rb") as file:
            file.seek(offset)
            # Space that a file never got reads as zeros.
            before = file.read(length).ljust(length, b"\x00")
        self._unsynced.setdefault(path, []).append((offset, before))

    def synced(self, path: str) -> None:
        self._unsynced.pop(path, None)

    def _lose(self) -> None:
        """Undoes some of the writes that were never synced: a disk may have kept any of them, in any order."""
        chance = random.Random(self.at)
        for path, writes in self._unsynced.items():
            with Path(path).open("r+b") as file:
                for offset, before in reversed(writes):
                    if chance.random() < 0.5:
                        file.seek(offset)
                        file.write(before)


@contextmanager
def failing(disk: Disk) -> Iterator[None]:
    """A block in which every file that SQLite opens lies on this disk."""
    vfs = _default_vfs().contents
    real_open, real_delete = _OPEN.from_buffer_copy(vfs.xOpen), _DELETE.from_buffer_copy(vfs.xDelete)
    paths: dict[int, str] = {}
    patched: dict[int, _Methods] = {}

    def opened(this: Any, name: int | None, file: int, flags: int, out: Any) -> int:
        if disk.closed == "medium" or (disk.closed == "file" and flags & _MAIN_DATABASE):
            flags = flags & ~(_OPEN_READWRITE | _OPEN_CREATE) | _OPEN_READONLY
        result = int(real_open(this, name, file, flags, out))
        handle = cast(file, POINTER(_File)).contents
        if result == _OK and handle.pMethods and name:
            paths[file] = os.fsdecode(ctypes.string_at(name))
            address = ctypes.addressof(handle.pMethods.contents)
            if address not in patched:
                patched[address] = _patched(handle.pMethods.contents, disk, paths)
            handle.pMethods = ctypes.pointer(patched[address])
        return result

    def deleted(this: Any, name: bytes, sync: int) -> int:
        return disk.refusal("delete") or int(real_delete(this, name, sync))

    vfs.xOpen, vfs.xDelete = _OPEN(opened), _DELETE(deleted)
    try:
        yield
    finally:
        vfs.xOpen, vfs.xDelete = real_open, real_delete


def _patched(real: _Methods, disk: Disk, paths: dict[int, str]) -> _Methods:
    """A copy of a file's functions in which those that change it ask the disk first."""
    methods = _Methods.from_buffer_copy(real)
    write, truncate, sync = (
        type_.from_buffer_copy(of) for type_, of in ((_WRITE, real.xWrite), (_TRUNCATE, real.xTruncate), (_SYNC, real.xSync))
    )

    def written(file: int, content: int, length: int, offset: int) -> int:
        refused = disk.refusal("write", half=lambda: write(file, content, length // 2, offset))
        if not refused:
            disk.remember(paths[file], offset, length)
        return refused or int(write(file, content, length, offset))

    def truncated(file: int, size: int) -> int:
        return disk.refusal("truncate") or int(truncate(file, size))

    def synced(file: int, flags: int) -> int:
        refused = disk.refusal("sync")
        if not refused:
            disk.synced(paths[file])
        return refused or int(sync(file, flags))

    methods.xWrite, methods.xTruncate, methods.xSync = _WRITE(written), _TRUNCATE(truncated), _SYNC(synced)
    return methods


def _default_vfs() -> Any:
    """The table of functions that SQLite opens files with in this process."""
    sqlite3.connect(":memory:").close()
    maps = Path("/proc/self/maps")
    lines = maps.read_text(encoding="utf-8").splitlines() if maps.exists() else []
    loaded = {line.split()[-1] for line in lines if "libsqlite3" in line}
    if not loaded:
        skip_or_fail("SQLite is built into this Python, or this is no Linux: nothing can stand between it and its disk")
    library = ctypes.CDLL(min(loaded))
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    return library.sqlite3_vfs_find(None)

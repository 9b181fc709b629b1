"""Where a store keeps its bytes: a folder, with files that survive a crash, or whatever else fsspec reaches.

Both give the same promise: after `write` the object is there whole; before, it is not there at all.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from lifecycle import durable
from lifecycle.errors import LifecycleError, Unavailable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class Backend(Protocol):
    """Objects by key (a relative path with `/`). Raises FileNotFoundError for an absent key, Unavailable for the rest."""

    def exists(self, key: str) -> bool: ...

    def open(self, key: str) -> IO[bytes]: ...

    def write(self, key: str, chunks: Iterable[bytes]) -> None: ...

    def remove(self, key: str) -> None:
        """Takes the object away for good, with what unfinished writes of it left; nothing happens where there is none."""

    def local(self, key: str) -> Path | None:
        """The object as a file of this machine, where it is one already."""


class FolderBackend:
    """A folder of this machine. Written beside, synced, renamed; the folder's entry is synced last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self, key: str) -> bool:
        return (self.folder / key).is_file()

    def open(self, key: str) -> IO[bytes]:
        with answering(str(self.folder)):
            return (self.folder / key).open("rb")

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        with answering(str(self.folder)):
            write_atomically(self.folder / key, chunks)

    def remove(self, key: str) -> None:
        path = self.folder / key
        with answering(str(self.folder)):
            if not path.parent.is_dir():
                return
            for left in (path, *path.parent.glob(f".{path.name}.*")):
                left.unlink(missing_ok=True)
            durable.sync_folder(path.parent)

    def local(self, key: str) -> Path | None:
        return self.folder / key


class RemoteBackend:
    """An object store through fsspec, where a finished upload is what makes an object appear."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        with answering(url):
            found: tuple[AbstractFileSystem, str] = url_to_fs(url)
        self.url, (self.filesystem, self.root) = url, found

    def exists(self, key: str) -> bool:
        with answering(self.url):
            return bool(self.filesystem.exists(self._path(key)))

    def open(self, key: str) -> IO[bytes]:
        with answering(self.url):
            stream: IO[bytes] = self.filesystem.open(self._path(key), "rb")
        return stream

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        with answering(self.url):
            self.filesystem.pipe_file(self._path(key), b"".join(chunks))

    def remove(self, key: str) -> None:
        with answering(self.url):
            if self.filesystem.exists(self._path(key)):
                self.filesystem.rm_file(self._path(key))

    def local(self, key: str) -> Path | None:
        return None

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"


def write_atomically(path: Path, chunks: Iterable[bytes], mode: int = 0o444, *, overwrite: bool = True) -> None:
    """Makes the file appear whole, on the disk and not only in its cache, or not at all. Read-only unless told otherwise.

    Without `overwrite`, raises FileExistsError where there is one already, whoever was a moment faster.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    (durable.replace if overwrite else durable.create_once)(path, chunks, mode=mode)


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Turns every trouble of a file system or of a vendor's client into Unavailable, but for an object that is absent."""
    try:
        yield
    except (LifecycleError, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(f"There is no space left at {where}; nothing was stored.", "Make room there and run it again.") from error
        raise Unavailable(
            f"The artifact store at {where} does not answer: {error.strerror or error}.",
            "Give yourself access to it, or name another one in LIFECYCLE_ARTIFACTS_URL.",
        ) from error
    except Exception as error:  # Each object store's client has exceptions of its own, and none may cross this line.
        raise Unavailable(
            f"The artifact store at {where} does not answer: {type(error).__name__}.", "Check its address and your credentials."
        ) from error

"""ArtifactStore: bytes under their SHA-256. What comes out is what the digest says, or an error.

An artifact lies at `sha256/ab/cd/abcd…` below the store's URL. It appears there whole or not at all, is never
changed, and is hashed again whenever it is read: who can write to the store can delete from it, but not lie. What holds
personal values can be erased.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from lifecycle.artifacts.backends import Backend, FolderBackend, RemoteBackend, answering, write_atomically
from lifecycle.errors import MalformedRecord, Tampered, UnknownName
from lifecycle.records.record import Digest, digest_of

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK = 1 << 20


class ArtifactStore:
    """A content-addressed store at an fsspec URL (a path or `file:` for a folder). Safe for many processes at once.

    `cache` holds local copies of what a remote store served; it is no evidence, and a copy that went bad is fetched again.
    """

    def __init__(self, url: str, cache: Path) -> None:
        self.url = url
        self._cache = FolderBackend(cache)
        self._backend = _backend(url)

    def put(self, content: bytes) -> Digest:
        """Stores the bytes and returns their digest; does nothing where they stand already.

        Raises Unavailable where the store can't be written, Tampered where other bytes stand under this digest.
        """
        digest = digest_of(content)
        key = _key(digest)
        if self._backend.exists(key):
            self._check(digest)
        else:
            self._backend.write(key, (content,))
        return digest

    def put_file(self, path: Path) -> Digest:
        """Stores a file (in a folder without holding it in memory); hashes it first and again where it then lies."""
        with answering(str(path)), path.open("rb") as stream:
            digest = _digest_of_stream(stream)
            key = _key(digest)
            if not self._backend.exists(key):
                stream.seek(0)
                self._backend.write(key, _chunks(stream))
        self._check(digest)
        return digest

    def has(self, digest: Digest) -> bool:
        """Whether bytes stand under this digest; only reading says whether they are the right ones."""
        return self._backend.exists(_key(digest))

    def read(self, digest: Digest) -> bytes:
        """The bytes of this digest. Raises UnknownName where there are none, Tampered where they are others."""
        with self._open(digest) as stream, answering(self.url):
            content = stream.read()
        if digest_of(content) != digest:
            raise self._tampered(digest)
        return content

    def fetch(self, digest: Digest) -> Path:
        """A local, read-only file with the bytes of this digest, hashed just now. Raises as `read` does.

        For what must not change between the check and its use, `read` the bytes instead.
        """
        key = _key(digest)
        local = self._backend.local(key)
        if local is not None:
            self._check(digest)
            return local
        cached = self._cache.folder / key
        if not (cached.is_file() and _digest_of_file(cached) == digest):
            content = self.read(digest)
            with answering(str(self._cache.folder)):
                write_atomically(cached, (content,))
        return cached

    def erase(self, digest: Digest) -> None:
        """Takes an artifact out of the store and out of the cache, for good; nothing happens where there is none.

        Only for what an erasure was recorded of: everybody else who reads this digest will miss it. A store that keeps
        versions of its objects keeps the old one until they expire there.
        """
        key = _key(digest)
        self._backend.remove(key)
        self._cache.remove(key)

    def files(self) -> Iterator[Path]:
        """Every file of the store and its cache that lies on this machine, what unfinished writes left (`.name.…`) included."""
        for folder in (self._backend.folder if isinstance(self._backend, FolderBackend) else None, self._cache.folder):
            if folder is not None:
                yield from (path for path in sorted(folder.rglob("*")) if path.is_file())

    def _open(self, digest: Digest) -> IO[bytes]:
        try:
            return self._backend.open(_key(digest))
        except FileNotFoundError as error:
            raise UnknownName(
                f"There is no artifact {digest} at {self.url}.", "Restore it from a copy of the store, or make it again."
            ) from error

    def _check(self, digest: Digest) -> None:
        with closing(self._open(digest)) as stream, answering(self.url):
            found = _digest_of_stream(stream)
        if found != digest:
            raise self._tampered(digest)

    def _tampered(self, digest: Digest) -> Tampered:
        return Tampered(
            f"The bytes that the store {self.url} holds under {digest} are not those bytes.",
            f"Keep {_key(digest)} for whoever investigates, and restore the artifact from a copy of the store.",
        )


def _backend(url: str) -> Backend:
    if "://" not in url:
        return FolderBackend(Path(url).resolve())
    if url.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        return FolderBackend(Path(unquote(urlsplit(url).path)))
    return RemoteBackend(url)


def _key(digest: Digest) -> str:
    """Where an artifact lies. A digest becomes a path, so what is not a digest goes no further."""
    if not _DIGEST.fullmatch(digest):
        raise MalformedRecord(f"{digest!r} is not a digest.", "Write `sha256:` and 64 lower-case hex digits.")
    name = digest.removeprefix("sha256:")
    return f"sha256/{name[:2]}/{name[2:4]}/{name}"


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _digest_of_stream(stream: IO[bytes]) -> Digest:
    hashed = hashlib.sha256()
    for chunk in _chunks(stream):
        hashed.update(chunk)
    return "sha256:" + hashed.hexdigest()


def _digest_of_file(path: Path) -> Digest:
    with answering(str(path)), path.open("rb") as stream:
        return _digest_of_stream(stream)

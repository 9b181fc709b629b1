"""The key that a log signs its checkpoints with: two files in one folder.

`ledger.key` is read by the signer's process and by nothing else. `ledger.pub` is for everybody: whoever
verifies should have got it before, and not from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName
from lifecycle.proofs.notes import SigningKey, VerifierKey
from lifecycle.proofs.secret_keys import create_key_file, read_key_file

PRIVATE_FILE = "ledger.key"
PUBLIC_FILE = "ledger.pub"


def create_log_key(folder: Path, origin: str) -> VerifierKey:
    """A fresh key for the log of this origin, the private half readable by its owner only (0600).

    Raises InvalidDeclaration where the folder has one already: a key is never overwritten.
    """
    with _alone_in(folder):
        return _create(folder, origin)


def ensure_log_key(folder: Path, origin: str) -> VerifierKey:
    """The public half of the folder's log key, made first if need be.

    Raises InvalidDeclaration where the key is that of another log.
    """
    public = folder / PUBLIC_FILE
    if not public.exists():
        with _alone_in(folder):
            if not public.exists():
                return _create(folder, origin)
    key = read_log_key(folder)
    if key.name != origin:
        raise InvalidDeclaration(
            f"The key in {folder} is that of the log {key.name!r}, not of {origin!r}.",
            "Use the home of the environment that you mean; every log has a key of its own.",
        )
    return key


def has_log_key(folder: Path) -> bool:
    """Whether the public half of a log key lies there. Raises Unavailable where the folder can't be looked into."""
    try:
        return (folder / PUBLIC_FILE).exists()
    except OSError as error:
        raise Unavailable(f"The log key in {folder} can't be read: {error.strerror}.", "Give yourself read access to it.") from error


def read_log_key(folder: Path) -> VerifierKey:
    """The public half of the folder's log key. Raises UnknownName where there is none, Unavailable where it can't be read."""
    try:
        return VerifierKey.parse((folder / PUBLIC_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnknownName(
            f"There is no log key in {folder}.",
            "Put `ledger.pub` there, from where you keep the keys; a ledger that was never signed gets a key with its first signature.",
        ) from error
    except OSError as error:
        raise Unavailable(f"The log key in {folder} can't be read: {error.strerror}.", "Give yourself read access to it.") from error


def read_signing_key(file: Path) -> SigningKey:
    """The private half, for the signer's process. Raises as `proofs.secret_keys.read_key_file` does."""
    return read_key_file(file, SigningKey)


def create_signing_key(file: Path, origin: str) -> SigningKey:
    """A fresh key in a file of its own. Raises as `proofs.secret_keys.create_key_file` does."""
    key = SigningKey.generate(origin)
    create_key_file(file, key)
    return key


def publish(folder: Path, key: VerifierKey) -> None:
    """Lays the public half into the folder in one step; whoever sees it can count on the private half."""
    durable.replace(folder / PUBLIC_FILE, f"{key}\n".encode(), mode=0o644)


def _create(folder: Path, origin: str) -> VerifierKey:
    key = create_signing_key(folder / PRIVATE_FILE, origin).verifier
    publish(folder, key)
    return key


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Held by the one process that makes the key. Raises Unavailable where the folder can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with durable.locked(folder):
            yield
    except OSError as error:
        raise Unavailable(f"The folder {folder} can't be used for keys: {error.strerror}.", "Give yourself write access to it.") from error

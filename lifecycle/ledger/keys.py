"""The key that a log signs its checkpoints with: two files in one folder.

`ledger.key` is read by the signer's process and by nothing else. `ledger.pub` is for everybody: whoever
verifies should have got it before, and not from here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName
from lifecycle.proofs.notes import SigningKey, VerifierKey

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
    """The private half, for the signer's process.

    Raises Unavailable where it can't be read, InvalidDeclaration where others than its owner can read it.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise InvalidDeclaration(
                f"The log key {file} can be read by others than its owner.", f"Run `chmod 600 {file}`, or make a new key."
            )
        return SigningKey.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unavailable(
            f"The log key {file} can't be read: {error.strerror}.",
            "Run the signer as the user who owns the key, and pass the file that `create_log_key` made.",
        ) from error


def create_signing_key(file: Path, origin: str) -> SigningKey:
    """A fresh key in a file of its own, readable by its owner only (0600) and on the disk when this returns.

    Raises InvalidDeclaration where the file stands already: a key is never overwritten.
    """
    key = SigningKey.generate(origin)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.write(key.secret_text() + "\n")
        written.flush()
        os.fsync(written.fileno())
    try:
        # Whole or not at all; and unlike a rename, a link never replaces what stands.
        os.link(part, file)
    except FileExistsError as error:
        raise InvalidDeclaration(
            f"{file} stands already.",
            "Keep it: checkpoints that were signed with it need it. Use another folder for another log.",
        ) from error
    finally:
        part.unlink()
    return key


def publish(folder: Path, key: VerifierKey) -> None:
    """Lays the public half into the folder in one step; whoever sees it can count on the private half."""
    part = folder / f".{PUBLIC_FILE}.part"
    part.write_text(f"{key}\n", encoding="utf-8")
    part.replace(folder / PUBLIC_FILE)


def _create(folder: Path, origin: str) -> VerifierKey:
    key = create_signing_key(folder / PRIVATE_FILE, origin).verifier
    publish(folder, key)
    return key


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Held by the one process that makes the key. Raises Unavailable where the folder can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise Unavailable(f"The folder {folder} can't be used for keys: {error.strerror}.", "Give yourself write access to it.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    except PermissionError as error:
        raise Unavailable(f"The folder {folder} can't be used for keys: {error.strerror}.", "Give yourself write access to it.") from error
    finally:
        os.close(handle)

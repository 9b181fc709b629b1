"""What several verbs do alike with their options: files, moments and signers that are named, and a version that belongs to a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable, UnknownName

if TYPE_CHECKING:
    from lifecycle.proofs.notes import VerifierKey
    from lifecycle.proofs.trust import Trust
    from lifecycle.records.record import Microseconds

#: A file that the caller names, to be read.
STANDING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: A day, or a moment of one, as times are written here: in UTC. See `in_us`.
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


def in_us(moment: datetime) -> Microseconds:
    """A `MOMENT` as records have it."""
    return int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000)


def require_both(person: str | None, key: Path | None, what: str) -> None:
    """Raises InvalidDeclaration for a signer without a key and for a key of nobody's; `what` is signed, as the begin of a sentence."""
    if (person is None) != (key is None):
        raise InvalidDeclaration(f"{what} by somebody, with their key.", "Give both --as and --key, or neither.")


def require_model(model: str | None, version: int | None) -> None:
    """Raises InvalidDeclaration for a version of no model."""
    if version is not None and model is None:
        raise InvalidDeclaration("--version needs --model.", f"Name the model as well: --model credit --version {version}.")


@contextmanager
def open_named(file: Path) -> Iterator[IO[bytes]]:
    """A file to write and to read that gets the caller's name once it is whole; where that fails, nothing is left of it.

    Raises Unavailable where it can't be written.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w+b") as opened:
            yield opened
        part.replace(file)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Name a file in a folder that you can write.") from error
    finally:
        part.unlink(missing_ok=True)


def write_named(file: Path, content: bytes) -> None:
    """Writes a file that the caller named. Raises Unavailable where it can't be written."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Name a file in a folder that you can write.") from error


def trust_in(file: Path) -> Trust:
    """What a file that was named says is to be trusted. Raises Unavailable where it can't be read, MalformedRecord that names it."""
    from lifecycle.proofs.trust import Trust

    try:
        return Trust.read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{file} can't be read: {error}.", "Pass a text file that you can read.") from error
    except LifecycleError as error:
        raise type(error)(f"{file}: {error.what}", error.next_step) from error


def keys_of_log(trusted: Sequence[Path]) -> tuple[VerifierKey, ...]:
    """The keys of the log in the files that somebody trusts; without any, those of this home.

    Raises UnknownName where there is none, and like `trust_in`.
    """
    from lifecycle.life.signing import standing_key
    from lifecycle.proofs.trust import Trust
    from lifecycle.wiring import Departments

    if trusted:
        keys = tuple(Trust.joined([trust_in(one) for one in trusted]).log_keys)
        if not keys:
            raise UnknownName("What you trust has no key of a log.", "Pass the log's verifier key or a trust file with --trust.")
        return keys
    departments = Departments.here(make=False)
    standing_key(departments)
    return tuple(departments.ledger_keys)

"""The signer: a process of its own, the only one that reads the log's key. What it does stands in `signing`.

    python -m lifecycle.ledger.signer --once          --database URL --key FILE --origin NAME
    python -m lifecycle.ledger.signer --every SECONDS --database URL --key FILE --origin NAME
    python -m lifecycle.ledger.signer --rotate --reason TEXT --database URL --key FILE --origin NAME
    python -m lifecycle.ledger.signer --remembered --database - --key FILE --origin NAME

`--database -` reads the URL from standard input, so that a password in it stands in no list of processes. The
note goes to standard output; what went wrong goes to standard error, as JSON, under the exit code of its kind. On
one machine under one user this separates by process, not by privilege.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from lifecycle.errors import InvalidDeclaration, LifecycleError, Tampered, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.log_key.rotating import OVERLAP, rotate_key
from lifecycle.ledger.log_key.signing import remembered_note, sign_ledger

#: How long a signature may take, in seconds: the first one over a ledger of millions hashes all of it.
_PATIENCE_SECONDS = 300.0
_RAISED_BY_EXIT_CODE: dict[int, type[LifecycleError]] = {kind.exit_code: kind for kind in (InvalidDeclaration, Tampered, Unavailable)}


def request_checkpoint(database_url: str, key_file: Path, origin: str) -> str:
    """Has a signer's process sign the ledger as it stands, once, and returns the signed note.

    Raises Tampered where it refuses, InvalidDeclaration where key, ledger and origin do not belong together,
    Unavailable where the signer or the ledger does not answer.
    """
    return _asked(("--once",), database_url, key_file, origin)


def request_rotation(database_url: str, key_file: Path, origin: str, *, reason: str, environment: str, overlap: int) -> str:
    """Has a signer's process change the log's key; returns the first ledger checkpoint of the new one. Raises like `request_checkpoint`."""
    told = ("--rotate", "--reason", reason, "--environment", environment, "--overlap", str(overlap))
    return _asked(told, database_url, key_file, origin)


def request_remembered(key_file: Path, origin: str) -> str | None:
    """Has a signer's process say what it signed last: the note, or None where it never signed. It needs no ledger for that.

    Raises like `request_checkpoint`.
    """
    return _asked(("--remembered",), None, key_file, origin) or None


def _asked(what: Sequence[str], database_url: str | None, key_file: Path, origin: str) -> str:
    command = (sys.executable, "-m", "lifecycle.ledger.signer", *what, "--database", "-")
    options = ("--key", str(key_file.absolute()), "--origin", origin)
    try:
        ended = subprocess.run(
            (*command, *options),
            input="" if database_url is None else Address.parse(database_url).url,
            capture_output=True,
            text=True,
            # Where this package is imported from, so that a checkout that is not installed works as well.
            cwd=Path(__file__).parents[2],
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            f"The signer of ledger checkpoints does not answer: {error}.", "Try again with `lifecycle ledger checkpoint`."
        ) from error
    if ended.returncode == 0:
        return ended.stdout
    raise _error_told_by(ended.returncode, ended.stderr)


def serve(database_url: str, key_file: Path, origin: str, every_seconds: float) -> None:
    """Signs whenever records were added, looking this often, until it is told to stop (SIGTERM or SIGINT).

    A ledger that does not answer for a while is waited for; one that was tampered with ends the signer.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    signed = ""
    while not stopping.is_set():
        try:
            note = sign_ledger(database_url, key_file, origin)
            if note != signed:
                signed = note
                sys.stdout.write(note)
                sys.stdout.flush()
        except Unavailable as error:
            sys.stderr.write(_told(error))
        stopping.wait(every_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """The process. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lifecycle.ledger.signer", description="Signs ledger checkpoints.")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--once", action="store_true", help="sign, print the note, and end")
    how.add_argument("--every", type=float, metavar="SECONDS", help="go on, looking this often for new records")
    how.add_argument("--rotate", action="store_true", help="give the log another key, print the first note that it signs, and end")
    how.add_argument("--remembered", action="store_true", help="print the note of what was signed last, and end")
    parser.add_argument("--reason", metavar="TEXT", help="with --rotate: why")
    parser.add_argument("--environment", default="local", metavar="NAME", help="with --rotate: where it is recorded as happening")
    parser.add_argument(
        "--overlap", type=int, default=OVERLAP, metavar="RECORDS", help="with --rotate: for how many more records both sign"
    )
    parser.add_argument("--database", required=True, metavar="URL", help="the ledger's database; - reads it from standard input")
    parser.add_argument("--key", required=True, type=Path, metavar="FILE", help="the log's private key")
    parser.add_argument("--origin", required=True, metavar="NAME", help="the log's name in its checkpoints")
    given = parser.parse_args(arguments)
    database = sys.stdin.readline().strip() if given.database == "-" else given.database
    try:
        if given.once:
            sys.stdout.write(sign_ledger(database, given.key, given.origin))
        elif given.remembered:
            sys.stdout.write(remembered_note(given.key, given.origin))
        elif given.rotate:
            if not given.reason or given.overlap < 0:
                parser.error("--rotate needs a --reason, and an --overlap of 0 or more")
            change = {"reason": given.reason, "environment": given.environment, "overlap": given.overlap}
            sys.stdout.write(rotate_key(database, given.key, given.origin, **change))
        else:
            serve(database, given.key, given.origin, given.every)
    except LifecycleError as error:
        sys.stderr.write(_told(error))
        return error.exit_code
    return 0


def _told(error: LifecycleError) -> str:
    return json.dumps({"what": error.what, "next_step": error.next_step}) + "\n"


def _error_told_by(exit_code: int, said: str) -> LifecycleError:
    """The error that a signer's process ended with."""
    try:
        told = json.loads(said.strip().splitlines()[-1])
        return _RAISED_BY_EXIT_CODE.get(exit_code, Unavailable)(told["what"], told["next_step"])
    except (IndexError, ValueError, KeyError, TypeError):
        return Unavailable(
            f"The signer of ledger checkpoints ended with code {exit_code}: {said.strip()[-500:] or 'it said nothing'}.",
            "Run `python -m lifecycle.ledger.signer --once` by hand to see what it says.",
        )


if __name__ == "__main__":
    sys.exit(main())

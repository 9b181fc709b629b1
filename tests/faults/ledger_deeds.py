"""What is done to a ledger in a process of its own, on a disk that may fail: `done` runs one deed there and says how it ended."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

from lifecycle.ledger.keeping.erasing import openings_about, wipe_traces
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.storage import database
from lifecycle.records.identity import commit
from tests.faults.failing_disk import Disk, Manner, failing
from tests.ledger.happenings import ORIGIN, evaluated, happening, trained

#: Says that what was asked is done, and stands whatever comes.
Acknowledge = Callable[[], None]
#: Somebody whose value is kept beside the log.
SUBJECT = "applicant-1"


def make(home: Path, acknowledge: Acknowledge) -> None:
    """A ledger that was not there."""
    with Ledger.open(url_in(home), origin=ORIGIN):
        acknowledge()


def append(home: Path, acknowledge: Acknowledge) -> None:
    """Events that move a state and a stream, with a value beside them, in one transaction; then the ledger is closed."""
    with Ledger.open(url_in(home), origin=ORIGIN) as ledger:
        with ledger.writing() as writer:
            writer.append_all([trained(2), evaluated(2), happening(0)])
            writer.keep(commit("another value")[1], SUBJECT)
        acknowledge()


def sign(home: Path, acknowledge: Acknowledge) -> None:
    """A ledger checkpoint over what stands."""
    sign_ledger(url_in(home), home / "keys" / "ledger.key", ORIGIN)
    acknowledge()


def take_away(home: Path, acknowledge: Acknowledge) -> None:
    """What opens the commitments to somebody's values, and then every trace of it."""
    with Ledger.open(url_in(home), origin=ORIGIN) as ledger, ledger.writing() as writer:
        writer.drop_openings(openings_about(ledger.url, SUBJECT))
    wipe_traces(url_in(home))
    acknowledge()


def append_without_syncs(home: Path, acknowledge: Acknowledge) -> None:
    """The same with SQLite told not to wait for the disk: what a ledger must never be."""
    prepare = database._prepare_sqlite

    def careless(connection: Any, entry: Any) -> None:
        prepare(connection, entry)
        connection.execute("PRAGMA synchronous=OFF")

    with mock.patch.object(database, "_prepare_sqlite", careless):
        append(home, acknowledge)


DEEDS: dict[str, Callable[[Path, Acknowledge], None]] = {"make": make, "append": append, "sign": sign, "take_away": take_away}


@dataclass(frozen=True)
class Ending:
    """How a deed ended: whether it said that it was done, how often it asked the disk, and the exit code of its process."""

    acknowledged: bool
    asked: int
    exit_code: int | None


def url_in(home: Path) -> str:
    return f"sqlite:///{home}/ledger.db"


def done(deed: str, home: Path, at: int | None = None, manner: Manner = "killed before") -> Ending:
    """Does a deed in a process of its own, which the disk may kill."""
    # A server that forks knows all imports already, and has no threads and no connections to inherit.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "alembic.command"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(deed, home, at, manner, theirs))
    process.start()
    theirs.close()
    said: list[int] = []
    try:
        while True:
            said.append(ours.recv())
    except EOFError:
        pass
    process.join(60)
    ours.close()
    ending = Ending(bool(said), said[-1] if said else 0, process.exitcode)
    process.close()
    return ending


def _do(deed: str, home: Path, at: int | None, manner: Manner, connection: Connection) -> None:
    disk = Disk(at, manner)
    with failing(disk):
        {**DEEDS, "append_without_syncs": append_without_syncs}[deed](home, lambda: connection.send(len(disk.asked)))
    connection.send(len(disk.asked))

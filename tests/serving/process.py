"""A gateway in a process of its own, as tests run it: `python -m tests.serving.process CONFIGURATION`.

Its ledger is a file of lines. While a file named `down` lies beside it, it does not answer; while one named `refusing`
does, it takes no event.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from hashlib import sha256
from pathlib import Path

from lifecycle.errors import Refused, Tampered, Unavailable
from lifecycle.records.events import Event, Subject
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.ports import Ports
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.supervision.supervisor import run_gateway
from tests.serving.granted import FileAccess


class FileLedger:
    """Takes each event once, by its id. What it takes back stands in `withdrawals.jsonl` beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: What stands in the file as it was last seen: the events by their hashes, and how long it was.
        self._taken: set[bytes] = set()
        self._length = -1

    def append(self, event: Event) -> None:
        if self._path.with_name("down").exists():
            raise Unavailable("The ledger is down.", "Wait.")
        if self._path.with_name("refusing").exists():
            raise Tampered("This is no legal event.", "Find out who sent it.")
        line = event.canonical() + b"\n"
        with self._path.open("a+b") as file:
            if file.tell() != self._length:
                file.seek(0)
                self._taken = {sha256(taken).digest() for taken in file}
            if sha256(line).digest() not in self._taken:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                self._taken.add(sha256(line).digest())
            self._length = file.seek(0, os.SEEK_END)

    def since(self, place: int) -> tuple[int, tuple[Withdrawal, ...]]:
        if self._path.with_name("down").exists():
            raise Unavailable("The ledger is down.", "Wait.")
        file = self._path.with_name("withdrawals.jsonl")
        lines = file.read_bytes().splitlines() if file.exists() else []
        return len(lines), tuple(Withdrawal.parse(line) for line in lines[min(place, len(lines)) :])


def verify(folder: Path, signature: bytes) -> None:
    """Every signature holds but the one that says that it does not."""
    if signature == b"forged":
        raise Tampered("The signature does not hold.", "Sign the model.")


def hear(word: Word, about: Subject) -> None:
    """Everybody's word counts but one's."""
    if word.by == "mallory":
        raise Refused(f"Nobody takes mallory's word on {about}.", "Ask somebody else.", ("RLT-001",))


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(message)s")
    given = json.loads(sys.argv[1])
    settings = GatewaySettings(
        folder=Path(given["folder"]),
        host="127.0.0.1",
        port=given["port"],
        workers=given["workers"],
        environment=given["environment"],
        log_key=given["log_key"],
        signing_public_key=Path("unused"),
        canary_timeout_ms=given["canary_timeout_ms"],
        watch_seconds=given["watch_seconds"],
        request_seconds=given["request_seconds"],
        seal_seconds=given["seal_seconds"],
        look_seconds=0.1,
        access_seconds=0.1,
        certificate=_path(given["certificate"]),
        certificate_key=_path(given["certificate_key"]),
        client_ca=_path(given["client_ca"]),
        offline_seconds=given["offline_seconds"],
        access_log=given.get("access_log", False),
        traces_url=given.get("traces_url"),
        canary_memory_mb=given.get("canary_memory_mb", 0),
        start_seconds=given.get("start_seconds", 60.0),
        most_in_flight=given.get("most_in_flight", 1_024),
    )
    try:
        ledger = FileLedger(Path(given["ledger"]))
        access = FileAccess(Path(given["ledger"]).with_name("access.json"))
        run_gateway(settings, Ports(ledger, verify, ledger, hear, access))
    except Unavailable as error:
        sys.exit(error.what)


if __name__ == "__main__":
    main()

"""How far the ledger has been told to a receiver of lineage, kept on disk: what was accepted is not sent again, what was not is.

The outbox holds no events: those are in the ledger. It holds a place in it, moved after each event that the receiver accepted, and
what the receiver refused. A process that is killed between the two sends that one event again, with the same idempotency key.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.records.record import Count, Microseconds, Record


class RefusedEvent(Record):
    """An event that the receiver would not take, and what it said."""

    index: Count
    event_type: str
    status: int
    says: str


class Place(Record):
    """How far one receiver has been told."""

    schema_version: Literal["lifecycle.outbox/1"] = "lifecycle.outbox/1"
    url: str
    #: The first record that is not told yet, and how many of its run events are.
    next_index: Count = 0
    told_of_it: Count = 0
    #: A record that was told, by index and event: by this a ledger that was restored meanwhile is noticed.
    last_index: Count = 0
    last_event_id: str | None = None
    #: How often in a row the receiver was not reached, and before when it is not tried again unless a person asks.
    failures: Count = 0
    not_before_us: Microseconds = 0
    refused: tuple[RefusedEvent, ...] = ()


class Outbox:
    """The place of one receiver, by its address, in a folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        self._file = folder / f"openlineage-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block in which no other process sends to this receiver. Raises Unavailable where one does."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            lock = self._file.with_suffix(".lock").open("w")
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Unavailable(f"Another process is sending to {self._url}.", "Wait for it to end.") from error
            yield

    def place(self) -> Place:
        """How far it is. At the beginning where nothing was ever sent. Raises MalformedRecord for a file that says nothing."""
        try:
            return Place.parse(self._file.read_bytes())
        except FileNotFoundError:
            return Place(url=self._url)
        except OSError as error:
            raise Unavailable(f"{self._file} can't be read: {error.strerror}.", "Give yourself access to it.") from error

    def move(self, place: Place) -> None:
        """Keeps a place, on the disk when this returns."""
        try:
            durable.replace(self._file, place.canonical(), mode=0o644)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self._file.parent} can't be written: {error.strerror}.", "Give yourself write access to it, or make room.")

"""What an erasure is about to do, on the disk before anything of it is done: whoever runs `erase` next finishes it.

It names commitments, numbers and digests, and nobody: a value that is to be forgotten must not lie about in a file that a crash
left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.records.record import ActorId, Count, Digest, Id, Name, Prose, Record


class IntendedPrediction(Record):
    """What was asked of one prediction; `commitment` is None where a crash left it without a row."""

    model: Name
    prediction_id: Id
    commitment: Digest | None


class IntendedRows(Record):
    """Rows of one dataset version, and what will be left of it."""

    dataset_digest: Digest
    rows: tuple[Count, ...]
    #: What the rows stand in now: the dataset version, or what an earlier erasure left of it.
    present_digest: Digest
    remaining_digest: Digest
    #: Every artifact that holds the rows or what opens their commitments.
    doomed: tuple[Digest, ...]


class ErasureIntent(Record):
    """One erasure, whole. It stands in a file of its own from before its first effect until after its last."""

    schema_version: Literal["lifecycle.erasure-intent/1"] = "lifecycle.erasure-intent/1"
    erasure_id: Id
    environment: Name
    reason: Prose
    #: The person of the registry whose entry in the directory goes.
    person: ActorId | None
    openings: tuple[Digest, ...]
    predictions: tuple[IntendedPrediction, ...]
    datasets: tuple[IntendedRows, ...]


class Intents:
    """The intents of one home. Raises Unavailable where its folder can't be read or written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held by the one process of this machine that erases, while none ingests."""
        with self._locked(shared=False):
            with self._reached():
                for unfinished in self._folder.glob(".*.json.*"):
                    unfinished.unlink(missing_ok=True)
            yield

    @contextmanager
    def none_under_way(self) -> Iterator[None]:
        """Held by whoever stores rows and has not recorded them yet: an erasure would take them for what a killed ingestion left."""
        with self._locked(shared=True):
            yield

    def open(self) -> tuple[ErasureIntent, ...]:
        """Those that were begun and not finished, the oldest first."""
        with self._reached():
            return tuple(ErasureIntent.parse(file.read_bytes()) for file in sorted(self._folder.glob("*.json")))

    def write(self, intent: ErasureIntent) -> None:
        """Puts it on the disk; when this returns it is there after any crash."""
        with self._reached():
            durable.replace(self._file(intent), intent.canonical())

    def finish(self, intent: ErasureIntent) -> None:
        """Takes it off the disk: everything that it says is done."""
        with self._reached():
            self._file(intent).unlink(missing_ok=True)

    def _file(self, intent: ErasureIntent) -> Path:
        return self._folder / f"{intent.erasure_id}.json"

    @contextmanager
    def _locked(self, *, shared: bool) -> Iterator[None]:
        with ExitStack() as turn:
            with self._reached():
                turn.enter_context(durable.locked(self._folder, shared=shared))
            yield

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"The folder {self._folder} of erasures that are under way can't be used: {error.strerror}.",
                "Give yourself write access to it, free space, and run the same command again.",
            ) from error

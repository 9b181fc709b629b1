"""What every anchor does: it takes a ledger checkpoint, and answers with what shows that it has seen it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.proofs.merkle import verify_consistency
from lifecycle.proofs.notes import Checkpoint

Kind = Literal["folder", "git", "timestamp", "witness"]


@dataclass(frozen=True)
class Submission:
    """A ledger checkpoint on its way to an anchor."""

    #: The signed note, byte for byte.
    note: str
    #: The RFC 6962 consistency proof from a tree of this many records to the one of the note. Raises a LifecycleError for a
    #: tree that the ledger never was.
    consistency: Callable[[int], tuple[bytes, ...]]

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return Checkpoint.parse(self.note)


@dataclass(frozen=True)
class Seen:
    """An anchor's answer: when, by its own clock where it has one, and what shows it."""

    at_us: int
    receipt: bytes


class Anchor(Protocol):
    """One declared anchor."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...

    def take(self, submission: Submission) -> Seen:
        """Has the anchor see a ledger checkpoint; one that it has seen already is answered as the first time, or anew.

        Raises Tampered where the anchor holds what this ledger does not continue, Unavailable where it does not answer.
        """
        ...


def require_continued(held: Checkpoint, submission: Submission, anchor: str) -> None:
    """Raises Tampered unless the ledger goes on from what an anchor holds: it has seen another past, or a longer ledger."""
    checkpoint = submission.checkpoint
    if held.origin != checkpoint.origin:
        raise Tampered(
            f"The anchor {anchor} holds the log {held.origin!r}, not {checkpoint.origin!r}.", "Give every log a place of its own there."
        )
    if held.size > checkpoint.size:
        raise Tampered(
            f"The anchor {anchor} has seen {held.size} records, but the ledger has {checkpoint.size}: its tail was dropped.",
            "Nothing was anchored. Keep a copy of the ledger as evidence, and run `lifecycle ledger verify`.",
        )
    try:
        path = submission.consistency(held.size)
        verify_consistency(held.size, checkpoint.size, path, held.root_hash, checkpoint.root_hash)
    except LifecycleError as error:
        raise Tampered(
            f"The ledger does not continue what the anchor {anchor} has seen at {held.size} records: {error.what}",
            "Nothing was anchored. Keep both as evidence, and run `lifecycle ledger verify`.",
        ) from error

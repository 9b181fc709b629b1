"""What lineage needs of others, in its own words: a ledger and artifacts to read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from lifecycle.records.events import Recorded
from lifecycle.records.record import Digest


class Head(Protocol):
    """How far a ledger reaches."""

    @property
    def size(self) -> int: ...


class Ledger(Protocol):
    """A ledger, as far as its readers know it."""

    def events(
        self,
        *,
        types: Collection[str] | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: int | None = None,
        run_id: str | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Recorded]:
        """In ledger order: of these types, on a subject of this kind, name and version, of this run, from an index on, at most so many."""

    def head(self) -> Head:
        """How far it reaches now."""

    def checkpoint(self) -> str | None:
        """The newest signed note, or None before the first."""


class Artifacts(Protocol):
    """Bytes by their digest."""

    def read(self, digest: Digest, /) -> bytes:
        """The bytes. Raises UnknownName where there are none, Tampered where they are others."""


class HeldArtifacts(Artifacts, Protocol):
    """The same, where it is asked first whether they are there."""

    def has(self, digest: Digest, /) -> bool:
        """Whether there are bytes of this digest."""

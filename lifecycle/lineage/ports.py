"""What lineage needs of others, in its own words: a ledger to read, and a log of predictions to look one up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from lifecycle.records.events import Recorded
from lifecycle.records.record import Microseconds


class Head(Protocol):
    """How far a ledger reaches."""

    @property
    def size(self) -> int: ...


class Ledger(Protocol):
    """A ledger, as far as its readers know it."""

    def events(self, *, types: Sequence[str] | None = None, name: str | None = None) -> list[Recorded]:
        """Events in ledger order, of these types, on the subject of this name."""

    def head(self) -> Head:
        """How far it reaches now."""

    def checkpoint(self) -> str | None:
        """The newest signed note, or None before the first."""


class Predictions(Protocol):
    """The gateway's prediction log."""

    def rows(
        self, model: str, since_us: Microseconds, until_us: Microseconds, version: int | None = None, with_values: bool = True
    ) -> Iterable[Mapping[str, Any]]:
        """The rows of a model from `since_us` up to and without `until_us`."""

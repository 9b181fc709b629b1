"""What reading the ledger gives, whoever reads: the events that are wanted, and where it stands.

A row whose bytes or columns were changed is never handed out.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

from lifecycle.errors import MalformedRecord, Tampered, UnknownName
from lifecycle.ledger.appending.legality import NOWHERE
from lifecycle.ledger.storage.columns import EVENT_COLUMNS, columns_of
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import Commitment, Opening
from lifecycle.records.record import Name, Version, parse_json
from lifecycle.records.states import State


@dataclass(frozen=True)
class Head:
    """How many events the ledger holds, and the root over them."""

    size: int
    root: bytes

    @property
    def root_text(self) -> str:
        """The root as a ledger checkpoint writes it: base64."""
        return base64.b64encode(self.root).decode()


class Wanted(TypedDict, total=False):
    """Which events: those that fit every filter that is given."""

    #: Names of bodies.
    types: Collection[str] | None
    #: Of the subject.
    kind: str | None
    name: Name | None
    version: Version | None
    environment: Name | None
    run_id: str | None
    #: The first index to look at.
    since: int
    newest_first: bool
    limit: int | None


def states_in(entries: Iterable[Sequence[Any]], environment: str) -> dict[tuple[str, int], State]:
    """The state of every (model, version) in one environment, from rows that begin (model, version, environment, state)."""
    found: dict[str, dict[tuple[str, int], State]] = {NOWHERE: {}, environment: {}}
    for model, version, place, state, *_ in entries:
        if place in found:
            found[place][model, version] = state
    return found[NOWHERE] | found[environment]


class StoredRow(Protocol):
    """A row of `events`, as any reader has it."""

    @property
    def leaf_index(self) -> Any: ...
    @property
    def event_id(self) -> Any: ...
    @property
    def type(self) -> Any: ...
    @property
    def leaf_hash(self) -> Any: ...
    @property
    def stored(self) -> Any: ...


def recorded_in(row: StoredRow) -> Recorded:
    """The event of a row. Raises Tampered where its bytes are not those of its leaf, or its columns not those of its bytes."""
    event = Event.parse(_whole(row))
    for column, value in zip(EVENT_COLUMNS, columns_of(event), strict=True):
        if getattr(row, column) != value:
            raise _altered(row, f"its column {column} does not say what its bytes say")
    return Recorded(index=row.leaf_index, event=event)


def stored_in(row: StoredRow) -> bytes:
    """The bytes of a row. Raises Tampered like `recorded_in`."""
    recorded_in(row)
    return _whole(row)


def opened(commitment: Commitment, salt_hex: Any, value: Any) -> Opening:
    """What is kept for a commitment. Raises Tampered where it does not open it."""
    try:
        opening = Opening(salt_hex=salt_hex, value=parse_json(value))
        if opening.commitment() == commitment:
            return opening
    except (MalformedRecord, ValueError, TypeError):
        pass  # It opens nothing at all.
    raise Tampered(f"The value kept for {commitment.digest} is not the one that was committed to.", "Restore it from a backup.")


def no_event(event_id: str) -> UnknownName:
    """There is no event of this id."""
    return UnknownName(f"The ledger holds no event {event_id!r}.", "`lifecycle ledger log` lists what it holds.")


def no_record(index: int, size: int) -> UnknownName:
    """The ledger is not that long."""
    return UnknownName(f"The ledger holds no record {index}.", f"It holds records 0 to {size - 1}." if size else "It holds none yet.")


def nothing_kept(commitment: Commitment) -> UnknownName:
    """There is no value for this commitment."""
    return UnknownName(
        f"The value behind {commitment.digest} is not kept here: it was erased, or never was.",
        "The commitment still proves that it has not changed; ask whoever holds the value for it and its salt.",
    )


def _whole(row: StoredRow) -> bytes:
    if row.stored is None:
        raise _altered(row, "its bytes are gone, and nothing says that they were pruned")
    if not isinstance(row.stored, bytes) or leaf_hash(row.stored) != row.leaf_hash:
        raise _altered(row, "its stored bytes do not have the hash of its leaf")
    return bytes(row.stored)


def _altered(row: StoredRow, how: str) -> Tampered:
    return Tampered(
        f"Record {row.leaf_index} of the ledger ({row.type}, id {row.event_id}) was altered: {how}.",
        "Keep a copy of the ledger as evidence, run `lifecycle ledger verify`, and restore a backup.",
    )

"""Reads: rows become events again, and a row whose bytes or columns were changed is never handed out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict, Unpack

from sqlmodel import Session, col, select

from lifecycle.errors import Tampered
from lifecycle.ledger.columns import EVENT_COLUMNS, columns_of
from lifecycle.ledger.schema import EventRow
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Name, Version


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


def read_events(session: Session, **wanted: Unpack[Wanted]) -> list[Recorded]:
    """The events that are wanted, in the order of the ledger. Raises Tampered where one of them was altered."""
    query = select(EventRow).where(col(EventRow.leaf_index) >= wanted.get("since", 0))
    types = wanted.get("types")
    if types is not None:
        query = query.where(col(EventRow.type).in_(types))
    for column, value in (
        (col(EventRow.subject_kind), wanted.get("kind")),
        (col(EventRow.subject_name), wanted.get("name")),
        (col(EventRow.subject_version), wanted.get("version")),
        (col(EventRow.environment), wanted.get("environment")),
        (col(EventRow.run_id), wanted.get("run_id")),
    ):
        if value is not None:
            query = query.where(column == value)
    place = col(EventRow.leaf_index)
    query = query.order_by(place.desc() if wanted.get("newest_first") else place.asc()).limit(wanted.get("limit"))
    return [recorded_in(row) for row in session.exec(query)]


def recorded_in(row: EventRow) -> Recorded:
    """The event of a row. Raises Tampered where its bytes are not those of its leaf, or its columns not those of its bytes."""
    event = Event.parse(_whole(row))
    for column, value in zip(EVENT_COLUMNS, columns_of(event), strict=True):
        if getattr(row, column) != value:
            raise _altered(row, f"its column {column} does not say what its bytes say")
    return Recorded(index=row.leaf_index, event=event)


def stored_in(row: EventRow) -> bytes:
    """The bytes of a row. Raises Tampered like `recorded_in`."""
    recorded_in(row)
    return _whole(row)


def _whole(row: EventRow) -> bytes:
    if row.stored is None:
        raise _altered(row, "its bytes are gone, and nothing says that they were pruned")
    if leaf_hash(row.stored) != row.leaf_hash:
        raise _altered(row, "its stored bytes do not have the hash of its leaf")
    return row.stored


def _altered(row: EventRow, how: str) -> Tampered:
    return Tampered(
        f"Record {row.leaf_index} of the ledger ({row.type}, id {row.event_id}) was altered: {how}.",
        "Keep a copy of the ledger as evidence, run `lifecycle ledger verify`, and restore a backup.",
    )

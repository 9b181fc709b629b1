"""Reads: rows become events again, and a row whose bytes or columns were changed is never handed out."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from lifecycle.errors import Tampered
from lifecycle.ledger.columns import EVENT_COLUMNS, columns_of
from lifecycle.ledger.schema import EventRow
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Name, Version


def read_events(
    session: Session,
    *,
    types: Collection[str] | None = None,
    kind: str | None = None,
    name: Name | None = None,
    version: Version | None = None,
    environment: Name | None = None,
    run_id: str | None = None,
    since: int = 0,
    newest_first: bool = False,
    limit: int | None = None,
) -> list[Recorded]:
    """The events that fit every filter that is given, in ledger order. See `Ledger.events`."""
    wanted = select(EventRow).where(col(EventRow.leaf_index) >= since)
    if types is not None:
        wanted = wanted.where(col(EventRow.type).in_(types))
    for column, value in (
        (col(EventRow.subject_kind), kind),
        (col(EventRow.subject_name), name),
        (col(EventRow.subject_version), version),
        (col(EventRow.environment), environment),
        (col(EventRow.run_id), run_id),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    place = col(EventRow.leaf_index)
    wanted = wanted.order_by(place.desc() if newest_first else place.asc())
    if limit is not None:
        wanted = wanted.limit(limit)
    return [recorded_in(row) for row in session.exec(wanted)]


def recorded_in(row: EventRow) -> Recorded:
    """The event of a row. Raises Tampered where its bytes are not those of its leaf, or its columns not those of its bytes."""
    if leaf_hash(row.stored) != row.leaf_hash:
        raise _altered(row, "its stored bytes do not have the hash of its leaf")
    event = Event.parse(row.stored)
    for column, value in zip(EVENT_COLUMNS, columns_of(event), strict=True):
        if getattr(row, column) != value:
            raise _altered(row, f"its column {column} does not say what its bytes say")
    return Recorded(index=row.leaf_index, event=event)


def _altered(row: EventRow, how: str) -> Tampered:
    return Tampered(
        f"Record {row.leaf_index} of the ledger ({row.type}, id {row.event_id}) was altered: {how}.",
        "Keep a copy of the ledger as evidence, run `lifecycle ledger verify`, and restore a backup.",
    )

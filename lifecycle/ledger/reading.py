"""Reads through SQLModel: rows become events again."""

from __future__ import annotations

from typing import Unpack

from sqlmodel import Session, col, select

from lifecycle.ledger.keeping.pruned import PrunedRanges, those_present
from lifecycle.ledger.recorded import Wanted
from lifecycle.ledger.storage.schema import EventRow
from lifecycle.records.events import Recorded


def read_events(session: Session, **wanted: Unpack[Wanted]) -> list[Recorded]:
    """The events that are wanted, in the order of the ledger, but for those that were pruned.

    Raises Tampered where one of them was altered.
    """
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
    query = query.order_by(place.desc() if wanted.get("newest_first") else place.asc())
    return those_present(lambda limit: session.exec(query.limit(limit)).all(), wanted.get("limit"), lambda: pruned_ranges(session))


def pruned_ranges(session: Session) -> PrunedRanges:
    """Which records' bytes went by an event."""
    rows = session.exec(select(EventRow).where(col(EventRow.type) == "BodiesPruned")).all()
    return PrunedRanges.told_by(rows)

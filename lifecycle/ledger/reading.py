"""Reads through SQLModel: rows become events again."""

from __future__ import annotations

from typing import Unpack

from sqlmodel import Session, col, select

from lifecycle.ledger.recorded import Wanted, recorded_in
from lifecycle.ledger.schema import EventRow
from lifecycle.records.events import Recorded


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

"""Appends, inside one transaction that has its turn: the head is read once, locked, and written once at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from sqlalchemy import Connection, func, insert, select, update
from sqlmodel import Session

from lifecycle.errors import Tampered
from lifecycle.ledger.columns import EVENT_COLUMNS, columns_of
from lifecycle.ledger.legality import Legality
from lifecycle.ledger.reading import read_events
from lifecycle.ledger.recorded import Wanted
from lifecycle.ledger.schema import HEAD_ID, LedgerTable
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import Opening
from lifecycle.records.record import Name, Version, canonical_bytes

# Core on the tables themselves: SQLModel's objects cost several times as much as the append.
_EVENTS = LedgerTable.metadata.tables["events"]
_HEAD = LedgerTable.metadata.tables["head"]
_OPENINGS = LedgerTable.metadata.tables["openings"]

#: How many ids are asked for in one statement; databases bound the number of parameters.
_IDS_AT_ONCE = 500


@dataclass(frozen=True)
class Receipt:
    """Where an event stands. A retried append gets the receipt of the first."""

    index: int
    leaf_hash: bytes
    event_id: str


class Writer:
    """The ledger while one transaction has its turn. What it appended stands when its block ends, all of it or nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # SQLite has no FOR UPDATE and needs none: its transaction began IMMEDIATE.
        head = connection.execute(select(_HEAD.c.frontier).where(_HEAD.c.id == HEAD_ID).with_for_update()).scalar_one()
        self._frontier = Frontier.from_bytes(head)
        self._size_before = self._frontier.size
        self._legality = Legality(self.events)

    def append(self, event: Event) -> Receipt:
        """Appends one event; see `append_all`."""
        return self.append_all((event,))[0]

    def append_all(self, events: Iterable[Event]) -> list[Receipt]:
        """Appends events in this order, and returns the receipt of each.

        An id that stands already with the same bytes is not written again and gets its receipt. Raises
        Tampered where it stands with other bytes, and IllegalTransition where the state of a version forbids what
        happened to it; nothing of the call is written then.
        """
        ready = [(event.id, event.canonical(), event) for event in events]
        receipts = self._standing([event_id for event_id, _, _ in ready])
        content = {event_id: leaf.leaf_hash for event_id, leaf in receipts.items()}
        rows: list[dict[str, Any]] = []
        for event_id, stored, event in ready:
            leaf = leaf_hash(stored)
            if content.setdefault(event_id, leaf) != leaf:
                raise Tampered(
                    f"An event with the id {event_id} stands in the ledger with other content.",
                    "Give what happened anew an id of its own; a retry must send the very same event.",
                )
            if event_id not in receipts:
                self._legality.require(event)
                receipts[event_id] = Receipt(self._frontier.size + len(rows), leaf, event_id)
                columns = zip(EVENT_COLUMNS, columns_of(event), strict=True)
                rows.append({"leaf_index": receipts[event_id].index, "leaf_hash": leaf, "stored": stored, **dict(columns)})
        if rows:
            self._connection.execute(insert(_EVENTS), rows)
            for row in rows:
                self._frontier.append(row["leaf_hash"])
            self._legality.written()
        return [receipts[event_id] for event_id, _, _ in ready]

    def next_version(self, model: Name) -> Version:
        """One more than the highest version of the model that any event speaks of. Nobody else gets it: this transaction has its turn."""
        of_model = (_EVENTS.c.subject_kind == "model", _EVENTS.c.subject_name == model)
        highest: int | None = self._connection.execute(select(func.max(_EVENTS.c.subject_version)).where(*of_model)).scalar()
        return (highest or 0) + 1

    def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """What `Ledger.events` gives, with what this writer appended; it can't change before the block ends."""
        with Session(self._connection) as session:
            return read_events(session, **wanted)

    def keep(self, opening: Opening, subject: str) -> None:
        """Keeps what opens a commitment beside the log, under the person or row that it is about, so that it can be erased."""
        commitment = opening.commitment().digest
        if self._connection.execute(select(_OPENINGS.c.commitment).where(_OPENINGS.c.commitment == commitment)).first() is None:
            value = canonical_bytes(opening.value).decode()
            self._connection.execute(
                insert(_OPENINGS), {"commitment": commitment, "subject": subject, "salt_hex": opening.salt_hex, "value": value}
            )

    def finish(self) -> None:
        """Writes the head. Called by `Ledger.writing` at the end of the block, before the commit."""
        if self._frontier.size != self._size_before:
            head = {"size": self._frontier.size, "frontier": self._frontier.to_bytes()}
            self._connection.execute(update(_HEAD).where(_HEAD.c.id == HEAD_ID), head)

    def _standing(self, event_ids: Sequence[str]) -> dict[str, Receipt]:
        found: dict[str, Receipt] = {}
        for start in range(0, len(event_ids), _IDS_AT_ONCE):
            ids = event_ids[start : start + _IDS_AT_ONCE]
            rows = select(_EVENTS.c.leaf_index, _EVENTS.c.leaf_hash, _EVENTS.c.event_id).where(_EVENTS.c.event_id.in_(ids))
            found.update((row.event_id, Receipt(row.leaf_index, row.leaf_hash, row.event_id)) for row in self._connection.execute(rows))
        return found

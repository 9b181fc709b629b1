"""Appends, inside one transaction that has its turn: the head is read once, locked, and written once at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Unpack

from sqlalchemy import Connection, func, select
from sqlmodel import Session

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.ledger.appending.legality import Legality, Standing
from lifecycle.ledger.appending.streams import Streams
from lifecycle.ledger.reading import read_events
from lifecycle.ledger.recorded import Wanted
from lifecycle.ledger.storage.columns import RecordRow, columns_of
from lifecycle.ledger.storage.schema import LedgerTable
from lifecycle.ledger.storage.server_turn import turn_on
from lifecycle.ledger.storage.turn import Receipt
from lifecycle.ledger.tiles import LONGEST_ENTRY
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.records.bodies.keeping import LeafRange
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import Opening
from lifecycle.records.record import Digest, Microseconds, Name, Version, canonical_bytes

_EVENTS = LedgerTable.metadata.tables["events"]


class Writer:
    """The ledger while one transaction has its turn. What it appended stands when its block ends, all of it or nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = turn_on(connection)
        self._frontier = self._turn.frontier()
        self._size_before = self._frontier.size
        self._streams, self._legality = self._projections()

    def append(self, event: Event) -> Receipt:
        """Appends one event; see `append_all`."""
        return self.append_all((event,))[0]

    def append_all(self, events: Iterable[Event]) -> list[Receipt]:
        """Appends events in this order, each at the next place of its stream, and returns the receipt of each.

        An id that stands already with the same content is not written again and gets its receipt. Raises Tampered where it stands
        with other content, IllegalTransition where the state of a version forbids what happened to it, MalformedRecord
        where an event has more than LONGEST_ENTRY; nothing of the call is written then.
        """
        asked = list(events)
        receipts = self._turn.standing([event.id for event in asked])
        new: dict[str, Event] = {}
        rows: list[RecordRow] = []
        try:
            for event in asked:
                if event.id in new:
                    _require_same(event, same=event.canonical() == new[event.id].canonical())
                elif event.id in receipts:
                    _require_same(event, same=self._stands_as(receipts[event.id], event))
                else:
                    new[event.id] = event
                    rows.append(self._values(self._frontier.size + len(rows), event))
        except LifecycleError:
            self._streams, self._legality = self._projections()
            raise
        self._turn.insert(rows)
        self._turn.move_streams(self._streams.moved)
        self._turn.move_states(self._legality.moved)
        self._streams.written()
        self._legality.written()
        for row in rows:
            self._frontier.append(row.leaf_hash)
            receipts[row.event_id] = Receipt(row.leaf_index, row.leaf_hash, row.event_id)
        return [receipts[event.id] for event in asked]

    def next_version(self, model: Name) -> Version:
        """One more than the highest version of the model that any event speaks of. Nobody else gets it: this transaction has its turn."""
        of_model = (_EVENTS.c.subject_kind == "model", _EVENTS.c.subject_name == model)
        highest: int | None = self._connection.execute(select(func.max(_EVENTS.c.subject_version)).where(*of_model)).scalar()
        return (highest or 0) + 1

    def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """What `Ledger.events` gives, with what this writer appended; it can't change before the block ends."""
        with Session(self._connection) as session:
            return read_events(session, **wanted)

    def first_from(self, moment: Microseconds) -> int | None:
        """The first record with bytes that claims to have happened at a moment or after it."""
        young = (_EVENTS.c.occurred_at_us >= moment, _EVENTS.c.stored.is_not(None))
        first: int | None = self._connection.execute(select(func.min(_EVENTS.c.leaf_index)).where(*young)).scalar()
        return first

    def states_of(self, model: Name, version: Version) -> Mapping[str, Standing]:
        """What one version is, by environment; `legality.NOWHERE` stands for those in which nothing happened to it."""
        return self._turn.states_of(model, version)

    def keep(self, opening: Opening, subject: str) -> None:
        """Keeps what opens a commitment beside the log, under the person or row that it is about, so that it can be erased."""
        self._turn.keep(opening.commitment().digest, subject, opening.salt_hex, canonical_bytes(opening.value).decode())

    def drop_openings(self, commitments: Collection[Digest]) -> None:
        """Deletes what opens these commitments; append the SubjectErased that says so in the same turn."""
        self._turn.drop_openings(list(commitments))

    def drop_bodies(self, ranges: Collection[LeafRange]) -> None:
        """Takes the bytes away from the records of these ranges; append the BodiesPruned that says so in the same turn."""
        self._turn.drop_bodies([(some.start, some.end) for some in ranges])

    def finish(self) -> None:
        """Writes the head. Called by `Ledger.writing` at the end of the block, before the commit."""
        if self._frontier.size != self._size_before:
            self._turn.move_head(self._frontier)

    def _projections(self) -> tuple[Streams, Legality]:
        """What the tables say now."""
        return Streams(self._turn.position), Legality(self._turn)

    def _values(self, index: int, event: Event) -> RecordRow:
        """The row of a new event. Raises IllegalTransition and MalformedRecord; see `append_all`."""
        self._legality.require(index, event)
        stored = event.canonical_at(self._streams.place(event))
        if len(stored) > LONGEST_ENTRY:
            raise MalformedRecord(
                f"The {event.type} of {event.subject} has {len(stored)} bytes, and a record of the ledger can have {LONGEST_ENTRY}.",
                "Keep what is large as an artifact, and record its digest.",
            )
        return RecordRow._make((index, *columns_of(event), leaf_hash(stored), stored))

    def _stands_as(self, receipt: Receipt, event: Event) -> bool:
        """Whether the event that has this receipt is this one: its leaf is that of this one, at the place that it was given."""
        place = self._turn.place_in_stream(event.subject.kind, event.subject.name, receipt.index)
        # Records of before there were places have none.
        return any(leaf_hash(event.with_sequence(given).canonical()) == receipt.leaf_hash for given in (place, None))


def _require_same(event: Event, *, same: bool) -> None:
    if not same:
        raise Tampered(
            f"An event with the id {event.id} stands in the ledger with other content.",
            "Give what happened anew an id of its own; a retry must send the very same event.",
        )

"""The ledger as the rest of the house sees it: append, read, prove."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, Unpack

from sqlmodel import Session, col, select

from lifecycle.ledger.address import Address
from lifecycle.ledger.appending.writer import Writer
from lifecycle.ledger.keeping.pruned import require_present
from lifecycle.ledger.proving import Prover
from lifecycle.ledger.reading import pruned_ranges, read_events
from lifecycle.ledger.recorded import Head, Wanted, no_event, no_record, nothing_kept, opened, recorded_in, states_in, stored_in
from lifecycle.ledger.storage.database import Database
from lifecycle.ledger.storage.schema import CheckpointRow, EventRow, HeadRow, OpeningRow, StateRow
from lifecycle.ledger.storage.turn import Receipt
from lifecycle.proofs.merkle import Frontier
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import Commitment, Opening
from lifecycle.records.record import Name, Version
from lifecycle.records.rollout import LedgerProof
from lifecycle.records.states import State


class Ledger:
    """An append-only log of events in one database. Several processes and threads may hold one at once."""

    def __init__(self, database: Database, origin: str) -> None:
        self._database = database
        self._prover = Prover(self._leaves)
        self.origin = origin

    @classmethod
    def open(cls, url: str, *, origin: str, create: bool = True) -> Self:
        """The ledger at a database URL; made, and its schema brought up to date, where `create` is true.

        `origin` names the log in its checkpoints. Raises Unavailable where there is none or it can't be reached,
        InvalidDeclaration where the URL is no database for a ledger or the ledger is of another origin.
        """
        database = Database(Address.parse(url))
        try:
            database.prepare(origin, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database, origin)

    @property
    def url(self) -> str:
        return self._database.address.url

    def __repr__(self) -> str:
        return f"<Ledger {self.origin} at {self._database.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the database's connections back."""
        self._database.close()

    # Writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """A transaction that has its turn: what is read in it can't change, what is appended stands when the block ends.

        Nothing is written when the block raises. Keep it short: every other writer waits, and after 30 s gives
        up with Unavailable. Do not call `Ledger.append` inside it: it would wait for its own turn.
        """
        with self._database.writing() as connection:
            writer = Writer(connection)
            yield writer
            writer.finish()

    def append(self, event: Event) -> Receipt:
        """Appends one event in a transaction of its own; when this returns, it is on the disk.

        An event that stands already with the same bytes returns its receipt, so that a retried step records
        once. Raises Tampered where its id stands with other bytes, Unavailable where the ledger does not answer.
        """
        with self.writing() as writer:
            return writer.append(event)

    # Reading

    def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """The events that fit every filter that is given, in the order of the ledger; `reading.Wanted` lists the filters.

        `events(types=("ModelTrained",), name="credit", newest_first=True, limit=1)` is the latest version of `credit`.
        Raises Tampered where a record that fits was altered.
        """
        with self._session() as session:
            return read_events(session, **wanted)

    def find(self, event_id: str) -> Recorded | None:
        """The event of this id, or None. Raises UnknownName where its bytes were pruned."""
        with self._session() as session:
            row = session.exec(select(EventRow).where(col(EventRow.event_id) == event_id)).first()
            return None if row is None else recorded_in(require_present(row, lambda: pruned_ranges(session)))

    def event(self, event_id: str) -> Recorded:
        """The event of this id. Raises UnknownName where there is none."""
        found = self.find(event_id)
        if found is None:
            raise no_event(event_id)
        return found

    def stored(self, index: int) -> bytes:
        """The bytes of one leaf, as they were written. Raises UnknownName where the ledger is not that long, or they were pruned."""
        with self._session() as session:
            row = session.get(EventRow, index) if index >= 0 else None
            if row is None:
                raise no_record(index, self.head().size)
            return stored_in(require_present(row, lambda: pruned_ranges(session)))

    def states(self, environment: Name) -> dict[tuple[Name, Version], State]:
        """The state of every (model, version) in an environment, as the projection has it: one row each, and no event is read.

        Whether the projection says what the leaves say is for `verify_ledger` and `fsck` to show.
        """
        columns = (col(StateRow.model), col(StateRow.version), col(StateRow.environment), col(StateRow.state))
        with self._session() as session:
            return states_in(session.exec(select(*columns)), environment)

    def opening(self, commitment: Commitment) -> Opening:
        """What opens a commitment. Raises UnknownName where it was erased or never kept, Tampered where it opens something else."""
        with self._session() as session:
            row = session.get(OpeningRow, commitment.digest)
        if row is None:
            raise nothing_kept(commitment)
        return opened(commitment, row.salt_hex, row.value)

    # Proving

    def head(self) -> Head:
        """Where the ledger stands now."""
        with self._session() as session:
            frontier = Frontier.from_bytes(session.exec(select(HeadRow.frontier)).one())
        return Head(frontier.size, frontier.root())

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The RFC 6962 path that shows record `index` to stand among the first `size` records (all, by default)."""
        return self._prover.inclusion(index, self.head().size if size is None else size)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """The RFC 6962 path that shows the ledger of `old` records to be a beginning of that of `new` (all, by default)."""
        return self._prover.consistency(old, self.head().size if new is None else new)

    def checkpoint(self) -> str | None:
        """The signed note of the latest ledger checkpoint, or None where the signer has made none yet."""
        with self._session() as session:
            return session.exec(select(CheckpointRow.note).order_by(col(CheckpointRow.tree_size).desc())).first()

    def proof(self, index: int) -> LedgerProof:
        """One record with its proof against the latest ledger checkpoint, to be believed offline.

        Raises Unavailable where no ledger checkpoint covers it yet, UnknownName where there is no such record, Tampered
        where the records are not those that were signed.
        """
        return self._prover.proof(index, self.stored(index), self.checkpoint())

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._database.reading() as connection, Session(connection) as session:
            yield session

    def _leaves(self, since: int, until: int) -> list[bytes]:
        leaves = select(EventRow.leaf_hash).where(col(EventRow.leaf_index) >= since, col(EventRow.leaf_index) < until)
        with self._session() as session:
            return list(session.exec(leaves.order_by(col(EventRow.leaf_index))))

"""The ledger's rows, read without SQLAlchemy: for the signer, which must start fast, and for verification, which
must not depend on the code that wrote them.

Values come as the database gives them. Nothing here is trusted; whoever reads checks.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from lifecycle.errors import Tampered
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.columns import ALL_COLUMNS, RecordRow
from lifecycle.ledger.storage.drivers import answering, connect, spelt
from lifecycle.ledger.storage.guards import IN_FILE, ON_SERVER, STANDING_IN_FILE, STANDING_ON_SERVER
from lifecycle.ledger.storage.revisions import REVISION, WITHOUT_PROJECTIONS
from lifecycle.ledger.verifying.findings import named
from lifecycle.proofs.merkle import HASH_BYTES

_RECORDS = f"SELECT {ALL_COLUMNS} FROM events ORDER BY leaf_index"  # noqa: S608  # names of columns of ours
_STORED = "SELECT leaf_index, stored FROM events WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
_LEAVES = "SELECT leaf_index, leaf_hash, stored FROM events ORDER BY leaf_index"
_LEAF_HASHES = "SELECT leaf_hash FROM events WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
_NAME = "SELECT type, event_id FROM events WHERE leaf_index = ?"
_CHECKPOINTS = "SELECT tree_size, root_hash, note FROM checkpoints WHERE tree_size > ? ORDER BY tree_size"
_LATEST_NOTE = "SELECT note FROM checkpoints ORDER BY tree_size DESC LIMIT 1"
_HEAD = "SELECT origin, size, frontier FROM head"
_TWICE = "SELECT event_id, MIN(leaf_index), MAX(leaf_index) FROM events GROUP BY event_id HAVING COUNT(*) > 1"
_SPAN = "SELECT MIN(leaf_index), MAX(leaf_index) FROM events WHERE leaf_index < ? AND occurred_at_us >= ? AND occurred_at_us < ?"
_OPENING = "SELECT salt_hex, value FROM openings WHERE commitment = ?"
_OPENINGS_ABOUT = "SELECT commitment FROM openings WHERE subject = ? ORDER BY commitment"
_OPENINGS = "SELECT commitment, salt_hex, value FROM openings ORDER BY commitment"
_STATES = "SELECT model, version, environment, state, leaf_index FROM states ORDER BY model, version, environment"
_STREAMS = "SELECT stream, position FROM streams ORDER BY stream"
_REVISION = "SELECT version_num FROM alembic_version"
_KEEP = "INSERT INTO checkpoints (tree_size, root_hash, note) VALUES (?, ?, ?) ON CONFLICT (tree_size) DO NOTHING"


class LeafRow(NamedTuple):
    """What of a row the tree is made of."""

    leaf_index: Any
    leaf_hash: Any
    stored: Any


class HeadEntry(NamedTuple):
    origin: Any
    size: Any
    frontier: Any


class CheckpointEntry(NamedTuple):
    tree_size: Any
    root_hash: Any
    note: Any


class StateEntry(NamedTuple):
    model: Any
    version: Any
    environment: Any
    state: Any
    leaf_index: Any


class LedgerRows:
    """One connection to a ledger's database, on the bare driver. A context manager that closes it."""

    def __init__(self, url: str, *, writable: bool = False) -> None:
        """Raises Unavailable where there is no ledger or it does not answer, Tampered where the file is no database any more."""
        self._address = Address.parse(url)
        self._sqlite = self._address.file is not None
        self._cursors: list[Generator[Sequence[Any], None, None]] = []
        self._connection = connect(self._address, writable=writable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Rows may have been left before their end; they have to end before their connection does.
        for rows in self._cursors:
            rows.close()
        self._connection.close()

    def head(self) -> HeadEntry:
        """The head row. Raises Tampered where there is not exactly one."""
        found = self._fetch(_HEAD)
        if len(found) != 1:
            raise Tampered(f"The ledger {self._address} has {len(found)} heads, not one.", "Restore it from a backup.")
        return HeadEntry(*found[0])

    def records(self) -> Iterator[RecordRow]:
        """Every row of `events`, in the order of their indexes, one at a time. Raises Tampered where an index is no number.

        No change of a row does that, the column being the table's key: only a table that was made anew, or a damaged schema.
        """
        for row in self._each(_RECORDS):
            if type(row[0]) is not int:
                raise Tampered(
                    f"The ledger {self._address} has a record whose index is {row[0]!r}, which is no number.", "Restore it from a backup."
                )
            yield RecordRow(*row)

    def leaves(self) -> Iterator[LeafRow]:
        """What the tree is made of, in the order of the indexes: plain tuples of a LeafRow's parts, because there are many."""
        return cast("Iterator[LeafRow]", self._each(_LEAVES))

    def leaf_hashes(self, since: int, until: int) -> list[bytes]:
        """The hashes of the leaves from one index to before another, as they stand in their column."""
        return [row[0] for row in self._fetch(_LEAF_HASHES, (since, until))]

    def signed_leaf_hashes(self, size: int) -> list[bytes]:
        """The hashes of the first `size` leaves, which were signed; whoever uses them holds them against the root.

        A hundred thousand are three megabytes; the records behind them are hundreds. Raises Tampered where there are fewer.
        """
        found: list[Any] = [row[0] for row in self._fetch(_LEAF_HASHES, (0, size))]
        if len(found) != size or any(not isinstance(leaf, bytes) or len(leaf) != HASH_BYTES for leaf in found):
            raise Tampered(
                f"The ledger has {len(found)} leaves with a hash where {size} were signed.",
                "Run `lifecycle ledger verify`, and keep a copy.",
            )
        return found

    def span_of(self, size: int, since_us: int, until_us: int) -> tuple[int, int]:
        """The indexes from the first to after the last of the first `size` records that claim a time from `since_us` to before `until_us`.

        Times are claims and need not grow with the index, so records in between may claim another time. (0, 0) where there are none.
        """
        first, last = self._fetch(_SPAN, (size, since_us, until_us))[0]
        return (0, 0) if first is None else (first, last + 1)

    def name_of(self, index: object) -> str:
        """A record as a finding names it."""
        found = self._fetch(_NAME, (index,))
        return named(index, *(found[0] if found else ("unknown", "unknown")))

    def wanted(
        self, equal: Mapping[str, Any], types: Collection[str] | None, *, since: int, newest_first: bool, limit: int | None
    ) -> list[RecordRow]:
        """The rows from an index on whose columns have these values and whose type is one of these; `equal` names columns of ours."""
        conditions, values = ["leaf_index >= ?"], [since, *equal.values()]
        conditions += [f"{column} = ?" for column in equal]
        if types is not None:
            conditions.append(f"type IN ({', '.join('?' for _ in types)})" if types else "1 = 0")
            values += types
        order = "DESC" if newest_first else "ASC"
        statement = f"SELECT {ALL_COLUMNS} FROM events WHERE {' AND '.join(conditions)} ORDER BY leaf_index {order}"  # noqa: S608  # likewise
        if limit is not None:
            statement += " LIMIT ?"
            values.append(limit)
        return [RecordRow(*row) for row in self._fetch(statement, values)]

    def stored(self, since: int, until: int) -> Iterator[tuple[Any, Any]]:
        """(index, stored bytes) from one index to before another."""
        return ((row[0], row[1]) for row in self._each(_STORED, (since, until)))

    def checkpoints(self, above: int = -1) -> Iterator[CheckpointEntry]:
        """Every kept ledger checkpoint of more records than `above`, the smallest first."""
        return (CheckpointEntry(*row) for row in self._each(_CHECKPOINTS, (above,)))

    def latest_note(self) -> Any | None:
        """The note of the kept ledger checkpoint of the most records."""
        found = self._fetch(_LATEST_NOTE)
        return found[0][0] if found else None

    def event_ids_held_twice(self) -> list[tuple[Any, Any, Any]]:
        """(event id, first index, last index) of ids that stand more than once."""
        return [(row[0], row[1], row[2]) for row in self._fetch(_TWICE)]

    def openings(self) -> Iterator[tuple[Any, Any, Any]]:
        """(commitment, salt, value as JSON) of every value that is kept beside the log."""
        return ((row[0], row[1], row[2]) for row in self._each(_OPENINGS))

    def opening(self, commitment: str) -> tuple[Any, Any] | None:
        """(salt, value as JSON) of what is kept for one commitment."""
        found = self._fetch(_OPENING, (commitment,))
        return (found[0][0], found[0][1]) if found else None

    def openings_about(self, subject: str) -> list[Any]:
        """The commitments whose values and salts are kept under this subject."""
        return [row[0] for row in self._fetch(_OPENINGS_ABOUT, (subject,))]

    def states(self) -> Iterator[StateEntry]:
        """Every row of the projection of states."""
        return (StateEntry(*row) for row in self._each(_STATES))

    def streams(self) -> Iterator[tuple[Any, Any]]:
        """(stream, last place that was given) of every stream."""
        return ((row[0], row[1]) for row in self._each(_STREAMS))

    def has_projections(self) -> bool:
        """False for a ledger that was not opened since there are projections: only its leaves say what they would."""
        return [row[0] for row in self._fetch(_REVISION)] != [WITHOUT_PROJECTIONS]

    def missing_guards(self) -> tuple[str, ...]:
        """The triggers that refuse changes and do not stand any more; of a ledger that was not brought up to date nothing is said."""
        if [row[0] for row in self._fetch(_REVISION)] != [REVISION]:
            return ()
        wanted, statement = (IN_FILE, STANDING_IN_FILE) if self._sqlite else (ON_SERVER, STANDING_ON_SERVER)
        return tuple(sorted(wanted - {row[0] for row in self._fetch(statement)}))

    def keep_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Keeps a signed note; the one that stands already for this size stays."""
        with answering(self._address):
            self._connection.execute(spelt(_KEEP, self._address), (size, root, note))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A block in which everything that is read stands as of one moment."""
        with answering(self._address):
            self._connection.execute("BEGIN" if self._sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            with answering(self._address):
                self._connection.execute("ROLLBACK")

    def _each(self, statement: str, values: Sequence[Any] = ()) -> Iterator[Sequence[Any]]:
        """Rows one at a time, however many there are."""
        rows = self._rows_of(statement, values, name=f"rows_{len(self._cursors)}")
        self._cursors.append(rows)
        return rows

    def _rows_of(self, statement: str, values: Sequence[Any], *, name: str) -> Generator[Sequence[Any], None, None]:
        with answering(self._address):
            # On a server only a named cursor fetches as it goes, and outside a transaction only one that is held.
            cursor = self._connection.cursor() if self._sqlite else self._connection.cursor(name=name, withhold=True)
            try:
                cursor.execute(spelt(statement, self._address), tuple(values))
                yield from cursor
            finally:
                cursor.close()

    def _fetch(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        with answering(self._address):
            return list(self._connection.execute(spelt(statement, self._address), tuple(values)).fetchall())

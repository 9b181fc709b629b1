"""The tables, for the one transaction that has its turn: what an append reads and writes, in statements of their own.

The transaction, its pool and its end are SQLAlchemy Core's; on SQLite the statements go to the driver's connection under it, because
Core's way around a statement takes ten times as long as SQLite takes for it, and an append has eight.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lifecycle.ledger.appending.legality import Place, Standing
from lifecycle.ledger.storage.columns import ALL_COLUMNS, ALL_VALUES, RecordRow
from lifecycle.ledger.storage.drivers import FOR_PSYCOPG
from lifecycle.proofs.merkle import Frontier

#: How many ids are asked for in one statement; databases bound the number of parameters.
_IDS_AT_ONCE = 500
#: How many leaves are read in one statement: some megabytes at most.
_LEAVES_AT_ONCE = 500


_FRONTIER = "SELECT frontier FROM head WHERE id = 1"
_STANDING = "SELECT leaf_index, leaf_hash, event_id FROM events WHERE event_id IN ({})"
_PLACE = "SELECT COUNT(*) FROM events WHERE subject_kind = ? AND subject_name = ? AND leaf_index <= ?"
_LEAVES = f"SELECT {ALL_COLUMNS} FROM events WHERE leaf_index >= ? ORDER BY leaf_index LIMIT ?"  # noqa: S608  # names of columns of ours
_POSITION = "SELECT position FROM streams WHERE stream = ?"
_STATES_OF = "SELECT environment, state, leaf_index FROM states WHERE model = ? AND version = ?"
_SERVING = "SELECT version FROM states WHERE model = ? AND environment = ? AND state = 'serving'"
_INSERT = f"INSERT INTO events ({ALL_COLUMNS}) VALUES ({ALL_VALUES})"  # noqa: S608  # likewise
_KEEP = "INSERT INTO openings (commitment, subject, salt_hex, value) VALUES (?, ?, ?, ?) ON CONFLICT (commitment) DO NOTHING"
_DROP_OPENINGS = "DELETE FROM openings WHERE commitment IN ({})"
_DROP_BODIES = "UPDATE events SET stored = NULL WHERE leaf_index >= ? AND leaf_index < ? AND stored IS NOT NULL"
_MOVE_HEAD = "UPDATE head SET size = ?, frontier = ? WHERE id = 1"
_MOVE_STREAM = "INSERT INTO streams (stream, position) VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET position = excluded.position"
_MOVE_STATE = """INSERT INTO states (model, version, environment, state, leaf_index) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (model, version, environment) DO UPDATE SET state = excluded.state, leaf_index = excluded.leaf_index"""


@dataclass(frozen=True)
class Receipt:
    """Where an event stands. A retried append gets the receipt of the first."""

    index: int
    leaf_hash: bytes
    event_id: str


class Turn:
    """One transaction's statements. Whatever the driver raises is for `Database` to explain."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: The driver's own connection, where going around Core is worth it: on a server its answer takes longer than Core does.
        self._driver: Any = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None

    def frontier(self) -> Frontier:
        """The head, locked until the transaction ends: on SQLite it began IMMEDIATE."""
        return Frontier.from_bytes(next(self._rows(_FRONTIER))[0])

    def standing(self, event_ids: Sequence[str]) -> dict[str, Receipt]:
        """The receipts of those events that stand already."""
        found: dict[str, Receipt] = {}
        for start in range(0, len(event_ids), _IDS_AT_ONCE):
            ids = event_ids[start : start + _IDS_AT_ONCE]
            for index, leaf, event_id in self._rows(_STANDING.format(", ".join("?" * len(ids))), *ids):
                found[event_id] = Receipt(index, bytes(leaf), event_id)
        return found

    def place_in_stream(self, kind: str, name: str, index: int) -> int:
        """Which record of its stream a record is, from 1, counted over the rows."""
        place: int = next(self._rows(_PLACE, kind, name, index))[0]
        return place

    def position(self, stream: str) -> int:
        """The last place that was given in a stream; 0 for a stream that is new."""
        found = next(self._rows(_POSITION, stream), None)
        return 0 if found is None else found[0]

    def states_of(self, model: str, version: int) -> Mapping[str, Standing]:
        """What one version is, by environment."""
        return {environment: Standing(state, index) for environment, state, index in self._rows(_STATES_OF, model, version)}

    def serving(self, model: str, environment: str) -> Collection[int]:
        """The versions of a model that serve in an environment."""
        return [row[0] for row in self._rows(_SERVING, model, environment)]

    def leaves(self) -> Iterator[RecordRow]:
        """Every leaf, in order."""
        since = 0
        while found := [RecordRow(*row) for row in self._rows(_LEAVES, since, _LEAVES_AT_ONCE)]:
            yield from found
            since = found[-1].leaf_index + 1

    def insert(self, rows: Sequence[RecordRow]) -> None:
        """Writes leaves."""
        self._write(_INSERT, rows)

    def keep(self, commitment: str, subject: str, salt_hex: str, value: str) -> None:
        """Keeps what opens a commitment, unless it is kept already."""
        self._write(_KEEP, [(commitment, subject, salt_hex, value)])

    def drop_openings(self, commitments: Sequence[str]) -> None:
        """Deletes what opens these commitments."""
        for start in range(0, len(commitments), _IDS_AT_ONCE):
            some = commitments[start : start + _IDS_AT_ONCE]
            self._write(_DROP_OPENINGS.format(", ".join("?" * len(some))), [tuple(some)])

    def drop_bodies(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Takes the bytes away from the leaves of these ranges, each from its first index to before its last."""
        self._write(_DROP_BODIES, ranges)

    def move_head(self, frontier: Frontier) -> None:
        """Writes the head."""
        self._write(_MOVE_HEAD, [(frontier.size, frontier.to_bytes())])

    def move_streams(self, positions: Mapping[str, int]) -> None:
        """Writes the last places that were given in these streams."""
        self._write(_MOVE_STREAM, list(positions.items()))

    def move_states(self, moved: Mapping[Place, Standing]) -> None:
        """Writes the states of these versions."""
        self._write(_MOVE_STATE, [(*place, *standing) for place, standing in moved.items()])

    def _rows(self, statement: str, *values: Any) -> Iterator[Sequence[Any]]:
        if self._driver is not None:
            return iter(self._driver.execute(statement, values).fetchall())
        return iter(self._connection.exec_driver_sql(statement.translate(FOR_PSYCOPG), values).fetchall())

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._driver is not None:
            self._driver.executemany(statement, rows)
        elif rows:
            self._connection.exec_driver_sql(statement.translate(FOR_PSYCOPG), rows[0] if len(rows) == 1 else list(rows))

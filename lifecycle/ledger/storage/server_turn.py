"""A turn on a Postgres server: all writing goes through the functions of migration 0003, so that who may change nothing can append.

The server makes indexes, leaf hashes, columns and the head from the bytes alone; what this process computed must come out the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from lifecycle.errors import Tampered
from lifecycle.ledger.appending.legality import Place, Standing
from lifecycle.ledger.storage.columns import RecordRow
from lifecycle.ledger.storage.turn import Turn
from lifecycle.proofs.merkle import Frontier

_TAKE_TURN = "SELECT ledger_take_turn()"
_APPEND = "SELECT ledger_append(%s::bytea[])"
_MOVE_STATE = "SELECT ledger_move_state(%s, %s, %s, %s, %s)"
_KEEP = "SELECT ledger_keep(%s, %s, %s, %s)"


class ServerTurn(Turn):
    """One transaction's statements on Postgres."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._head = b""

    def frontier(self) -> Frontier:
        self._head = bytes(next(self._rows(_TAKE_TURN))[0])
        return Frontier.from_bytes(self._head)

    def insert(self, rows: Sequence[RecordRow]) -> None:
        """Has the server write leaves, the head over them, and the streams that they are in."""
        if rows:
            self._head = bytes(next(self._rows(_APPEND, [row.stored for row in rows]))[0])

    def move_head(self, frontier: Frontier) -> None:
        """Nothing is left to write. Raises Tampered where the server came to another head."""
        if frontier.to_bytes() != self._head:
            raise Tampered(
                f"The server's head over {frontier.size} records is not what they hash to: its functions were changed.",
                "Nothing was written. Keep a copy of the database, and run `lifecycle ledger verify` and `lifecycle ledger fsck`.",
            )

    def move_streams(self, positions: Mapping[str, int]) -> None:
        """Done by `insert`."""

    def move_states(self, moved: Mapping[Place, Standing]) -> None:
        self._write(_MOVE_STATE, [(*place, *standing) for place, standing in moved.items()])

    def keep(self, commitment: str, subject: str, salt_hex: str, value: str) -> None:
        self._write(_KEEP, [(commitment, subject, salt_hex, value)])


def turn_on(connection: Connection) -> Turn:
    """The statements of this connection's database."""
    return Turn(connection) if connection.dialect.name == "sqlite" else ServerTurn(connection)

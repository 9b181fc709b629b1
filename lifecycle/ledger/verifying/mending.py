"""Writes anew what `fsck` found to be different: head, states, streams and columns, never a leaf, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, update

from lifecycle.errors import Tampered
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.columns import EVENT_COLUMNS
from lifecycle.ledger.storage.database import Database
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.storage.schema import HEAD_ID, LedgerTable
from lifecycle.ledger.storage.turn import Turn
from lifecycle.ledger.verifying.fsck import Examination, examine_rows

_EVENTS = LedgerTable.metadata.tables["events"]
_HEAD = LedgerTable.metadata.tables["head"]
_STATES = LedgerTable.metadata.tables["states"]
_STREAMS = LedgerTable.metadata.tables["streams"]


def mend(url: str) -> Examination:
    """Examines a ledger while nobody else writes, and makes its projections what its leaves say; returns what was different.

    Raises Tampered, and writes nothing, where something is different that can't be written anew: leaves that were changed or dropped are
    evidence, and only a backup brings them back. Raises Unavailable like every writer.
    """
    address = Address.parse(url)
    database = Database(address)
    try:
        with LedgerRows(url) as rows, database.writing() as connection:
            # On SQLite the transaction began IMMEDIATE; nothing changes between the examination and what is written.
            connection.execute(_HEAD.select().with_for_update())
            with rows.snapshot():
                examination = examine_rows(rows)
            _require_mendable(examination, address)
            _write(connection, examination)
    finally:
        database.close()
    return examination


def _require_mendable(examination: Examination, address: Address) -> None:
    beyond = [difference.what for difference in examination.differences if not difference.mendable]
    if beyond:
        raise Tampered(
            f"The leaves of the ledger {address} were damaged, which nothing here can mend: {beyond[0]}.",
            "Nothing was written. Keep a copy as evidence, run `lifecycle ledger verify`, and restore a backup.",
        )


def _write(connection: Connection, examination: Examination) -> None:
    if not examination.differences:
        return
    connection.execute(update(_HEAD).where(_HEAD.c.id == HEAD_ID), {"size": examination.size, "frontier": examination.frontier.to_bytes()})
    connection.execute(_STATES.delete())
    connection.execute(_STREAMS.delete())
    turn = Turn(connection)
    turn.move_states(examination.projections.states)
    turn.move_streams(examination.projections.streams)
    if examination.columns:
        with _triggers_aside(connection):
            for index, values in examination.columns:
                row = dict(zip(EVENT_COLUMNS, values, strict=True))
                connection.execute(update(_EVENTS).where(_EVENTS.c.leaf_index == index), row)


@contextmanager
def _triggers_aside(connection: Connection) -> Iterator[None]:
    """A block in which columns of `events` can be written; its triggers are what they were at its end, or when the transaction fails."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE events DISABLE TRIGGER events_refuse_update")
        yield
        connection.exec_driver_sql("ALTER TABLE events ENABLE TRIGGER events_refuse_update")
        return
    asked = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'"
    triggers = connection.exec_driver_sql(asked).fetchall()
    for name, _ in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    yield
    for _, definition in triggers:
        connection.exec_driver_sql(definition)

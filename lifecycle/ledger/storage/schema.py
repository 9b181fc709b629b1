"""The tables of the ledger, and what of an event stands in columns.

The record is `stored`: the canonical bytes, verbatim. Every other column of `events` repeats a part of
them so that it can be searched for; verification holds each one against the bytes. After their retention the bytes may
go (`stored` becomes null, and nothing else of a row ever changes): the leaf hash stays, and with it every proof.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, Text
from sqlmodel import Field, Index, SQLModel

#: The head is one row; its lock is what puts appends in order.
HEAD_ID = 1

#: In SQLite only a column of type INTEGER is the key of the table itself.
_WHOLE = BigInteger().with_variant(Integer, "sqlite")


class LedgerTable(SQLModel):
    """The root of the ledger's tables, apart from any other tables of the process."""

    metadata: ClassVar[MetaData] = MetaData()


class EventRow(LedgerTable, table=True):
    """One leaf. Its index is given under the lock of the head, never by a sequence: a rolled-back append must leave no gap."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_subject", "subject_kind", "subject_name", "subject_version"),)

    leaf_index: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    event_id: str = Field(unique=True, sa_type=Text)
    type: str = Field(index=True, sa_type=Text)
    environment: str = Field(sa_type=Text)
    occurred_at_us: int = Field(sa_type=BigInteger)
    actor_id: str = Field(sa_type=Text)
    subject_kind: str = Field(sa_type=Text)
    subject_name: str = Field(sa_type=Text)
    subject_version: int | None = Field(default=None, sa_type=BigInteger)
    subject_digest: str | None = Field(default=None, sa_type=Text)
    run_id: str | None = Field(default=None, index=True, sa_type=Text)
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    stored: bytes | None = Field(sa_type=LargeBinary, nullable=True)


class HeadRow(LedgerTable, table=True):
    """Where the log stands: all that the next append needs (see `proofs.merkle.Frontier`)."""

    __tablename__ = "head"

    id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    origin: str = Field(sa_type=Text)
    size: int = Field(sa_type=BigInteger)
    frontier: bytes = Field(sa_type=LargeBinary)


class CheckpointRow(LedgerTable, table=True):
    """A signed ledger checkpoint, as the signer wrote it."""

    __tablename__ = "checkpoints"

    tree_size: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    root_hash: bytes = Field(sa_type=LargeBinary)
    note: str = Field(sa_type=Text)


class OpeningRow(LedgerTable, table=True):
    """A personal value and the salt of its commitment: beside the log, so that it can be erased without changing a leaf."""

    __tablename__ = "openings"

    commitment: str = Field(primary_key=True, sa_type=Text)
    subject: str = Field(index=True, sa_type=Text)
    salt_hex: str = Field(sa_type=Text)
    #: The value as JSON.
    value: str = Field(sa_type=Text)


class StateRow(LedgerTable, table=True):
    """A projection of the leaves: the state of a version in an environment. "" is where only what counts everywhere has happened."""

    __tablename__ = "states"

    model: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    environment: str = Field(primary_key=True, sa_type=Text)
    state: str = Field(sa_type=Text)
    #: The record that led to it.
    leaf_index: int = Field(sa_type=BigInteger)


class StreamRow(LedgerTable, table=True):
    """A projection of the leaves: the last place that was given in each stream."""

    __tablename__ = "streams"

    stream: str = Field(primary_key=True, sa_type=Text)
    position: int = Field(sa_type=BigInteger)


class AnchorRow(LedgerTable, table=True):
    """What an anchor answered to a ledger checkpoint: the receipt that somebody else saw it, and when."""

    __tablename__ = "anchors"

    id: str = Field(primary_key=True, sa_type=Text)
    anchor: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    tree_size: int = Field(index=True, sa_type=BigInteger)
    root_hash: bytes = Field(sa_type=LargeBinary)
    at_us: int = Field(sa_type=BigInteger)
    note: str = Field(sa_type=Text)
    receipt: bytes = Field(sa_type=LargeBinary)

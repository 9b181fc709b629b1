"""What is being signed: kept from the moment that somebody is shown it until it is recorded, so that a restart in between loses nothing.

| state    | means                                                                     | left by                        |
| -------- | ------------------------------------------------------------------------- | ------------------------------ |
| open     | somebody was shown a statement, and their authenticator asked for an answer | a good answer, or a bad one    |
| signed   | the answer was good, and its count was taken in; the ledger may not have it | recorded, or refused by a gate |
| recorded | the ledger has it                                                         | nothing                        |
| refused  | it counts for nothing                                                     | nothing                        |
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from lifecycle.desk.matters.known import MATTERS
from lifecycle.desk.matters.matter import Matter
from lifecycle.desk.store import DeskStore
from lifecycle.errors import UnknownName
from lifecycle.records.approval import AnyStatement, Envelope, Statement
from lifecycle.records.identity import now_us
from lifecycle.records.record import DAY_US, SECOND_US, ActorId, Microseconds

CeremonyState = Literal["open", "signed", "recorded", "refused"]
#: How long one that is over is remembered, so that an answer that comes twice is known for what it is.
REMEMBERED_US = 7 * DAY_US


_SELECT = "SELECT id, person, statement, until_us, state, envelope, payload_type FROM ceremonies LEFT JOIN ceremony_types USING (id)"


@dataclass(frozen=True)
class Ceremony:
    """One statement on its way to a signature."""

    id: str
    person: ActorId
    matter: Matter[Any]
    #: The record of that matter.
    statement: Any
    until_us: Microseconds
    state: CeremonyState
    #: What was signed, from the state `signed` on.
    envelope: Envelope | None


class Ceremonies:
    """The ceremonies of one desk."""

    def __init__(self, store: DeskStore) -> None:
        self._store = store

    def open(self, matter: Matter[Any], statement: AnyStatement, valid_seconds: int) -> Ceremony:
        """Keeps what somebody is about to be shown."""
        now = now_us()
        until = now + valid_seconds * SECOND_US
        made = Ceremony(secrets.token_urlsafe(24), statement.speaker, matter, statement, until, "open", None)
        with self._store.writing() as tables:
            tables.execute("DELETE FROM ceremonies WHERE until_us <= ? AND state <> 'signed'", (now - REMEMBERED_US,))
            tables.execute(
                "INSERT INTO ceremonies VALUES (?, ?, ?, ?, 'open', NULL)", (made.id, made.person, statement.canonical(), made.until_us)
            )
            tables.execute("DELETE FROM ceremony_types WHERE id NOT IN (SELECT id FROM ceremonies)")
            tables.execute("INSERT INTO ceremony_types VALUES (?, ?)", (made.id, matter.kind.payload_type))
        return made

    def find(self, ceremony_id: str, person: ActorId) -> Ceremony:
        """A ceremony of this person. Raises UnknownName: one of somebody else is none."""
        found = self._where("id = ? AND person = ?", (ceremony_id, person))
        if not found:
            raise UnknownName("Nothing is being signed here under this name.", "Go back to the version, and begin again.")
        return found[0]

    def signed(self) -> list[Ceremony]:
        """Those that were signed, and of which it is not known that the ledger has them."""
        return self._where("state = 'signed'", ())

    def sign(self, ceremony: Ceremony, envelope: Envelope, count_in: Callable[[sqlite3.Connection], None]) -> bool:
        """Takes a good answer in, together with the passkey's count; False where the ceremony is not open any more.

        What `count_in` raises leaves everything as it was.
        """
        with self._store.writing() as tables:
            changed = tables.execute(
                "UPDATE ceremonies SET state = 'signed', envelope = ? WHERE id = ? AND state = 'open'", (envelope.canonical(), ceremony.id)
            ).rowcount
            if changed:
                count_in(tables)
            return bool(changed)

    def end(self, ceremony: Ceremony, state: Literal["recorded", "refused"]) -> None:
        with self._store.writing() as tables:
            tables.execute("UPDATE ceremonies SET state = ? WHERE id = ? AND state IN ('open', 'signed')", (state, ceremony.id))

    def _where(self, condition: str, values: tuple[str, ...]) -> list[Ceremony]:
        with self._store.reading() as tables:
            # The condition is one of ours; values are bound.
            rows = tables.execute(f"{_SELECT} WHERE {condition} ORDER BY until_us", values).fetchall()
        return [_ceremony(row) for row in rows]


def _ceremony(row: tuple[Any, ...]) -> Ceremony:
    # A ceremony of before there was anything else to sign than approvals has no type beside it.
    matter = MATTERS[row[6] or Statement.payload_type]
    envelope = None if row[5] is None else Envelope.parse(row[5])
    return Ceremony(row[0], row[1], matter, matter.kind.parse(row[2]), row[3], cast("CeremonyState", row[4]), envelope)

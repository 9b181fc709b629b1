"""Challenges for signing in and for registering: random, good for one answer and a few minutes.

A challenge is the SHA-256 of bytes that begin otherwise than those of a statement do (`DSSEv1 …`): what somebody signs to sign in
can never be shown as an approval.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from lifecycle.approvals.passkeys import challenge_of
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore, hashed
from lifecycle.errors import Refused
from lifecycle.records.identity import now_us
from lifecycle.records.record import SECOND_US

#: So many may be open at once; past them the oldest is dropped.
MOST_OPEN = 1_000


@dataclass(frozen=True)
class Challenge:
    """What the answer names it by, and the bytes behind it."""

    id: str
    signed: bytes

    @property
    def bytes(self) -> bytes:
        return challenge_of(self.signed)


class Challenges:
    """The open challenges of one desk."""

    def __init__(self, store: DeskStore, settings: DeskSettings) -> None:
        self._store = store
        self._valid_us = settings.ceremony_seconds * SECOND_US

    def ask(self, purpose: str) -> Challenge:
        """A fresh challenge. `purpose` says what the answer to it counts for."""
        made = Challenge(secrets.token_urlsafe(32), b"lifecycle desk challenge v1\n%b\n%b" % (purpose.encode(), secrets.token_bytes(32)))
        now = now_us()
        with self._store.writing() as tables:
            tables.execute("DELETE FROM challenges WHERE until_us <= ?", (now,))
            tables.execute(
                "DELETE FROM challenges WHERE id_hash IN (SELECT id_hash FROM challenges ORDER BY until_us DESC LIMIT -1 OFFSET ?)",
                (MOST_OPEN - 1,),
            )
            tables.execute("INSERT INTO challenges VALUES (?, ?, ?, ?)", (hashed(made.id), purpose, made.signed, now + self._valid_us))
        return made

    def take(self, challenge_id: str, purpose: str) -> Challenge:
        """The challenge, which is used up by this. Raises Refused where it was before, where its time is over, and where there is none."""
        with self._store.writing() as tables:
            row = tables.execute(
                "DELETE FROM challenges WHERE id_hash = ? AND purpose = ? RETURNING secret, until_us", (hashed(challenge_id), purpose)
            ).fetchone()
        if row is None or row[1] <= now_us():
            raise Refused("This was answered already, or took too long.", "Begin again.", ("KEY-CHALLENGE",))
        return Challenge(challenge_id, row[0])

"""Sessions: who is signed in. The browser holds a random id in a cookie that no script reads; the desk holds its hash.

A session ends when nobody uses it for a while, at an absolute time, when its person signs out or leaves the registry, and when the
passkey that it began with is revoked.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore, hashed
from lifecycle.records.identity import now_us
from lifecycle.records.record import SECOND_US, ActorId, Name

#: A session that is in use is written down as seen this often, and not with every request.
_SEEN_EVERY_US = 30 * SECOND_US


@dataclass(frozen=True)
class Session:
    """Who is signed in, and with which key; None where a provider vouches for them, and not a passkey."""

    person: ActorId
    key_id: str | None
    #: The roles that the provider lets them use; None where it is not asked.
    roles: tuple[str, ...] | None = None

    def narrowed(self, roles: Iterable[Name]) -> tuple[Name, ...]:
        """What this session may use of these roles."""
        return tuple(role for role in roles if self.roles is None or role in self.roles)


class Sessions:
    """The sessions of one desk."""

    def __init__(self, store: DeskStore, settings: DeskSettings) -> None:
        self._store = store
        self._idle_us = settings.idle_seconds * SECOND_US
        self._longest_us = settings.session_seconds * SECOND_US

    def begin(self, person: ActorId, key_id: str | None, roles: Sequence[str] | None = None) -> str:
        """A fresh session; returns its id, which is the browser's alone from here on."""
        session_id, now = secrets.token_urlsafe(32), now_us()
        with self._store.writing() as tables:
            ended = (now - self._longest_us, now - self._idle_us)
            tables.execute("DELETE FROM sessions WHERE began_us <= ? OR seen_us <= ?", ended)
            tables.execute("DELETE FROM session_roles WHERE id_hash NOT IN (SELECT id_hash FROM sessions)")
            tables.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (hashed(session_id), person, key_id, now, now))
            if roles is not None:
                tables.execute("INSERT INTO session_roles VALUES (?, ?)", (hashed(session_id), json.dumps(list(roles))))
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session of this id, as long as it has not ended."""
        now = now_us()
        with self._store.reading() as tables:
            row = tables.execute(
                "SELECT person, key_id, began_us, seen_us, roles FROM sessions LEFT JOIN session_roles USING (id_hash) WHERE id_hash = ?",
                (hashed(session_id),),
            ).fetchone()
        if row is None or now >= row[2] + self._longest_us or now >= row[3] + self._idle_us:
            return None
        if now >= row[3] + _SEEN_EVERY_US:
            with self._store.writing() as tables:
                tables.execute("UPDATE sessions SET seen_us = ? WHERE id_hash = ?", (now, hashed(session_id)))
        return Session(row[0], row[1], None if row[4] is None else tuple(json.loads(row[4])))

    def end(self, session_id: str) -> None:
        with self._store.writing() as tables:
            tables.execute("DELETE FROM sessions WHERE id_hash = ?", (hashed(session_id),))


def csrf_token(session_id: str) -> str:
    """What a form of this session must bring along: who reads it learns nothing of the session's id."""
    return hashlib.sha256(b"lifecycle desk csrf\n" + session_id.encode()).hexdigest()


def is_csrf_token(session_id: str, token: str) -> bool:
    return secrets.compare_digest(csrf_token(session_id).encode(), token.encode())

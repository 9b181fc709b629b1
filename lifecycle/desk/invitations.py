"""Invitations: a link with which one person registers one passkey, once and soon.

The token is 256 random bits; the desk keeps its hash. It stands behind the `#` of the link: browsers send that to nobody, so no log has it.
"""

from __future__ import annotations

import secrets

from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore, hashed
from lifecycle.errors import Refused
from lifecycle.records.identity import now_us
from lifecycle.records.record import SECOND_US, ActorId


def invite(store: DeskStore, settings: DeskSettings, person: ActorId) -> str:
    """A link for a person who is enrolled. An earlier one that was not used ends with it."""
    token, now = secrets.token_urlsafe(32), now_us()
    with store.writing() as tables:
        tables.execute("DELETE FROM invitations WHERE person = ? OR until_us <= ?", (person, now))
        tables.execute("INSERT INTO invitations VALUES (?, ?, ?)", (hashed(token), person, now + settings.invitation_seconds * SECOND_US))
    return f"{settings.origin}/enrol#{token}"


def invited(store: DeskStore, token: str) -> ActorId:
    """Whom a token is for. Raises Refused where it is none, was used, or its time is over."""
    with store.reading() as tables:
        row = tables.execute("SELECT person, until_us FROM invitations WHERE token_hash = ?", (hashed(token),)).fetchone()
    return _still_good(row)


def use_invitation(store: DeskStore, token: str) -> ActorId:
    """The same, and it was good once: of two at the same time one gets it."""
    with store.writing() as tables:
        row = tables.execute("DELETE FROM invitations WHERE token_hash = ? RETURNING person, until_us", (hashed(token),)).fetchone()
    return _still_good(row)


def _still_good(row: tuple[ActorId, int] | None) -> ActorId:
    if row is None or row[1] <= now_us():
        raise Refused(
            "This link was used already, has run out, or was replaced by a newer one.",
            "Ask for another: `lifecycle people invite ID` makes one.",
            ("INVITATION",),
        )
    return row[0]

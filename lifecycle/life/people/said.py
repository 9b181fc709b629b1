"""What every statement says that is made and signed in one sitting: whose it is, why, where, and for how long it can be handed in."""

from __future__ import annotations

import secrets
from typing import TypedDict

from lifecycle.records.identity import now_us
from lifecycle.records.record import HOUR_US, ActorId, Microseconds, Name
from lifecycle.wiring import Departments


class Said(TypedDict):
    """The fields of a `BySigner` that do not depend on what it is about."""

    signer: ActorId
    reason: str
    environment: Name
    nonce: str
    signed_at_us: Microseconds
    expires_at_us: Microseconds


def said_now(departments: Departments, person: str, reason: str) -> Said:
    """Said by this person, here, for an hour from now; with a nonce of its own, so that no two statements are one.

    Raises UnknownName for who is not enrolled.
    """
    at_us = now_us()
    return {
        "signer": departments.people.person(person).id,
        "reason": reason,
        "environment": departments.environment,
        "nonce": secrets.token_hex(16),
        "signed_at_us": at_us,
        "expires_at_us": at_us + HOUR_US,
    }

"""What happens to those who govern: people and keys."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.bodies.body import Body
from lifecycle.records.record import ActorId, Digest, Name


class PersonEnrolled(Body):
    person: ActorId
    roles: tuple[Name, ...]
    teams: tuple[Name, ...]
    key_id: str | None
    registry: Literal["project", "home"]
    registry_digest: Digest


class KeyRevoked(Body):
    person: ActorId
    key_id: str
    reason: str

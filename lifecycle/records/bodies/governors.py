"""What happens to those who govern: people and keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lifecycle.records.bodies.body import Body
from lifecycle.records.identity import Commitment
from lifecycle.records.record import ActorId, Digest, Name, Record, is_none


class EnrolledKey(Record):
    """A public key, Ed25519 in base64, and the id that it goes by: whoever verifies a signature needs no more."""

    id: str
    public: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]


class PersonEnrolled(Body):
    """A person counts. The registry as it then was is kept in the artifact store under its digest."""

    person: ActorId
    roles: tuple[Name, ...]
    teams: tuple[Name, ...]
    keys: tuple[EnrolledKey, ...]
    registry: Literal["project", "home"]
    registry_digest: Digest
    #: To what the directory says of the person (display name, address of their commits), which can be erased.
    directory: Commitment | None = Field(default=None, exclude_if=is_none)


class KeyRevoked(Body):
    """A key counts no more, for nothing that it ever signed: whoever stole it can date a statement as they like."""

    person: ActorId
    key_id: str
    reason: str

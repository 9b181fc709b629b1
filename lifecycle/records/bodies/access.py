"""Who may ask a gateway for predictions, and what a gateway refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lifecycle.records.access import CredentialKind, Quota
from lifecycle.records.bodies.body import Body
from lifecycle.records.record import INTEGER_BOUND, ActorId, Count, Digest, Id, Microseconds, Name, Record

#: Why a request was refused, in one word for each reason.
RefusalReason = Literal[
    "no_credential",
    "unknown_credential",
    "revoked_credential",
    "expired_credential",
    "not_allowed",
    "quota",
    "too_many",
    "too_large",
    "too_slow",
    "invalid",
    "unknown_name",
]


class AccessGranted(Body):
    """An application may ask the gateways of this environment. What it shows stands here as a digest only.

    An API key is 256 random bits, so its plain SHA-256 gives nobody the key; of a certificate it is the SHA-256 of its name.
    """

    grant_id: Id
    #: The application that calls, by its pseudonym; never a person's name.
    principal: ActorId
    kind: CredentialKind
    credential_digest: Digest
    #: The name that the caller's certificate must have; "" for a key.
    certificate_name: str = Field(default="", max_length=256)
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    #: What the predictions are for; the gate holds it against what the model is for.
    purpose: Name
    tier: Name
    quota: Quota
    expires_at_us: Microseconds
    reason: str


class AccessRevoked(Body):
    """A grant counts no more."""

    grant_id: Id
    principal: ActorId
    reason: str


class RefusedCount(Record):
    """How many requests were refused for one reason."""

    reason: RefusalReason
    requests: Count


class RefusalsSealed(Body):
    """A segment of the log of refused requests is closed: its lines are the leaves of a tree, and this is the root."""

    segment: str
    stream: Id
    #: The place in the stream of this gateway, from 1, without gaps: a segment that is missing shows.
    number: Annotated[int, Field(ge=1, lt=INTEGER_BOUND)]
    #: Lines of the segment; one may stand for many requests that were refused alike within a second.
    lines: Count
    refused: tuple[RefusedCount, ...]
    from_us: Microseconds
    to_us: Microseconds
    #: RFC 6962 over the lines as they were written, without their line feeds.
    root: Digest

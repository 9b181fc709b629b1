"""Who may ask a gateway for predictions, and what a gateway refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.access import CredentialKind, LabelRight, Quota
from lifecycle.records.approval import AccessStatement, Envelope, RevocationStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.record import INTEGER_BOUND, ActorId, Count, Digest, Id, Microseconds, Name, Record, is_none

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
#: The same, in the order in which a gateway counts them: a new one goes to the end.
REFUSAL_REASONS: tuple[RefusalReason, ...] = get_args(RefusalReason)


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
    #: Of whose predictions it may send labels (`POST /v2/feedback`); None: of nobody's.
    labels: LabelRight | None = Field(default=None, exclude_if=is_none)
    reason: str
    #: What somebody signed, which says all of this; None where nobody did, as only in `local`.
    envelope: Envelope | None = Field(default=None, exclude_if=is_none)

    @classmethod
    def signed(cls, envelope: Envelope) -> Self:
        """What an envelope grants. Raises MalformedRecord where it holds something else."""
        return cls(**_granted_by(envelope.holding(AccessStatement)), envelope=envelope)

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        if self.envelope is not None:
            for name, value in _granted_by(self.envelope.holding(AccessStatement)).items():
                if getattr(self, name) != value:
                    raise MalformedRecord(f"AccessGranted says another {name} than was signed.", "Record what was signed.")
        return self


def _granted_by(statement: AccessStatement) -> dict[str, Any]:
    """What stands in the body of what a statement grants."""
    taken = (
        "grant_id",
        "principal",
        "kind",
        "credential_digest",
        "certificate_name",
        "models",
        "purpose",
        "tier",
        "quota",
        "labels",
        "reason",
    )
    return {name: getattr(statement, name) for name in taken} | {"expires_at_us": statement.granted_until_us}


class AccessRevoked(Body):
    """A grant counts no more."""

    grant_id: Id
    principal: ActorId
    reason: str
    #: What somebody signed; None where nobody did, as only in `local`.
    envelope: Envelope | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        if self.envelope is not None:
            said = self.envelope.holding(RevocationStatement)
            if (said.revokes, said.target, said.reason) != ("access", self.grant_id, self.reason):
                raise MalformedRecord("AccessRevoked says something else than was signed.", "Record what was signed.")
        return self


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

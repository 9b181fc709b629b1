"""What happens to those who govern: people and keys."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.approval import Envelope, GovernanceStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.identity import Commitment
from lifecycle.records.passkeys import Passkey
from lifecycle.records.record import ActorId, Digest, Id, Name, Record, is_none

#: In base64: an Ed25519 key (32 bytes), or the COSE key of a passkey on that curve (42 bytes) or on P-256 (77 bytes).
PublicKey = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{56}|[A-Za-z0-9+/]{103}=)$")]

#: The environment where what a person of the home says counts, and nothing has to be agreed to.
UNGOVERNED: Name = "local"


class EnrolledKey(Record):
    """A public key and the id that it goes by, with where it speaks if it is a passkey: whoever verifies a signature needs no more."""

    id: str
    public: PublicKey
    passkey: Passkey | None = Field(default=None, exclude_if=is_none)


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


class KeyEnrolled(Body):
    """A person registered a passkey, with an invitation that was made for them.

    It counts with the registry that has it: in `local` that of the digest, elsewhere the one that others agree to.
    """

    person: ActorId
    key: EnrolledKey
    #: Where it was written to, and the registry as it then was; None where others must agree to it first.
    registry: Literal["project", "home"] | None
    registry_digest: Digest | None


class SignInRefused(Body):
    """Somebody used a key that is enrolled in a way that it must not be used: a copy of it may be about."""

    person: ActorId
    key_id: str
    rules: tuple[str, ...]
    reason: str


#: What people sign here.
Signable = Literal["approval", "waiver", "governance", "revocation", "break_glass", "review", "access", "rollout"]


class SignatureBarred(Body):
    """A signature in somebody's name was refused: what it was about does not exist by it. Of an approval that a gate bars
    there is an ApprovalBarred instead."""

    #: In whose name.
    person: ActorId
    about: Signable
    #: None where nothing was made yet that could have been signed.
    statement_digest: Digest | None = Field(default=None, exclude_if=is_none)
    rules: tuple[str, ...]
    #: What was wrong, in words of ours.
    reason: str


class _Governing(Body):
    """What a person signed about what governs. The envelope alone carries it."""

    part: ClassVar[Literal["propose", "agree"]]
    envelope: Envelope

    @property
    def statement(self) -> GovernanceStatement:
        return self.envelope.holding(GovernanceStatement)

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        if self.statement.part != self.part:
            raise MalformedRecord(
                f"{type(self).__name__} holds a statement to {self.statement.part}.", "Record what was signed, as what it was signed."
            )
        return self


class GovernanceProposed(_Governing):
    """Somebody asks that other policies, limits or people count. Both are kept in the artifact store under their digests."""

    part = "propose"


class GovernanceSigned(_Governing):
    """Somebody else agrees."""

    part = "agree"


class GovernanceChanged(Body):
    """From here on these policies, limits and people count: somebody proposed them, and two others agreed."""

    proposal_id: Id
    bundle_digest: Digest
    people_digest: Digest
    proposed_by: ActorId
    agreed_by: tuple[ActorId, ...] = Field(min_length=2)

"""What an approver signs: exactly these bytes, for this environment, once, until then."""

from __future__ import annotations

import base64
import binascii
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from lifecycle.errors import MalformedRecord
from lifecycle.records.access import CredentialKind, LabelRight, Quota
from lifecycle.records.identity import derived_id
from lifecycle.records.passkeys import Assertion
from lifecycle.records.record import ActorId, Count, Digest, Id, Microseconds, Name, Prose, Record, Version, is_none

#: What can be taken back.
Revocable = Literal["key", "approval", "version", "access"]
#: What a person may say of a rollout that is left to one.
RolloutPart = Literal["promote", "end"]


class AnyStatement(Record):
    """What somebody signs in their own name, once, by a certain time."""

    #: The type of a DSSE payload: bytes signed as the one never count as another.
    payload_type: ClassVar[str]

    reason: Prose
    #: Drawn afresh for every signature: it keeps two statements from being one.
    nonce: str
    signed_at_us: Microseconds
    #: By when it may be recorded.
    expires_at_us: Microseconds

    @property
    @abstractmethod
    def speaker(self) -> ActorId:
        """In whose name it speaks. Whether they signed it is for their key to show."""

    @property
    def recorded_as(self) -> Id:
        """The id of the record of it. It follows from the statement, so that one statement can't stand in a ledger twice."""
        return derived_id("signed", self.content_digest())


class BySigner(AnyStatement):
    """What names whoever signs it as its signer."""

    signer: ActorId

    @property
    def speaker(self) -> ActorId:
        return self.signer


StatementT = TypeVar("StatementT", bound=AnyStatement)


class Statement(AnyStatement):
    """Any changed byte voids it. It counts once: its digest is what a deployment decision uses up, and its nonce, drawn
    afresh for every signature, keeps two statements from being one.
    """

    payload_type = "application/vnd.lifecycle.approval-statement+json"

    schema_version: Literal["lifecycle.statement/1"] = "lifecycle.statement/1"
    decision: Literal["approve", "reject"]
    approver: ActorId
    model: Name
    version: Version
    model_digest: Digest
    dataset_digest: Digest
    report_digest: Digest
    evidence_digest: Digest
    bundle_digest: Digest
    environment: Name
    requested_by_decision: str

    @property
    def speaker(self) -> ActorId:
        return self.approver


class GovernanceStatement(BySigner):
    """What somebody signs who proposes, or lets through, other policies, limits or people: from exactly these to exactly those."""

    payload_type = "application/vnd.lifecycle.governance-statement+json"

    schema_version: Literal["lifecycle.governance/1"] = "lifecycle.governance/1"
    part: Literal["propose", "agree"]
    proposal_id: Id
    bundle_digest: Digest
    people_digest: Digest
    #: What was in force before; None where nothing was.
    previous_bundle_digest: Digest | None
    previous_people_digest: Digest | None


class WaiverStatement(BySigner):
    """What somebody signs who lets exactly these bytes past one rule, here, until then. It takes two who had no part in the work."""

    payload_type = "application/vnd.lifecycle.waiver-statement+json"

    schema_version: Literal["lifecycle.waiver/1"] = "lifecycle.waiver/1"
    #: What the signatures of one waiver have in common.
    waiver_id: Id
    ticket: Prose
    rule: str
    model: Name
    version: Version
    model_digest: Digest
    environment: Name
    #: When the waiver ends, and with it what it let through.
    expires_at_us: Microseconds


class RevocationStatement(BySigner):
    """What somebody signs who takes back a key, an approval, a version or access. It can't be undone."""

    payload_type = "application/vnd.lifecycle.revocation-statement+json"

    schema_version: Literal["lifecycle.revocation/1"] = "lifecycle.revocation/1"
    revokes: Revocable
    #: The id of the key or of the grant, the digest of the statement, or the version as people call it (`credit:7`).
    target: str
    #: The bytes of the version, or those that the approval is about; None for a key and for access.
    model_digest: Digest | None
    #: For a key that somebody else had: the first record of the ledger from which nothing that it signed ever counted.
    compromised_from: Count | None
    environment: Name


class ReviewStatement(BySigner):
    """What somebody signs who looked, afterwards, at a broken glass or a rollback: whether it had to be."""

    payload_type = "application/vnd.lifecycle.review-statement+json"

    schema_version: Literal["lifecycle.review/1"] = "lifecycle.review/1"
    #: Of the event that is reviewed.
    event_id: Id
    verdict: Literal["justified", "not_justified"]
    model: Name
    version: Version
    environment: Name


class AccessStatement(BySigner):
    """What somebody signs who lets an application ask for predictions: this one, these models, so much, until then."""

    payload_type = "application/vnd.lifecycle.access-statement+json"

    schema_version: Literal["lifecycle.access-statement/1"] = "lifecycle.access-statement/1"
    grant_id: Id
    principal: ActorId
    kind: CredentialKind
    credential_digest: Digest
    certificate_name: str = Field(max_length=256)
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    purpose: Name
    tier: Name
    quota: Quota
    granted_until_us: Microseconds
    labels: LabelRight | None = Field(default=None, exclude_if=is_none)
    environment: Name


class RolloutStatement(BySigner):
    """What somebody signs who promotes the version of a rollout, or ends the rollout without judging it: this one, of these bytes."""

    payload_type = "application/vnd.lifecycle.rollout-statement+json"

    schema_version: Literal["lifecycle.rollout-statement/1"] = "lifecycle.rollout-statement/1"
    part: RolloutPart
    rollout_id: Id
    model: Name
    version: Version
    model_digest: Digest
    environment: Name


class Envelope(Record):
    """A DSSE envelope with one signature, by an Ed25519 key or by a passkey; base64 as DSSE writes it."""

    payload_type: str
    payload: str
    key_id: str
    signature: str
    #: For a passkey alone, whose signature is over this and, in its challenge, over what DSSE signs.
    assertion: Assertion | None = Field(default=None, exclude_if=is_none)

    def payload_bytes(self) -> bytes:
        """The bytes that are signed as the payload. Raises MalformedRecord."""
        return decoded(self.payload)

    def holding(self, kind: type[StatementT]) -> StatementT:
        """What the envelope says, if it is of this kind. Whether anybody signed it is for their key to show.

        Raises MalformedRecord for anything but a statement of this kind in its one canonical form: its digest is that of the bytes.
        """
        if self.payload_type != kind.payload_type:
            raise MalformedRecord(f"A {self.payload_type} is no {kind.payload_type}.", "Send what was signed for this.")
        payload = self.payload_bytes()
        said = kind.parse(payload)
        if said.canonical() != payload:
            raise MalformedRecord("The statement is not in its one canonical form.", "Sign it with the command line, or at the desk.")
        return said


def decoded(text: str) -> bytes:
    """The bytes that a part of an envelope stands for. Raises MalformedRecord."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRecord("The envelope is not base64.", "Send it as it was signed.") from error

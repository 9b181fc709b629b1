"""What an approver signs: exactly these bytes, for this environment, once, until then."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from lifecycle.errors import MalformedRecord
from lifecycle.records.access import CredentialKind, Quota
from lifecycle.records.passkeys import Assertion
from lifecycle.records.record import ActorId, Count, Digest, Id, Microseconds, Name, Prose, Record, Version, is_none

#: The DSSE payload types of what people sign: bytes signed as the one never count as another.
STATEMENT_TYPE = "application/vnd.lifecycle.approval-statement+json"
GOVERNANCE_TYPE = "application/vnd.lifecycle.governance-statement+json"
WAIVER_TYPE = "application/vnd.lifecycle.waiver-statement+json"
REVIEW_TYPE = "application/vnd.lifecycle.review-statement+json"
REVOCATION_TYPE = "application/vnd.lifecycle.revocation-statement+json"
ACCESS_TYPE = "application/vnd.lifecycle.access-statement+json"

#: What can be taken back.
Revocable = Literal["key", "approval", "version", "access"]

RecordT = TypeVar("RecordT", bound=Record)


class Statement(Record):
    """Any changed byte voids it. It counts once: its digest is what a deployment decision uses up, and its nonce, drawn
    afresh for every signature, keeps two statements from being one.
    """

    schema_version: Literal["lifecycle.statement/1"] = "lifecycle.statement/1"
    decision: Literal["approve", "reject"]
    approver: ActorId
    reason: Prose
    model: Name
    version: Version
    model_digest: Digest
    dataset_digest: Digest
    report_digest: Digest
    evidence_digest: Digest
    bundle_digest: Digest
    environment: Name
    requested_by_decision: str
    nonce: str
    signed_at_us: Microseconds
    expires_at_us: Microseconds


class GovernanceStatement(Record):
    """What somebody signs who proposes, or lets through, other policies, limits or people: from exactly these to exactly those."""

    schema_version: Literal["lifecycle.governance/1"] = "lifecycle.governance/1"
    part: Literal["propose", "agree"]
    signer: ActorId
    reason: Prose
    proposal_id: Id
    bundle_digest: Digest
    people_digest: Digest
    #: What was in force before; None where nothing was.
    previous_bundle_digest: Digest | None
    previous_people_digest: Digest | None
    nonce: str
    signed_at_us: Microseconds
    expires_at_us: Microseconds


class WaiverStatement(Record):
    """What somebody signs who lets exactly these bytes past one rule, here, until then. It takes two who had no part in the work."""

    schema_version: Literal["lifecycle.waiver/1"] = "lifecycle.waiver/1"
    #: What the signatures of one waiver have in common.
    waiver_id: Id
    signer: ActorId
    reason: Prose
    ticket: Prose
    rule: str
    model: Name
    version: Version
    model_digest: Digest
    environment: Name
    #: When the waiver ends, and with it what it let through.
    expires_at_us: Microseconds
    nonce: str
    signed_at_us: Microseconds


class RevocationStatement(Record):
    """What somebody signs who takes back a key, an approval, a version or access. It can't be undone.

    What ends is when it may be recorded.
    """

    schema_version: Literal["lifecycle.revocation/1"] = "lifecycle.revocation/1"
    revokes: Revocable
    #: The id of the key or of the grant, the digest of the statement, or the version as people call it (`credit:7`).
    target: str
    #: The bytes of the version, or those that the approval is about; None for a key and for access.
    model_digest: Digest | None
    #: For a key that somebody else had: the first record of the ledger from which nothing that it signed ever counted.
    compromised_from: Count | None
    signer: ActorId
    reason: Prose
    environment: Name
    nonce: str
    signed_at_us: Microseconds
    expires_at_us: Microseconds


class ReviewStatement(Record):
    """What somebody signs who looked, afterwards, at a broken glass or a rollback: whether it had to be."""

    schema_version: Literal["lifecycle.review/1"] = "lifecycle.review/1"
    #: Of the event that is reviewed.
    event_id: Id
    verdict: Literal["justified", "not_justified"]
    signer: ActorId
    reason: Prose
    model: Name
    version: Version
    environment: Name
    nonce: str
    signed_at_us: Microseconds
    expires_at_us: Microseconds


class AccessStatement(Record):
    """What somebody signs who lets an application ask for predictions: this one, these models, so much, until then."""

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
    signer: ActorId
    reason: Prose
    environment: Name
    nonce: str
    signed_at_us: Microseconds
    #: By when it may be recorded.
    expires_at_us: Microseconds


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

    def statement(self) -> Statement:
        """What the envelope says. Whether the approver signed it is for their key to show.

        Raises MalformedRecord for anything but a statement in its one canonical form: its digest is that of the bytes.
        """
        return self.holding(Statement, STATEMENT_TYPE)

    def governance(self) -> GovernanceStatement:
        """The same for what governs."""
        return self.holding(GovernanceStatement, GOVERNANCE_TYPE)

    def waiver(self) -> WaiverStatement:
        """The same for a waiver."""
        return self.holding(WaiverStatement, WAIVER_TYPE)

    def review(self) -> ReviewStatement:
        """The same for a review."""
        return self.holding(ReviewStatement, REVIEW_TYPE)

    def revocation(self) -> RevocationStatement:
        """The same for what is taken back."""
        return self.holding(RevocationStatement, REVOCATION_TYPE)

    def access(self) -> AccessStatement:
        """The same for access that is granted."""
        return self.holding(AccessStatement, ACCESS_TYPE)

    def holding(self, kind: type[RecordT], payload_type: str) -> RecordT:
        """The record of this kind that was signed as this type. Raises MalformedRecord for anything else."""
        if self.payload_type != payload_type:
            raise MalformedRecord(f"A {self.payload_type} is no {payload_type}.", "Send what was signed for this.")
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

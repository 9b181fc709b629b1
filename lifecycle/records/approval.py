"""What an approver signs: exactly these bytes, for this environment, once, until then."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from lifecycle.errors import MalformedRecord
from lifecycle.records.record import ActorId, Digest, Microseconds, Name, Prose, Record, Version

#: The DSSE payload type of a statement.
STATEMENT_TYPE = "application/vnd.lifecycle.approval-statement+json"


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


class Envelope(Record):
    """A DSSE envelope with one Ed25519 signature; base64 as DSSE writes it."""

    payload_type: str
    payload: str
    key_id: str
    signature: str

    def payload_bytes(self) -> bytes:
        """The bytes that are signed as the payload. Raises MalformedRecord."""
        return decoded(self.payload)

    def statement(self) -> Statement:
        """What the envelope says. Whether the approver signed it is for their key to show.

        Raises MalformedRecord for anything but a statement in its one canonical form: its digest is that of the bytes.
        """
        if self.payload_type != STATEMENT_TYPE:
            raise MalformedRecord(f"A {self.payload_type} is not an approval.", "Sign a statement with `lifecycle approve`.")
        payload = self.payload_bytes()
        statement = Statement.parse(payload)
        if statement.canonical() != payload:
            raise MalformedRecord("The statement is not in its one canonical form.", "Sign it with `lifecycle approve`.")
        return statement


def decoded(text: str) -> bytes:
    """The bytes that a part of an envelope stands for. Raises MalformedRecord."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRecord("The envelope is not base64.", "Send it as it was signed.") from error

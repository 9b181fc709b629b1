"""What an approver signs: exactly these bytes, for this environment, once, until then."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.record import ActorId, Digest, Microseconds, Name, Record, Version

#: The DSSE payload type of a statement.
STATEMENT_TYPE = "application/vnd.lifecycle.approval-statement+json"


class Statement(Record):
    """Any changed byte voids it. The nonce makes it single: it is consumed by one deployment decision."""

    schema_version: Literal["lifecycle.statement/1"] = "lifecycle.statement/1"
    decision: Literal["approve", "reject"]
    approver: ActorId
    reason: str
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

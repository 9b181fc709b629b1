"""What the risk officer of the lives signed; lineage reads it and verifies no signature."""

from __future__ import annotations

import base64

from lifecycle.records.approval import Envelope, Statement
from tests.lineage.in_memory import BUNDLE, DATASET, START_US, digest, model_digest

RITA_S_PUBLIC_KEY = base64.b64encode(bytes(32)).decode()


def rita_s_statement() -> Statement:
    return Statement(
        decision="approve",
        approver="rita",
        reason="The evidence is sound.",
        model="credit",
        version=1,
        model_digest=model_digest(1),
        dataset_digest=DATASET,
        report_digest=digest("report 1"),
        evidence_digest=digest("evidence 1"),
        bundle_digest=BUNDLE,
        environment="local",
        requested_by_decision="promotion-1",
        nonce="nonce",
        signed_at_us=START_US,
        expires_at_us=START_US + 10**12,
    )


def unsigned(statement: Statement) -> Envelope:
    """The statement in an envelope without a signature."""
    payload = base64.b64encode(statement.canonical()).decode()
    return Envelope(payload_type=Statement.payload_type, payload=payload, key_id="key-of-rita", signature="")

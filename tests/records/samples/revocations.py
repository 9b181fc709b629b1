"""What is taken back: signed, and as it stands where nobody has to sign."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lifecycle.records import bodies
from lifecycle.records.approval import REVOCATION_TYPE, Envelope, Revocable, RevocationStatement
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import Digest
from tests.records.samples.judging import STATEMENT
from tests.records.samples.parts import AT_US, DAY_US, happened, of

_REASON = "It was on a laptop that is gone — “é”, 😀"


def of_revocations() -> Iterator[Event]:
    rita, approval = Subject(kind="person", name="rita"), STATEMENT.content_digest()
    yield happened(bodies.KeyRevoked(person="rita", key_id="ed25519:1", reason="It is not needed any more."), about=rita)
    stolen = _signed("key", "ed25519:1", None, compromised_from=17)
    yield happened(
        bodies.KeyRevoked(person="rita", key_id="ed25519:1", reason=_REASON, compromised_from=17, envelope=stolen),
        about=rita,
    )
    misread = bodies.ApprovalRevoked(approver="rita", statement_digest=approval, reason=_REASON)
    shown = {"model": "model 2", "approval": approval}
    yield happened(misread, inputs=shown)
    yield happened(misread.model_copy(update={"envelope": _signed("approval", approval, of("model 2"))}), inputs=shown)
    withdrawn = bodies.VersionRevoked(reason=_REASON, envelope=_signed("version", "credit:2", of("model 2")))
    yield happened(withdrawn, inputs={"model": "model 2"})


def _signed(revokes: Revocable, target: str, digest: Digest | None, *, compromised_from: int | None = None) -> Envelope:
    """As a signer sends it; the signature is none, which a registry of people would notice."""
    statement = RevocationStatement(
        revokes=revokes,
        target=target,
        model_digest=digest,
        compromised_from=compromised_from,
        signer="rita",
        reason=_REASON,
        environment="local",
        nonce="00112233445566778899aabbccddeeff",
        signed_at_us=AT_US,
        expires_at_us=AT_US + DAY_US,
    )
    payload = base64.b64encode(statement.canonical()).decode()
    signature = base64.b64encode(b"signed").decode()
    return Envelope(payload_type=REVOCATION_TYPE, payload=payload, key_id="ed25519:1", signature=signature)

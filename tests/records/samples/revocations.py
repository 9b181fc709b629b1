"""What is taken back: signed, and as it stands where nobody has to sign."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lifecycle.records import bodies
from lifecycle.records.approval import AccessStatement, Envelope, Revocable, RevocationStatement
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import Digest, Record
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


def signed_access(granted: bodies.AccessGranted, *, about: Subject) -> Iterator[Event]:
    """The same grant and its end, as somebody signs them who governs."""
    statement = AccessStatement(
        **{name: value for name, value in granted if name not in ("body_version", "expires_at_us", "envelope")},
        granted_until_us=granted.expires_at_us,
        signer="rita",
        environment="local",
        nonce="00112233445566778899aabbccddeeff",
        signed_at_us=AT_US,
        expires_at_us=AT_US + DAY_US,
    )
    yield happened(bodies.AccessGranted.signed(_envelope(AccessStatement.payload_type, statement)), about=about)
    ended = _signed("access", granted.grant_id, None)
    yield happened(
        bodies.AccessRevoked(grant_id=granted.grant_id, principal=granted.principal, reason=_REASON, envelope=ended), about=about
    )


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
    return _envelope(RevocationStatement.payload_type, statement)


def _envelope(payload_type: str, statement: Record) -> Envelope:
    payload = base64.b64encode(statement.canonical()).decode()
    signature = base64.b64encode(b"signed").decode()
    return Envelope(payload_type=payload_type, payload=payload, key_id="ed25519:1", signature=signature)

"""Statements: what an approver signs, as a DSSE envelope (github.com/secure-systems-lab/dsse, v1.0.2).

The signature is over the pre-authentication encoding of the type and the payload, so that bytes signed as one thing can
never be shown as another: by an Ed25519 key directly, by a passkey through its challenge. A statement is worth something
only through the registry: the key must be enrolled, in force when it signed, and belong to the person who the statement says
speaks.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Protocol

from lifecycle.approvals.keys import decode_public, encode_public
from lifecycle.approvals.passkeys import require_asserted
from lifecycle.approvals.people import Key, Person, Registry
from lifecycle.errors import LifecycleError, MalformedRecord, Refused, Tampered
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import AnyStatement, Envelope, Statement, StatementT, decoded
from lifecycle.records.gates import VerifiedApproval
from lifecycle.records.identity import now_us
from lifecycle.records.passkeys import Assertion, Passkey
from lifecycle.records.record import ActorId, Microseconds

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class VerifyingKey(Protocol):
    """A public key in base64: of a passkey, or Ed25519. `people.Key` and an event's `EnrolledKey` both are one."""

    @property
    def public(self) -> str: ...
    @property
    def passkey(self) -> Passkey | None: ...


def signed(statement: AnyStatement, key: Ed25519PrivateKey, registry: Registry) -> Envelope:
    """A statement, signed with a key of whom it speaks for.

    Raises Refused where the key is not enrolled for them, UnknownName where they are not.
    """
    signer = statement.speaker
    public = encode_public(key.public_key())
    enrolled = next((candidate for candidate in registry.person(signer).keys if candidate.public == public), None)
    if enrolled is None:
        raise Refused(
            f"This key is not enrolled for {signer}, or was revoked.",
            "Sign with a key of your own, or have it enrolled: `lifecycle people add`.",
            ("KEY-ENROLLED",),
        )
    payload = statement.canonical()
    return Envelope(
        payload_type=statement.payload_type,
        payload=base64.b64encode(payload).decode("ascii"),
        key_id=enrolled.id,
        signature=base64.b64encode(key.sign(pre_authentication(statement.payload_type, payload))).decode("ascii"),
    )


def opened(envelope: Envelope, kind: type[StatementT], registry: Registry, at_us: Microseconds) -> StatementT:
    """The statement of this kind that this envelope holds, if whom it speaks for signed exactly these bytes with a key in force.

    Raises Tampered where the bytes are not what was signed, Refused where the kind, the key, the person or the time does not hold.
    """
    person, key = signer_of(envelope, kind.payload_type, registry)
    statement = said_in(envelope, kind)
    _require_in_force(person, key, statement, at_us)
    return statement


def said_in(envelope: Envelope, kind: type[StatementT]) -> StatementT:
    """What an envelope that somebody sends says, whether or not anybody signed it. Raises Tampered where it says nothing of this kind."""
    try:
        return envelope.holding(kind)
    except MalformedRecord as error:
        raise Tampered(error.what, error.next_step) from error


def signer_of(envelope: Envelope, payload_type: str, registry: Registry) -> tuple[Person, Key]:
    """Who signed exactly these bytes as this type, and with which key.

    Raises Tampered where the bytes are not what was signed, Refused where the type is another or nobody has the key.
    """
    if envelope.payload_type != payload_type:
        raise Refused(f"A {envelope.payload_type} is no {payload_type}.", "Sign what is asked for here.", ("STATEMENT-TYPE",))
    found = registry.key(envelope.key_id)
    if found is None:
        raise Refused(f"Nobody here has a key {envelope.key_id}.", "Have the key enrolled, or sign with one that is.", ("KEY-ENROLLED",))
    person, key = found
    require_signed_by(envelope, key, person.id)
    return person, key


def require_signed_by(envelope: Envelope, key: VerifyingKey, signer: ActorId) -> None:
    """Raises Tampered unless this key, which is the signer's, signed exactly these bytes as what they are."""
    from cryptography.exceptions import InvalidSignature

    message, signature = pre_authentication(envelope.payload_type, envelope.payload_bytes()), decoded(envelope.signature)
    if (envelope.assertion is None) != (key.passkey is None):
        raise Tampered(f"The signature is of another kind than the key of {signer}.", "Ask them to sign again.")
    if envelope.assertion is not None and key.passkey is not None:
        require_asserted(envelope.assertion, signature, message, key.public, key.passkey)
        return
    try:
        decode_public(key.public).verify(signature, message)
    except InvalidSignature as error:
        raise Tampered(f"The signature is not one by {signer} on these bytes.", "Ask them to sign again.") from error


def asserted(statement: AnyStatement, key_id: str, assertion: Assertion, signature: bytes) -> Envelope:
    """A statement as somebody signed it with a passkey. Whether they did is for `opened` to say."""
    return Envelope(
        payload_type=statement.payload_type,
        payload=base64.b64encode(statement.canonical()).decode("ascii"),
        key_id=key_id,
        signature=base64.b64encode(signature).decode("ascii"),
        assertion=assertion,
    )


def _require_in_force(person: Person, key: Key, statement: AnyStatement, at_us: Microseconds) -> None:
    """Raises Refused where a person signed in another's name, with a key out of force, or where the time is over or yet to come."""
    if statement.speaker != person.id:
        raise Refused(f"{person.id} signed in the name of {statement.speaker}.", "Each signs in their own name.", ("KEY-OWNER",))
    if not key.holds(statement.signed_at_us) or not key.holds(at_us):
        raise Refused(f"The key {key.id} of {person.id} is not in force.", "Sign with a key that is.", ("KEY-IN-FORCE",))
    if at_us < statement.signed_at_us:
        raise Refused("The statement is dated in the future.", "Check the clock of the machine that signed.", ("APR-004",))
    if at_us >= statement.expires_at_us:
        raise Refused("The statement has expired.", "Ask for it to be signed again.", ("APR-004",))


def approval_of(event_id: str, statement: Statement, registry: Registry, *, consumed: bool, at_us: Microseconds) -> VerifiedApproval:
    """A verified statement as a gate sees it.

    Counts every name that the approver acted under when they signed and every one that they act under now. Roles count only where
    they are held at both times.
    """
    person, signed = statement.approver, statement.signed_at_us
    return VerifiedApproval(
        event_id=event_id,
        statement_digest=statement.content_digest(),
        approver=person,
        also=registry.ever_also(person, signed, at_us),
        roles=registry.lasting_roles(person, signed, at_us),
        decision=statement.decision,
        subject_digest=statement.model_digest,
        dataset_digest=statement.dataset_digest,
        report_digest=statement.report_digest,
        evidence_digest=statement.evidence_digest,
        bundle_digest=statement.bundle_digest,
        environment=statement.environment,
        approved_at_us=signed,
        expires_at_us=statement.expires_at_us,
        consumed=consumed,
    )


def verified_approval(
    event_id: str, envelope: Envelope, registry: Registry, *, consumed: bool, at_us: Microseconds | None = None
) -> VerifiedApproval | None:
    """The approval in an envelope as a gate may see it, or None where it does not verify (any more).

    A refusal is verified as of when it was signed: time gives permission back to nobody.
    """
    moment = now_us() if at_us is None else at_us
    try:
        said = envelope.holding(Statement)
        if said.decision == "reject":
            moment = min(moment, said.signed_at_us)
        statement = opened(envelope, Statement, registry, moment)
    except LifecycleError:
        return None
    return approval_of(event_id, statement, registry, consumed=consumed, at_us=moment)


def signers(registry: Registry, role: str, at_us: Microseconds) -> tuple[ActorId, ...]:
    """Everybody who holds a role and has a key to sign with."""
    return tuple(
        person.id
        for person in registry.people.values()
        if role in registry.roles(person.id, at_us) and any(key.holds(at_us) for key in person.keys)
    )

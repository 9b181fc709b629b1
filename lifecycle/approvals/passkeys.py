"""What a passkey signed, judged from the bytes alone: no browser, no desk, no network, and no clock.

An approval by passkey is an assertion of Web Authentication Level 2 (w3.org/TR/webauthn-2, §7.2) whose challenge is the SHA-256 of
what DSSE would have signed. So the stored assertion proves that this authenticator approved exactly these bytes, after it had
found its user present and made sure of who they are, on a page of the origin that it was enrolled at.

Whether the authenticator's counter went back is for the desk to say: only it sees every use of a passkey.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Tampered
from lifecycle.records.approval import decoded
from lifecycle.records.passkeys import Assertion, Passkey
from lifecycle.records.record import parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# A COSE key (RFC 9053 §7, in the canonical form of CTAP2) of either kind has one length, and one beginning.
_ED25519_HEAD = bytes.fromhex("a4010103272006215820")
_P256_HEAD, _P256_BETWEEN = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
COORDINATE_BYTES = 32
#: The flags of authenticator data (§6.1).
USER_PRESENT, USER_VERIFIED, EXTENSIONS = 0x01, 0x04, 0x80
_LEAST_AUTHENTICATOR_DATA = 37


class ForgedAssertion(Tampered):
    """An assertion that is not what was asked for. Carries the ids of what is wrong with it."""

    def __init__(self, what: str, next_step: str, rules: tuple[str, ...]) -> None:
        super().__init__(what, next_step)
        self.rules = rules


def challenge_of(signed: bytes) -> bytes:
    """The challenge with which an authenticator signs these bytes."""
    return hashlib.sha256(signed).digest()


def require_asserted(assertion: Assertion, signature: bytes, signed: bytes, public: str, passkey: Passkey) -> int:
    """Makes sure that exactly this passkey signed exactly these bytes; returns how often it has signed by its own count, or 0.

    Raises ForgedAssertion with the rules that it breaks: KEY-CHALLENGE (other bytes, or no assertion at all), KEY-ORIGIN,
    KEY-RELYING-PARTY, KEY-PRESENCE (nobody was there, or the authenticator did not make sure who), KEY-SIGNATURE;
    MalformedRecord for what is no base64.
    """
    authenticator, client = decoded(assertion.authenticator_data), decoded(assertion.client_data)
    _require_client(client, challenge_of(signed), passkey)
    count = _require_authenticator(authenticator, passkey)
    if not _holds(public, signature, authenticator + hashlib.sha256(client).digest()):
        raise ForgedAssertion("This passkey did not sign this.", "Sign with the passkey that is enrolled.", ("KEY-SIGNATURE",))
    return count


def counted(assertion: Assertion) -> int:
    """How often the authenticator had signed, by its own count, when it made this assertion; 0 from one that does not count."""
    return int.from_bytes(decoded(assertion.authenticator_data)[33:37], "big")


def _require_client(client: bytes, challenge: bytes, passkey: Passkey) -> None:
    """What the browser says that it asked: an assertion, for this challenge, on a page of this origin and in no frame of another."""
    try:
        said = parse_json(client)
    except MalformedRecord:
        said = None
    if not isinstance(said, dict) or said.get("type") != "webauthn.get":
        raise ForgedAssertion("What was signed is no assertion of a passkey.", "Sign at the desk.", ("KEY-CHALLENGE",))
    if said.get("challenge") != base64.urlsafe_b64encode(challenge).decode("ascii").rstrip("="):
        raise ForgedAssertion("The passkey signed something else than this.", "Sign what is shown now.", ("KEY-CHALLENGE",))
    if said.get("origin") != passkey.origin or said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise ForgedAssertion(
            f"The passkey was used on another page than one of {passkey.origin}.",
            "Open the desk at that address, and nowhere else; if you signed on a page that only looks like it, revoke the passkey.",
            ("KEY-ORIGIN",),
        )


def _require_authenticator(authenticator: bytes, passkey: Passkey) -> int:
    """What the authenticator says: for whom it signed, that somebody was there, and who. Returns its count."""
    if len(authenticator) < _LEAST_AUTHENTICATOR_DATA:
        raise ForgedAssertion("The authenticator's part of the assertion is cut off.", "Sign again.", ("KEY-SIGNATURE",))
    if authenticator[:32] != hashlib.sha256(passkey.rp_id.encode("ascii")).digest():
        raise ForgedAssertion(f"The passkey signed for another site than {passkey.rp_id}.", "Sign at the desk.", ("KEY-RELYING-PARTY",))
    flags = authenticator[32]
    if flags & USER_PRESENT == 0 or flags & USER_VERIFIED == 0:
        raise ForgedAssertion(
            "The authenticator did not make sure who used it.",
            "Use one with a PIN, a fingerprint or a face, and sign again.",
            ("KEY-PRESENCE",),
        )
    if flags & EXTENSIONS == 0 and len(authenticator) != _LEAST_AUTHENTICATOR_DATA:
        raise ForgedAssertion("The authenticator's part of the assertion has something behind it.", "Sign again.", ("KEY-SIGNATURE",))
    return int.from_bytes(authenticator[33:37], "big")


def _holds(public: str, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    key = decode_cose(public)
    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, message, ECDSA(SHA256()))
        else:
            key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def encode_cose(key: Ed25519PublicKey | EllipticCurvePublicKey) -> str:
    """The COSE key in base64, in its one form. Raises InvalidDeclaration for a curve that is not P-256."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    if not isinstance(key, EllipticCurvePublicKey):
        raw = _ED25519_HEAD + key.public_bytes_raw()
    elif isinstance(key.curve, SECP256R1):
        x, y = (part.to_bytes(COORDINATE_BYTES, "big") for part in (key.public_numbers().x, key.public_numbers().y))
        raw = _P256_HEAD + x + _P256_BETWEEN + y
    else:
        raise _not_a_passkey()
    return base64.b64encode(raw).decode("ascii")


def decode_cose(text: str) -> Ed25519PublicKey | EllipticCurvePublicKey:
    """The public key that this base64 of a COSE key is: Ed25519, or ECDSA on P-256.

    Raises InvalidDeclaration for any other, and for one that is written otherwise: one key stands under one text.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key: Ed25519PublicKey | EllipticCurvePublicKey
    try:
        raw = base64.b64decode(text, validate=True)
        x, y = raw[len(_P256_HEAD) :][:COORDINATE_BYTES], raw[-COORDINATE_BYTES:]
        if raw.startswith(_P256_HEAD):
            key = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()).public_key()
        else:
            key = Ed25519PublicKey.from_public_bytes(y)
    except ValueError as error:
        raise _not_a_passkey() from error
    if encode_cose(key) != text:
        raise _not_a_passkey()
    return key


def _not_a_passkey() -> InvalidDeclaration:
    return InvalidDeclaration(
        "This is not the public key of a passkey on Ed25519 or P-256 in base64.",
        "Register the passkey at the desk: `lifecycle people invite`.",
    )

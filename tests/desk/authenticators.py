"""An authenticator in software: it makes passkeys and signs with them as a browser and a security key would together.

Whatever it says can be made wrong, one thing at a time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from lifecycle.approvals.passkeys import encode_cose

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ORIGIN = "http://localhost:3001"


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _fresh_key() -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Authenticator:
    """One passkey. `count` is how often it has signed; one that is `counting` adds to it before each signature."""

    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(default_factory=_fresh_key)
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    count: int = 0
    counting: bool = True
    user_handle: bytes = b""

    @property
    def public(self) -> str:
        return encode_cose(self.key.public_key())

    def make(self, options: dict[str, Any], origin: str = ORIGIN, flags: int = PRESENT | VERIFIED) -> dict[str, Any]:
        """What navigator.credentials.create() gives for these options."""
        self.user_handle = unbase64url(options["user"]["id"])
        attested = b"\0" * 16 + len(self.credential_id).to_bytes(2, "big") + self.credential_id + base64.b64decode(self.public)
        authenticator = self._authenticator_data(options["rp"]["id"], flags | ATTESTED) + attested
        client = self._client_data("webauthn.create", options["challenge"], origin)
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": authenticator})
        return self._credential(
            {"clientDataJSON": base64url(client), "attestationObject": base64url(attestation), "transports": ["internal"]}
        )

    def sign(self, options: dict[str, Any], origin: str = ORIGIN, **wrong: Any) -> dict[str, Any]:
        """What navigator.credentials.get() gives for these options; `wrong` as in `assertion`."""
        authenticator, client, signature = self.assertion(options["challenge"], options["rpId"], origin, **wrong)
        response = {
            "clientDataJSON": base64url(client),
            "authenticatorData": base64url(authenticator),
            "signature": base64url(signature),
            "userHandle": base64url(self.user_handle),
        }
        return self._credential(response)

    def assertion(
        self,
        challenge: str,
        rp_id: str,
        origin: str = ORIGIN,
        *,
        flags: int = PRESENT | VERIFIED,
        said: dict[str, Any] | None = None,
        behind: bytes = b"",
    ) -> tuple[bytes, bytes, bytes]:
        """Authenticator data, client data and the signature over both. `said` is put over what the browser says."""
        if self.counting:
            self.count += 1
        authenticator = self._authenticator_data(rp_id, flags) + behind
        client = self._client_data("webauthn.get", challenge, origin, said)
        message = authenticator + hashlib.sha256(client).digest()
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return authenticator, client, self.key.sign(message)
        return authenticator, client, self.key.sign(message, ec.ECDSA(SHA256()))

    def _authenticator_data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    @staticmethod
    def _client_data(kind: str, challenge: str, origin: str, said: dict[str, Any] | None = None) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False} | (said or {})).encode()

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = base64url(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


def ed25519_authenticator() -> Authenticator:
    """One that signs with Ed25519; the others sign with ECDSA on P-256."""
    return Authenticator(key=ed25519.Ed25519PrivateKey.generate())

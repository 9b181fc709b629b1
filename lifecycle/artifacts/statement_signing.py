"""Signatures over statements about artifacts, with the key that signs the artifacts: ECDSA on P-256 with SHA-256.

Deterministic (RFC 6979): the same bytes get the same signature, so that the same ledger gives the same export. What is signed says
what it is (DSSE covers the payload's type, an in-toto statement its predicate's), so a statement can't be taken for a model's
signature, nor the other way round.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName


class StatementSigner:
    """A private key in PEM, and the id that signatures name it by: the SHA-256 (hex) of the public half in PEM."""

    def __init__(self, private_pem: bytes) -> None:
        """Raises InvalidDeclaration for anything but an unencrypted key on P-256."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        try:
            key = load_pem_private_key(private_pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _no_key() from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise _no_key()
        self._key = key
        self.public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = hashlib.sha256(self.public_pem).hexdigest()

    @classmethod
    def read(cls, path: Path) -> StatementSigner:
        """The key in a file. Raises UnknownName where there is none, Unavailable where it can't be read, InvalidDeclaration."""
        try:
            return cls(path.read_bytes())
        except FileNotFoundError as error:
            raise UnknownName(
                f"There is no signing key {path}.", "Name one with --key, or train a model: the first training makes one."
            ) from error
        except OSError as error:
            raise Unavailable(f"The signing key {path} can't be read: {error.strerror}.", "Run this as the user who owns it.") from error

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, in DER."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def _no_key() -> InvalidDeclaration:
    return InvalidDeclaration(
        "This is not a signing key that can be used.", "Give an unencrypted PEM key on P-256, such as keys/signing.key of a home."
    )

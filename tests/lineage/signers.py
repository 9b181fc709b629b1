"""A key that signs exports in tests: the same in every process, so that the same graph gives the same bytes."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lifecycle.artifacts.statement_signing import StatementSigner

PRIVATE_KEY = ec.derive_private_key(0x1F_EC_7C_1E, ec.SECP256R1())
PRIVATE_PEM = PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SIGNER = StatementSigner(PRIVATE_PEM)

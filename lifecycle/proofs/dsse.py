"""DSSE (github.com/secure-systems-lab/dsse, v1.0.2): signatures over the type and the bytes of a payload together.

So what was signed as one thing never passes as another.
"""

from __future__ import annotations

import base64
from typing import Protocol

from lifecycle.records.record import JsonObject


class Signer(Protocol):
    """A key that signs what is made here: exports, and evidence packs."""

    @property
    def public_pem(self) -> bytes:
        """The key that verifies what this one signs."""

    @property
    def key_id(self) -> str:
        """What signatures name the key by."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message. The same message must get the same signature."""


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: what is really signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def enveloped(payload_type: str, payload: bytes, signer: Signer) -> JsonObject:
    """The payload in an envelope with one signature."""
    signature = signer.sign(pre_authentication(payload_type, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": signer.key_id, "sig": base64.b64encode(signature).decode()}],
    }

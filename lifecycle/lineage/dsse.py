"""DSSE envelopes (secure-systems-lab/dsse, protocol 1.0.2) around in-toto statements, one a line as attestation bundles have them."""

from __future__ import annotations

import base64
from typing import Protocol

from lifecycle.records.record import JsonObject

#: The payload type of an in-toto statement.
STATEMENT_TYPE = "application/vnd.in-toto+json"


class Signer(Protocol):
    """A key that signs exports."""

    @property
    def key_id(self) -> str:
        """What signatures name the key by."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message. The same message must get the same signature."""


def enveloped(payload: bytes, signer: Signer) -> JsonObject:
    """The payload in an envelope with one signature."""
    signature = signer.sign(pre_authenticated(payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": STATEMENT_TYPE,
        "signatures": [{"keyid": signer.key_id, "sig": base64.b64encode(signature).decode()}],
    }


def pre_authenticated(payload: bytes) -> bytes:
    """DSSE's PAE: what is really signed covers the type of the payload as well."""
    kind = STATEMENT_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)

"""Cosignatures of witnesses (C2SP tlog-cosignature v1.1): at this time, this was the log's largest tree that I saw.

A cosignature covers the time and the ledger checkpoint. It says more than a signature: that the witness held the tree against
every one that it had cosigned for this log before. Two kinds are read: Ed25519, which the reference witness makes and every
public network takes, and ML-DSA-44 (FIPS 204), which a quantum computer does not forge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.notes import Checkpoint
from lifecycle.proofs.secret_keys import SecretKey
from lifecycle.proofs.signature_lines import (
    SignatureLine,
    key_id,
    require_name,
    taken_apart,
    verifier_key_parts,
    verifier_key_text,
)

#: The signature type bytes of timestamped cosignatures: Ed25519, and ML-DSA-44.
ED25519, ML_DSA_44 = b"\x04", b"\x06"
#: How many bytes a public key and a signature have, by type.
_LENGTHS = {ED25519: (32, 64), ML_DSA_44: (1_312, 2_420)}
_HEADER = "cosignature/v1"
_ML_DSA_LABEL = b"subtree/v1\n\0"
_TIME_BYTES = 8


@dataclass(frozen=True)
class WitnessKey:
    """The public half of a witness's key; as text a `vkey` whose type is that of cosignatures."""

    name: str
    public: bytes
    kind: bytes = ED25519

    def __post_init__(self) -> None:
        require_name(self.name)
        if self.kind not in _LENGTHS or len(self.public) != _LENGTHS[self.kind][0]:
            raise MalformedRecord(f"The key of a witness does not have {len(self.public)} bytes.", "Pass the key as it was published.")

    @property
    def key_id(self) -> bytes:
        """Tells keys of one name apart, and proves nothing."""
        return key_id(self.name, self.kind + self.public)

    def __str__(self) -> str:
        return verifier_key_text(self.name, self.kind + self.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text. Raises MalformedRecord."""
        name, typed_key = verifier_key_parts(text)
        if typed_key[:1] not in _LENGTHS:
            raise MalformedRecord(
                "This is not the key of a witness.", "The keys of witnesses are of the types 0x04 (Ed25519) and 0x06 (ML-DSA-44)."
            )
        return cls(name, typed_key[1:], typed_key[:1])

    def opened(self, text: str, line: SignatureLine) -> Cosignature | None:
        """The cosignature that a line holds; None where the line is not this key's. Raises Tampered where it does not hold."""
        if (line.name, line.key_id) != (self.name, self.key_id):
            return None
        seconds = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        signature = line.signature[_TIME_BYTES:]
        try:
            if len(signature) != _LENGTHS[self.kind][1] or seconds >= 1 << 63:
                raise InvalidSignature
            self._verify(text, seconds, signature)
        except (InvalidSignature, ValueError, LifecycleError) as error:
            raise Tampered(
                f"The cosignature of the witness {self.name} does not hold.", "Ask the witness again, and keep this note as evidence."
            ) from error
        return Cosignature(self, seconds)

    def _verify(self, text: str, seconds: int, signature: bytes) -> None:
        if self.kind == ED25519:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, _message(text, seconds))
            return
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

        # A time of zero makes no statement that the tree was the largest, and so none that a checkpoint needs.
        if seconds == 0:
            raise InvalidSignature
        MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, ml_dsa_message(self.name, text, seconds))


@dataclass(frozen=True)
class Cosignature:
    """A cosignature that holds: whose it is, and its time in whole seconds since 1970, by the witness's clock."""

    witness: WitnessKey
    at_seconds: int

    @property
    def at_us(self) -> int:
        return self.at_seconds * 1_000_000


class WitnessSigner(SecretKey):
    """A witness's private key; only the witness holds it, and only for this purpose: the message names no witness."""

    kind = ED25519
    owner = "witness"

    @property
    def verifier(self) -> WitnessKey:
        return WitnessKey(self.name, self.public)

    def cosign(self, text: str, at_seconds: int) -> SignatureLine:
        """The cosignature over the text of a ledger checkpoint, now."""
        signature = self.signature(_message(text, at_seconds))
        return SignatureLine(self.name, self.key_id, at_seconds.to_bytes(_TIME_BYTES, "big") + signature)


def cosignatures(note: str, witnesses: Sequence[WitnessKey]) -> tuple[Cosignature, ...]:
    """The cosignatures on a note by these witnesses, one for each that there is; the latest of each witness.

    Those of others are passed over. Raises MalformedRecord for what is no note, Tampered where one of these does not hold.
    """
    text, lines = taken_apart(note)
    latest: dict[WitnessKey, Cosignature] = {}
    for line in lines:
        for witness in witnesses:
            found = witness.opened(text, line)
            if found is not None and (witness not in latest or latest[witness].at_seconds < found.at_seconds):
                latest[witness] = found
    return tuple(latest.values())


def ml_dsa_message(witness: str, text: str, at_seconds: int) -> bytes:
    """The `cosigned_message` of C2SP over a whole checkpoint: names and sizes, whatever extension lines the text has.

    Raises MalformedRecord where the text is no ledger checkpoint, ValueError where a name is too long.
    """
    checkpoint = Checkpoint.parse(text)
    return b"".join(
        (
            _ML_DSA_LABEL,
            _short(witness),
            at_seconds.to_bytes(8, "big"),
            _short(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root_hash,
        )
    )


def _short(name: str) -> bytes:
    """A name behind its length in one byte (RFC 8446 §3.4)."""
    content = name.encode()
    if not 1 <= len(content) <= 255:
        raise ValueError("a name has 1 to 255 bytes")
    return len(content).to_bytes(1, "big") + content


def _message(text: str, at_seconds: int) -> bytes:
    return f"{_HEADER}\ntime {at_seconds}\n{text}".encode()

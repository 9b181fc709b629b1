"""Cosignatures of witnesses (C2SP tlog-cosignature v1, Ed25519): at this time, this was the log's largest tree that I saw.

A cosignature covers the time and the whole text of a ledger checkpoint. It says more than a signature: that the witness
held the tree against every one that it had cosigned for this log before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.signature_lines import (
    SignatureLine,
    decode,
    encode,
    key_id,
    require_name,
    taken_apart,
    verifier_key_parts,
    verifier_key_text,
)

#: The signature type byte of timestamped Ed25519 cosignatures.
COSIGNATURE_TYPE = b"\x04"
_HEADER = "cosignature/v1"
_KEY_BYTES = 32
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_SECRET_MARK = "PRIVATE+KEY+"


@dataclass(frozen=True)
class WitnessKey:
    """The public half of a witness's key; as text a `vkey` whose type is that of cosignatures."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        require_name(self.name)
        if len(self.public) != _KEY_BYTES:
            raise MalformedRecord(f"An Ed25519 key has {_KEY_BYTES} bytes, not {len(self.public)}.", "Pass the key as it was published.")

    @property
    def key_id(self) -> bytes:
        """Tells keys of one name apart, and proves nothing."""
        return key_id(self.name, COSIGNATURE_TYPE + self.public)

    def __str__(self) -> str:
        return verifier_key_text(self.name, COSIGNATURE_TYPE + self.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text. Raises MalformedRecord."""
        name, typed_key = verifier_key_parts(text)
        if typed_key[:1] != COSIGNATURE_TYPE:
            raise MalformedRecord("This is not the key of a witness.", "The keys of witnesses are Ed25519 keys of the type 0x04.")
        return cls(name, typed_key[1:])

    def opened(self, text: str, line: SignatureLine) -> Cosignature | None:
        """The cosignature that a line holds; None where the line is not this key's. Raises Tampered where it does not hold."""
        if (line.name, line.key_id) != (self.name, self.key_id):
            return None
        seconds = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        signature = line.signature[_TIME_BYTES:]
        try:
            if len(signature) != _SIGNATURE_BYTES or seconds >= 1 << 63:
                raise InvalidSignature
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, _message(text, seconds))
        except (InvalidSignature, ValueError) as error:
            raise Tampered(
                f"The cosignature of the witness {self.name} does not hold.", "Ask the witness again, and keep this note as evidence."
            ) from error
        return Cosignature(self, seconds)


@dataclass(frozen=True)
class Cosignature:
    """A cosignature that holds: whose it is, and its time in whole seconds since 1970, by the witness's clock."""

    witness: WitnessKey
    at_seconds: int

    @property
    def at_us(self) -> int:
        return self.at_seconds * 1_000_000


@dataclass(frozen=True)
class WitnessSigner:
    """A witness's private key; only the witness holds it, and only for this purpose: the message names no witness."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key under this name."""
        require_name(name)
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> WitnessKey:
        return WitnessKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def cosign(self, text: str, at_seconds: int) -> SignatureLine:
        """The cosignature over the text of a ledger checkpoint, now."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_message(text, at_seconds))
        return SignatureLine(self.name, self.verifier.key_id, at_seconds.to_bytes(_TIME_BYTES, "big") + signature)

    def secret_text(self) -> str:
        """`PRIVATE+KEY+name+hexid+base64`: for a file that nobody else can read, and nowhere else."""
        return f"{_SECRET_MARK}{self.name}+{self.verifier.key_id.hex()}+{encode(COSIGNATURE_TYPE + self.seed)}"

    @classmethod
    def parse(cls, secret_text: str) -> Self:
        """A key from its secret text. Raises MalformedRecord, which never quotes it."""
        text = secret_text.strip()
        name, _, rest = text.removeprefix(_SECRET_MARK).partition("+")
        identity, _, encoded = rest.partition("+")
        typed = decode(encoded) if text.startswith(_SECRET_MARK) and encoded else b""
        if typed[:1] != COSIGNATURE_TYPE or len(typed) != 1 + _KEY_BYTES:
            raise MalformedRecord("This is not the private key of a witness.", "Make one with `python -m lifecycle.witness new-key`.")
        key = cls(name, typed[1:])
        if key.verifier.key_id.hex() != identity:
            raise MalformedRecord("The id in this key is not that of the key.", "Restore the key from its backup.")
        return key


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


def _message(text: str, at_seconds: int) -> bytes:
    return f"{_HEADER}\ntime {at_seconds}\n{text}".encode()

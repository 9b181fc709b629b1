"""Signed notes and ledger checkpoints (C2SP signed-note v1.0.0 and tlog-checkpoint v1.0.0), with Ed25519.

A ledger checkpoint is a note of three lines (origin, number of records, root) under the signature of the
log's key, whose name is the origin. Nothing is returned from a note whose signature does not hold.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.merkle import HASH_BYTES

#: The signature type byte of Ed25519 in key ids and key strings.
_ED25519 = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_SIGNATURE_MARK = "\u2014 "
_PRIVATE_MARK = "PRIVATE+KEY+"
#: What one note may hold, so that a hostile one costs little to refuse.
_LONGEST_NOTE = 1_000_000
_MOST_SIGNATURES = 100

_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class VerifierKey:
    """The public half of a log's key. As text, `name+hexid+base64`: the `vkey` of C2SP."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public) != _KEY_BYTES:
            raise MalformedRecord(f"An Ed25519 key has {_KEY_BYTES} bytes, not {len(self.public)}.", "Pass the key as it was published.")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ key): tells keys of one name apart, proves nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text. Raises MalformedRecord where the id does not belong to the key."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise MalformedRecord("This is not a verifier key.", "A verifier key reads name+hexid+base64, on one line.")
        name, key_id, encoded = parts
        key = cls(name, _typed_key(encoded))
        if key.key_id.hex() != key_id:
            raise MalformedRecord(f"The id {key_id!r} is not that of this key.", "Copy the verifier key again, whole.")
        return key

    def holds(self, text: str, signature: bytes) -> bool:
        """Whether this key made this signature over exactly this text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A log's private key; only the signer's process holds one."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key under this name, which is the origin of the log's checkpoints."""
        _require_name(name)
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def secret_text(self) -> str:
        """`PRIVATE+KEY+name+hexid+base64`: for a file that nobody else can read, and nowhere else."""
        return f"{_PRIVATE_MARK}{self.name}+{self.verifier.key_id.hex()}+{_encode(_ED25519 + self.seed)}"

    @classmethod
    def parse(cls, secret_text: str) -> Self:
        """A key from its secret text. Raises MalformedRecord, which never quotes it."""
        text = secret_text.strip()
        parts = text.removeprefix(_PRIVATE_MARK).split("+", 2)
        if not text.startswith(_PRIVATE_MARK) or len(parts) != 3:
            raise MalformedRecord("This is not a signing key.", "Make one with `create_log_key`; a damaged one can't be repaired.")
        key = cls(parts[0], _typed_key(parts[2]))
        if key.verifier.key_id.hex() != parts[1]:
            raise MalformedRecord("The id in this signing key is not that of the key.", "Restore the key from its backup.")
        return key

    def sign(self, text: str) -> bytes:
        """The 64 bytes of an Ed25519 signature over this text."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())


@dataclass(frozen=True)
class Checkpoint:
    """A ledger checkpoint: this log had this many records, and this was the root over them."""

    origin: str
    size: int
    root_hash: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root_hash)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A checkpoint from its text or from its whole note, WITHOUT looking at any signature; see `open_note`."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise _not_a_checkpoint()
        root = _decode(lines[2])
        if len(root) != HASH_BYTES:
            raise _not_a_checkpoint()
        return cls(lines[0], int(lines[1]), root)


def sign(checkpoint: Checkpoint, key: SigningKey) -> str:
    """The signed note of a checkpoint. Raises MalformedRecord where the key is not that of the checkpoint's origin."""
    if key.name != checkpoint.origin:
        raise MalformedRecord(
            f"The key {key.name!r} can't sign for the log {checkpoint.origin!r}.",
            "Sign with the key whose name is the origin of the log.",
        )
    text = checkpoint.text()
    return f"{text}\n{_SIGNATURE_MARK}{key.name} {_encode(key.verifier.key_id + key.sign(text))}\n"


def open_note(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that its log signed with one of these keys.

    Signatures by unknown keys are passed over, as C2SP asks; one by a known key that does not hold voids the
    note. Raises MalformedRecord for what is no note, Tampered where the log's own signature is missing or wrong.
    """
    text, signatures = _taken_apart(note)
    checkpoint = Checkpoint.parse(text)
    signed_by_log = False
    for name, key_id, signature in signatures:
        for key in keys:
            if key.name != name or key.key_id != key_id:
                continue
            if not key.holds(text, signature):
                raise Tampered(
                    f"The signature of {name} on the ledger checkpoint of {checkpoint.size} records does not hold.",
                    "Do not trust this checkpoint; ask for it again, and keep this one as evidence.",
                )
            signed_by_log = signed_by_log or name == checkpoint.origin
    if not signed_by_log:
        known = ", ".join(str(key) for key in keys) or "none"
        raise Tampered(
            f"The ledger checkpoint of {checkpoint.origin!r} at {checkpoint.size} records is not signed by a known key of that log.",
            f"Check that it belongs to this log and that the verifier key is the right one (known: {known}).",
        )
    return checkpoint


def _taken_apart(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The signed text, and (name, key id, signature) of each signature line."""
    head, separator, tail = note.rpartition("\n\n")
    if len(note) > _LONGEST_NOTE or not separator or not tail.endswith("\n") or _CONTROL.search(note):
        raise _not_a_checkpoint()
    lines = tail[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise _not_a_checkpoint()
    signatures = []
    for line in lines:
        name, _, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
        if not line.startswith(_SIGNATURE_MARK) or not _NAME.fullmatch(name):
            raise _not_a_checkpoint()
        blob = _decode(encoded)
        if len(blob) <= _KEY_ID_BYTES:
            raise _not_a_checkpoint()
        signatures.append((name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:]))
    return head + "\n", signatures


def _not_a_checkpoint() -> MalformedRecord:
    return MalformedRecord("This is not a signed ledger checkpoint.", "Pass the note whole, as `lifecycle ledger checkpoint` prints it.")


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise MalformedRecord(f"{name!r} can't name a log key.", "Use a name without spaces and plus signs, such as example.org/ledger.")


def _typed_key(encoded: str) -> bytes:
    blob = _decode(encoded)
    if blob[:1] != _ED25519 or len(blob) != 1 + _KEY_BYTES:
        raise MalformedRecord("This is not an Ed25519 key.", "Only Ed25519 keys sign ledger checkpoints here.")
    return blob[1:]


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: str) -> bytes:
    """Base64 that has exactly one spelling: padding and unused bits are checked, so no note has two forms."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_a_checkpoint() from error
    if _encode(content) != text:
        raise _not_a_checkpoint()
    return content

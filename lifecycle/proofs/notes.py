"""Ledger checkpoints (C2SP tlog-checkpoint v1.0.0): signed notes under the log's key, Ed25519.

A ledger checkpoint is a note of three lines (origin, number of records, root). It is signed by the log's key,
whose name is the origin; while the log changes its key, by two. Nothing is returned from a note whose signature
does not hold. Signatures of witnesses on the same note stand in `proofs.cosignatures`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.merkle import HASH_BYTES
from lifecycle.proofs.secret_keys import SecretKey
from lifecycle.proofs.signature_lines import (
    SignatureLine,
    decode,
    encode,
    key_id,
    not_a_note,
    put_together,
    require_name,
    taken_apart,
    verifier_key_parts,
    verifier_key_text,
)

#: The signature type byte of Ed25519 in key ids and key strings.
_ED25519 = b"\x01"
_KEY_BYTES = 32
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class VerifierKey:
    """The public half of a log's key, and the sizes of the ledger checkpoints that it may sign.

    As text, `name+hexid+base64`: the `vkey` of C2SP, which says nothing about sizes.
    """

    name: str
    public: bytes
    #: It signs ledger checkpoints of this many records and more,
    from_size: int = 0
    #: and of up to this many; None sets no end.
    until_size: int | None = None

    def __post_init__(self) -> None:
        require_name(self.name)
        if len(self.public) != _KEY_BYTES:
            raise MalformedRecord(f"An Ed25519 key has {_KEY_BYTES} bytes, not {len(self.public)}.", "Pass the key as it was published.")

    @property
    def key_id(self) -> bytes:
        """Tells keys of one name apart, and proves nothing."""
        return key_id(self.name, _ED25519 + self.public)

    def __str__(self) -> str:
        return verifier_key_text(self.name, _ED25519 + self.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its text, for every size. Raises MalformedRecord where the id does not belong to the key."""
        name, typed_key = verifier_key_parts(text)
        return cls(name, _untyped(typed_key))

    def bound_to(self, from_size: int, until_size: int | None) -> Self:
        """The same key for ledger checkpoints of these sizes."""
        return replace(self, from_size=from_size, until_size=until_size)

    def may_sign(self, size: int) -> bool:
        """Whether a ledger checkpoint of this many records is this key's to sign."""
        return self.from_size <= size and (self.until_size is None or size <= self.until_size)

    def is_key_of(self, line: SignatureLine) -> bool:
        """Whether the line says that this key made it."""
        return line.name == self.name and line.key_id == self.key_id

    def holds(self, text: str, signature: bytes) -> bool:
        """Whether this key made this signature over exactly this text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey(SecretKey):
    """A log's private key, under the origin of its checkpoints; only the signer's process holds one."""

    kind = _ED25519
    owner = "log"

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.public)

    def sign(self, text: str) -> bytes:
        """The 64 bytes of an Ed25519 signature over this text."""
        return self.signature(text.encode())


@dataclass(frozen=True)
class Checkpoint:
    """A ledger checkpoint: this log had this many records, and this was the root over them."""

    origin: str
    size: int
    root_hash: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode(self.root_hash)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A checkpoint from its text or from its whole note, WITHOUT looking at any signature; see `open_note`."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise not_a_note()
        root = decode(lines[2])
        if len(root) != HASH_BYTES:
            raise not_a_note()
        return cls(lines[0], int(lines[1]), root)


def sign(checkpoint: Checkpoint, key: SigningKey, *more: SigningKey) -> str:
    """The signed note of a checkpoint. Raises MalformedRecord where a key is not that of the checkpoint's origin."""
    text = checkpoint.text()
    lines = []
    for signing in (key, *more):
        if signing.name != checkpoint.origin:
            raise MalformedRecord(
                f"The key {signing.name!r} can't sign for the log {checkpoint.origin!r}.",
                "Sign with the key whose name is the origin of the log.",
            )
        lines.append(SignatureLine(signing.name, signing.key_id, signing.sign(text)))
    return put_together(text, lines)


def open_note(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that its log signed with one of these keys that may sign that many records.

    Signatures by unknown keys are passed over, as C2SP asks; one by a known key that does not hold voids the
    note. Raises MalformedRecord for what is no note, Tampered where the log's own signature is missing or wrong.
    """
    text, signatures = taken_apart(note)
    checkpoint = Checkpoint.parse(text)
    signed_by_log, out_of_bounds = False, False
    for line in signatures:
        for key in keys:
            if not key.is_key_of(line):
                continue
            if not key.holds(text, line.signature):
                raise Tampered(
                    f"The signature of {line.name} on the ledger checkpoint of {checkpoint.size} records does not hold.",
                    "Do not trust this checkpoint; ask for it again, and keep this one as evidence.",
                )
            if line.name == checkpoint.origin:
                signed_by_log = signed_by_log or key.may_sign(checkpoint.size)
                out_of_bounds = out_of_bounds or not key.may_sign(checkpoint.size)
    if not signed_by_log:
        raise _not_signed(checkpoint, keys, out_of_bounds=out_of_bounds)
    return checkpoint


def _not_signed(checkpoint: Checkpoint, keys: Sequence[VerifierKey], *, out_of_bounds: bool) -> Tampered:
    if out_of_bounds:
        return Tampered(
            f"The ledger checkpoint of {checkpoint.origin!r} at {checkpoint.size} records is signed by a key that does not sign "
            "checkpoints of that size.",
            "The log has changed its key: a checkpoint under the old key past that change was made by whoever kept the old key.",
        )
    known = ", ".join(str(key) for key in keys) or "none"
    return Tampered(
        f"The ledger checkpoint of {checkpoint.origin!r} at {checkpoint.size} records is not signed by a known key of that log.",
        f"Check that it belongs to this log and that the verifier key is the right one (known: {known}).",
    )


def _untyped(typed_key: bytes) -> bytes:
    if typed_key[:1] != _ED25519 or len(typed_key) != 1 + _KEY_BYTES:
        raise MalformedRecord("This is not an Ed25519 key of a log.", "Only Ed25519 keys sign ledger checkpoints here.")
    return typed_key[1:]

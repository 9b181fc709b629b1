"""Private Ed25519 keys of logs and of witnesses: as the text that C2SP's signers write, and in files of their own.

A key's text is `PRIVATE+KEY+name+hexid+base64`; the byte before the seed says what the key signs, and keeps one that signs
ledger checkpoints from being taken for one that cosigns them. No error quotes a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, MalformedRecord, Unavailable
from lifecycle.proofs.signature_lines import decode, encode, key_id, require_name

_MARK = "PRIVATE+KEY+"
_SEED_BYTES = 32

Key = TypeVar("Key", bound="SecretKey")


@dataclass(frozen=True)
class SecretKey:
    """A private key under its name; whoever signs is the only one to hold it."""

    name: str
    seed: bytes = field(repr=False)
    #: C2SP's byte for what such a key signs, and whose key it is in words.
    kind: ClassVar[bytes]
    owner: ClassVar[str]

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key under this name."""
        require_name(name)
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> bytes:
        """The 32 bytes that its signatures are verified with."""
        return self._key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        """Tells keys of one name apart, and proves nothing."""
        return key_id(self.name, self.kind + self.public)

    def secret_text(self) -> str:
        """`PRIVATE+KEY+name+hexid+base64`: for a file that nobody else can read, and nowhere else."""
        return f"{_MARK}{self.name}+{self.key_id.hex()}+{encode(self.kind + self.seed)}"

    @classmethod
    def parse(cls, secret_text: str) -> Self:
        """A key from its secret text. Raises MalformedRecord, which never quotes it."""
        text = secret_text.strip()
        name, _, rest = text.removeprefix(_MARK).partition("+")
        identity, _, encoded = rest.partition("+")
        typed = decode(encoded) if text.startswith(_MARK) and encoded else b""
        if typed[:1] != cls.kind or len(typed) != 1 + _SEED_BYTES:
            raise cls._another()
        key = cls(name, typed[1:])
        if key.key_id.hex() != identity:
            raise MalformedRecord(f"The id in this key of a {cls.owner} is not that of the key.", "Restore the key from its backup.")
        return key

    def signature(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature over exactly these bytes."""
        return self._key.sign(message)

    @classmethod
    def _another(cls) -> MalformedRecord:
        return MalformedRecord(f"This is not the private key of a {cls.owner}.", "Name its file; a damaged key can't be repaired.")

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def create_key_file(file: Path, key: SecretKey) -> None:
    """Writes a key into a file of its own, whole, readable by its owner only (0600) and on the disk when this returns.

    Raises InvalidDeclaration where the file stands already (a key is never overwritten), Unavailable where it can't be written.
    """
    try:
        # What a killed maker of a key left is a key as well, and lies about.
        durable.sweep(file)
        durable.create_once(file, f"{key.secret_text()}\n".encode())
    except FileExistsError as error:
        raise InvalidDeclaration(
            f"{file} stands already.", f"Keep it: what was signed with it needs it. Use another folder for another {key.owner}."
        ) from error
    except OSError as error:
        raise Unavailable(f"The key {file} can't be written: {error.strerror}.", "Give yourself write access to its folder.") from error


def read_key_file(file: Path, kind: type[Key]) -> Key:
    """The key in a file, for the process that signs.

    Raises Unavailable where it can't be read, InvalidDeclaration where others than its owner can read it, MalformedRecord where it
    holds something else.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise InvalidDeclaration(
                f"The key {file} of a {kind.owner} can be read by others than its owner.", f"Run `chmod 600 {file}`, or make a new key."
            )
        return kind.parse(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise Unavailable(
            f"The {kind.owner} key {file} can't be read: {error.strerror}.", "Run this as the user who owns the key, and pass its file."
        ) from error

"""The form of signed notes (C2SP signed-note v1.0.0): a text, an empty line, and signature lines. Says nothing about any key.

Whatever is read has exactly one spelling, so that nobody can make two different notes out of one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.errors import MalformedRecord

KEY_ID_BYTES = 4
#: What one note may hold, so that a hostile one costs little to refuse. C2SP asks for at least 16 signatures.
LONGEST_NOTE = 1_000_000
MOST_SIGNATURES = 100

_MARK = "\u2014 "
#: No spaces, no plus signs, and nothing that has no UTF-8.
_NAME = re.compile(r"[^\s+\ud800-\udfff]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class SignatureLine:
    """One signature of a note: by whom it says that it is, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """The line as it stands in a note, without its newline."""
        return f"{_MARK}{self.name} {encode(self.key_id + self.signature)}"

    @classmethod
    def parse(cls, line: str) -> SignatureLine:
        """A signature from its line. Raises MalformedRecord."""
        name, _, encoded = line.removeprefix(_MARK).partition(" ")
        if not line.startswith(_MARK) or not _NAME.fullmatch(name):
            raise not_a_note()
        blob = decode(encoded)
        if len(blob) <= KEY_ID_BYTES:
            raise not_a_note()
        return cls(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def taken_apart(note: str) -> tuple[str, tuple[SignatureLine, ...]]:
    """The text that is signed, with its last newline, and the signatures. Raises MalformedRecord for what is no note."""
    head, separator, tail = note.rpartition("\n\n")
    if len(note) > LONGEST_NOTE or not separator or not tail.endswith("\n") or _CONTROL.search(note):
        raise not_a_note()
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise not_a_note()
    return head + "\n", tuple(SignatureLine.parse(line) for line in lines)


def put_together(text: str, signatures: Sequence[SignatureLine]) -> str:
    """The note of a text that ends with a newline."""
    return "\n".join((text, *map(str, signatures), ""))


def with_signatures(note: str, more: Sequence[SignatureLine]) -> str:
    """The note with these signatures behind its own; one that it has already is not added."""
    text, standing = taken_apart(note)
    return put_together(text, tuple(dict.fromkeys((*standing, *more))))


def key_id(name: str, typed_key: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name ‖ newline ‖ type ‖ key): tells keys of one name apart, proves nothing."""
    return hashlib.sha256(name.encode() + b"\n" + typed_key).digest()[:KEY_ID_BYTES]


def verifier_key_text(name: str, typed_key: bytes) -> str:
    """The `vkey` of C2SP, name+hexid+base64, of a key behind its type byte."""
    return f"{name}+{key_id(name, typed_key).hex()}+{encode(typed_key)}"


def verifier_key_parts(text: str) -> tuple[str, bytes]:
    """The name and the key, behind its type byte, of a `vkey`. Raises MalformedRecord where the id does not belong to the key."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise MalformedRecord("This is not a verifier key.", "A verifier key reads name+hexid+base64, on one line.")
    name, identity, encoded = parts
    require_name(name)
    typed_key = decode(encoded)
    if key_id(name, typed_key).hex() != identity:
        raise MalformedRecord(f"The id {identity!r} is not that of this key.", "Copy the verifier key again, whole.")
    return name, typed_key


def require_name(name: str) -> None:
    """Raises MalformedRecord for what can't stand in front of a signature."""
    if not _NAME.fullmatch(name):
        raise MalformedRecord(f"{name!r} can't name a key.", "Use a name without spaces and plus signs, such as example.org/ledger.")


def encode(content: bytes) -> str:
    """Base64, RFC 4648 §4."""
    return base64.b64encode(content).decode()


def decode(text: str) -> bytes:
    """Base64 that has exactly one spelling: padding and unused bits are checked. Raises MalformedRecord."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise not_a_note() from error
    if encode(content) != text:
        raise not_a_note()
    return content


def not_a_note() -> MalformedRecord:
    """What is raised for bytes that are no note."""
    return MalformedRecord("This is not a signed ledger checkpoint.", "Pass the note whole, as `lifecycle ledger checkpoint` prints it.")

"""Ids that sort by time, and salted commitments for values that must never stand in a leaf."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid

from pydantic import JsonValue

from lifecycle.records.record import Digest, Microseconds, Record, canonical_bytes

SALT_BYTES = 32


def now_us() -> Microseconds:
    """The wall clock in microseconds."""
    return time.time_ns() // 1_000


def new_id(at_us: Microseconds | None = None) -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits, so that ids sort by time."""
    milliseconds = (now_us() if at_us is None else at_us) // 1_000
    random = secrets.randbits(74)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | random >> 62 << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
    digits = f"{value:032x}"
    # What `str(uuid.UUID(int=value))` says, at half its price: every prediction is given one.
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_id(*parts: str) -> str:
    """A UUIDv8 (RFC 9562 §5.8) from the SHA-256 of these parts: the same parts give the same id, in every process and for ever."""
    hashed = int.from_bytes(hashlib.sha256(canonical_bytes(list(parts))).digest()[:16], "big")
    value = hashed & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62
    return str(uuid.UUID(int=value))


class Commitment(Record):
    """A salted hash that stands in a leaf in place of a personal value: SHA-256(salt ‖ RFC 8785 bytes of the value).

    The salt and the value live where they can be erased; without the salt the hash says nothing about
    the value, however few values there are to guess from.
    """

    digest: Digest


def commitment_to(value: JsonValue, salt: bytes) -> Digest:
    """The digest of a commitment: see `Commitment`."""
    return "sha256:" + hashlib.sha256(salt + canonical_bytes(value)).hexdigest()


class Opening(Record):
    """What opens a commitment. Erasing it makes the value unrecoverable and leaves every proof as it was."""

    salt_hex: str
    value: JsonValue

    def commitment(self) -> Commitment:
        return Commitment(digest=commitment_to(self.value, bytes.fromhex(self.salt_hex)))


def commit_to_bytes(canonical: bytes) -> tuple[Digest, str]:
    """A commitment under a fresh salt to the value that has these RFC 8785 bytes: its digest, and the salt as hex."""
    salt = secrets.token_bytes(SALT_BYTES)
    return "sha256:" + hashlib.sha256(salt + canonical).hexdigest(), salt.hex()


def commit(value: JsonValue) -> tuple[Commitment, Opening]:
    """A commitment to a value under a fresh 32-byte salt, and what opens it."""
    opening = Opening(salt_hex=secrets.token_hex(SALT_BYTES), value=value)
    return opening.commitment(), opening

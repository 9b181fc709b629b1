"""How a log changes its key: both keys sign one statement, which stands in the log as a leaf (`LogKeyRotated`).

The old key says that the new one comes after it, and the new one says that the old one came before; so whoever trusts
either can follow, forwards or backwards. Keys are bound to sizes: up to `old_until_size` records the old key signs ledger
checkpoints, from `from_size` on the new one, and between the two both do, so that nobody who knows one of them is left behind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.notes import SigningKey, VerifierKey
from lifecycle.proofs.signature_lines import decode, encode

_HEADER = "lifecycle log-key rotation v1"


def statement(old: VerifierKey, new: VerifierKey, from_size: int, old_until_size: int, reason: str) -> str:
    """What both keys sign. Its second line is no number, so that no ledger checkpoint can ever read the same."""
    return f"{_HEADER}\nold {old}\nnew {new}\nfrom {from_size}\nuntil {old_until_size}\nreason {reason}\n"


@dataclass(frozen=True)
class Rotation:
    """One change of the log's key, as its leaf says it; nothing about it is believed before `require_signed`."""

    old: VerifierKey
    new: VerifierKey
    from_size: int
    old_until_size: int
    reason: str
    old_signature: bytes
    new_signature: bytes

    @classmethod
    def signed(cls, old: SigningKey, new: SigningKey, *, from_size: int, old_until_size: int, reason: str) -> Self:
        """A change that both keys agree to."""
        text = statement(old.verifier, new.verifier, from_size, old_until_size, reason)
        return cls(old.verifier, new.verifier, from_size, old_until_size, reason, old.sign(text), new.sign(text))

    @classmethod
    def of_leaf(cls, stored: bytes) -> Self:
        """The change that the stored bytes of a `LogKeyRotated` tell. Raises MalformedRecord.

        Read without the records, which the signer's process starts faster without.
        """
        try:
            body = json.loads(stored)["body"]
            return cls(
                old=VerifierKey.parse(body["old_key"]),
                new=VerifierKey.parse(body["new_key"]),
                from_size=_count(body["from_size"]),
                old_until_size=_count(body["old_until_size"]),
                reason=str(body["reason"]),
                old_signature=decode(body["old_signature"]),
                new_signature=decode(body["new_signature"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MalformedRecord(f"This leaf is no change of the log's key: {error!r}.", "Verify the ledger.") from error

    def require_signed(self) -> None:
        """Raises Tampered where one of the two keys did not sign it, or where it makes no sense."""
        text = statement(self.old, self.new, self.from_size, self.old_until_size, self.reason)
        for whose, key, signature in (("old", self.old, self.old_signature), ("new", self.new, self.new_signature)):
            if not key.holds(text, signature):
                raise _void(f"the {whose} key did not sign it")
        if self.old.name != self.new.name or self.old.public == self.new.public:
            raise _void("it does not lead from one key of the log to another")
        if self.old_until_size < self.from_size - 1:
            raise _void(f"nobody would sign from {self.old_until_size + 1} to {self.from_size - 1} records")


@dataclass(frozen=True)
class FollowedKeys:
    """The keys of a log after its changes: each bound to the sizes that it may sign."""

    keys: tuple[VerifierKey, ...]
    #: (index of the leaf, why) of changes that do not count.
    refused: tuple[tuple[int, str], ...]


def follow(trusted: Sequence[VerifierKey], leaves: Sequence[tuple[int, bytes]]) -> FollowedKeys:
    """The log's keys, from those that are trusted and the (index, stored bytes) of every change in the log, in its order.

    What is trusted is never widened: an end that a trusted key has already stays, and a change signed by a key past its end
    does not count. A key changes once. One whose end is trusted is over, and whoever has it can date a change as they like: it
    hands over to a key that is trusted as well, or to none. One that is known through its successor hands over to that one only.
    """
    keys = {key.public: key for key in trusted}
    over = {key.public for key in trusted if key.until_size is not None}
    successors: dict[bytes, bytes] = {}
    refused: list[tuple[int, str]] = []
    signed: list[tuple[int, Rotation]] = []
    for index, stored in leaves:
        try:
            rotation = Rotation.of_leaf(stored)
            rotation.require_signed()
        except LifecycleError as error:
            refused.append((index, error.what))
            continue
        signed.append((index, rotation))
    # Backwards first: who trusts the newest key learns of those before it.
    for _, rotation in reversed(signed):
        if rotation.new.public in keys and rotation.old.public not in keys:
            keys[rotation.old.public] = rotation.old
            successors[rotation.old.public] = rotation.new.public
    known = frozenset(keys)
    changed: set[bytes] = set()
    for index, rotation in signed:
        old = keys.get(rotation.old.public)
        if trusted and (old is None or rotation.old.public in changed or not _in_office(old, rotation)):
            refused.append((index, "The key that hands over was not the log's key at that size."))
            continue
        public = rotation.new.public
        if (rotation.old.public in over and public not in known) or successors.get(rotation.old.public, public) != public:
            refused.append((index, "The key that hands over is known to have ended before, and this one is not known to follow it."))
            continue
        if old is not None:
            keys[old.public] = old.bound_to(old.from_size, _smaller(old.until_size, rotation.old_until_size))
            new = keys.get(rotation.new.public, rotation.new)
            keys[new.public] = new.bound_to(max(new.from_size, rotation.from_size), new.until_size)
        changed.add(rotation.old.public)
    return FollowedKeys(tuple(keys.values()), tuple(sorted(refused)))


def changes_as_text(leaves: Sequence[tuple[int, bytes]]) -> str:
    """The changes of a log's key as a file: one leaf a line, its index and its bytes in base64."""
    return "".join(f"{index} {encode(stored)}\n" for index, stored in leaves)


def changes_in(text: str) -> list[tuple[int, bytes]]:
    """The inverse. Raises MalformedRecord."""
    found: list[tuple[int, bytes]] = []
    for line in text.splitlines():
        index, _, encoded = line.partition(" ")
        if not (index.isascii() and index.isdigit() and len(index) < 19):
            raise MalformedRecord("This is no list of changes of a log's key.", "Have it written again by `lifecycle ledger trust`.")
        found.append((int(index), decode(encoded)))
    return found


def _in_office(old: VerifierKey, rotation: Rotation) -> bool:
    """Whether the old key was still signing when the change began."""
    return old.from_size < rotation.from_size and (old.until_size is None or rotation.from_size <= old.until_size + 1)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no size")
    return value


def _smaller(until: int | None, other: int) -> int:
    return other if until is None else min(until, other)


def _void(why: str) -> Tampered:
    return Tampered(f"This change of the log's key does not count: {why}.", "Keep the ledger as evidence, and ask who runs it.")

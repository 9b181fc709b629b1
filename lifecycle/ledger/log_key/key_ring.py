"""The signer's keys: the one that the log signs with now, and while it changes the one before.

| file              | holds                                                                  |
| ----------------- | ---------------------------------------------------------------------- |
| `ledger.key`      | the key that signs                                                     |
| `ledger.key.next` | a key that was made and is not in office yet: its change is under way  |
| `ledger.key.old`  | the key before, while both sign; destroyed at its last ledger checkpoint |

The ledger says when which key signs (`LogKeyRotated`); these files only follow it, so that a crash between any two steps is
made good by the next signature.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, LifecycleError
from lifecycle.ledger.log_key.keys import PUBLIC_FILE, publish, read_signing_key
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.notes import SigningKey, VerifierKey
from lifecycle.proofs.rotation import Rotation, follow

ROTATED = "LogKeyRotated"


@dataclass(frozen=True)
class KeyRing:
    """What the signer signs with, and every key that this log's checkpoints may be signed with."""

    current: SigningKey
    old: SigningKey | None
    verifiers: tuple[VerifierKey, ...]

    def signing(self, size: int) -> tuple[SigningKey, ...]:
        """The keys that sign a ledger checkpoint of this size, the one in office first.

        Raises InvalidDeclaration where none that is here may.
        """
        bounds = {known.public: known for known in self.verifiers}
        held = [key for key in (self.current, self.old) if key is not None]
        signing = tuple(key for key in held if bounds[key.verifier.public].may_sign(size))
        if not signing:
            raise InvalidDeclaration(
                f"The key that lies here does not sign ledger checkpoints of {size} records: the log has changed its key.",
                "Give the signer the key that the ledger names (`lifecycle ledger log --type LogKeyRotated`).",
            )
        return signing


def open_key_ring(key_file: Path, rows: LedgerRows) -> KeyRing:
    """The keys beside `key_file`, as the ledger says; a change that stands in the ledger is carried out here first.

    Raises like `read_signing_key`. The caller is the one signer.
    """
    leaves = rotations_in(rows)
    finish_change(key_file, leaves)
    current = read_signing_key(key_file)
    old_file = old_key_file(key_file)
    old = read_signing_key(old_file) if old_file.exists() else None
    verifiers = follow([current.verifier], leaves).keys
    known = {key.public for key in verifiers}
    return KeyRing(current, old if old is not None and old.verifier.public in known else None, verifiers)


def rotations_in(rows: LedgerRows) -> list[tuple[int, bytes]]:
    """(index, stored bytes) of every change of the log's key, in the order of the ledger; what was made no bytes says nothing."""
    found = rows.wanted({}, (ROTATED,), since=0, newest_first=False, limit=None)
    return [(row.leaf_index, row.stored if isinstance(row.stored, bytes) else b"") for row in found]


def next_key_file(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".next")


def old_key_file(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".old")


def change_is_recorded(key_file: Path, leaves: list[tuple[int, bytes]]) -> bool:
    """Whether the ledger says that the next key is in office already: somebody died before the files followed."""
    waiting = next_key_file(key_file)
    if not waiting.exists():
        return False
    following = read_signing_key(waiting).verifier
    return any(_leads_to(stored, following) for _, stored in leaves)


def finish_change(key_file: Path, leaves: list[tuple[int, bytes]]) -> None:
    """Puts the next key in office where the ledger says that it is."""
    if not change_is_recorded(key_file, leaves):
        return
    waiting = next_key_file(key_file)
    following = read_signing_key(waiting).verifier
    _keep_as_old(key_file, following)
    waiting.replace(key_file)
    durable.sync_folder(key_file.parent)
    if key_file.with_name(PUBLIC_FILE).exists():
        publish(key_file.parent, following)


def retire_old_key(key_file: Path, ring: KeyRing, signed_size: int) -> None:
    """Destroys the private half of the key before, once it has signed its last ledger checkpoint: nobody can steal it then."""
    if ring.old is None:
        return
    bounds = next(known for known in ring.verifiers if known.public == ring.old.verifier.public)
    if bounds.until_size is not None and bounds.until_size < signed_size:
        old_key_file(key_file).unlink(missing_ok=True)
        durable.sync_folder(key_file.parent)


def require_one_change_at_a_time(ring: KeyRing, size: int) -> None:
    """Raises InvalidDeclaration while the change before is not over: at most two keys sign at once."""
    if ring.old is not None and any(key.public == ring.old.verifier.public and key.may_sign(size + 1) for key in ring.verifiers):
        raise InvalidDeclaration(
            "The log is changing its key already: the old one still signs.",
            "Wait until the ledger has grown past the end of that change; `lifecycle ledger log --type LogKeyRotated` shows it.",
        )


def _keep_as_old(key_file: Path, following: VerifierKey) -> None:
    """Keeps the key that leaves, under its second name; a crash before may have done so."""
    if read_signing_key(key_file).verifier.public == following.public:
        return
    old = old_key_file(key_file)
    part = old.with_name(f".{old.name}.part")
    part.unlink(missing_ok=True)
    os.link(key_file, part)
    part.replace(old)


def _leads_to(stored: bytes, key: VerifierKey) -> bool:
    try:
        rotation = Rotation.of_leaf(stored)
        rotation.require_signed()
    except LifecycleError:
        return False
    return rotation.new.public == key.public

"""What the signer makes of a ledger that was restored from a backup: it goes on, where the loss was declared in full.

The signer remembers the tree that it signed last. A shorter ledger does not fit that memory, and is refused; unless the record
after the backup says so (`LedgerRestored`), names as lost exactly what the signer remembers, and the backup itself is what this
log signed. An old copy that was put back in silence has no such record; with a record that says something else, it is one that lies.

Records are read as plain JSON here: the signer starts without what typed records need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.structure import WrittenRoot
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import VerifierKey, open_note

_KEEP_EVIDENCE = "Nothing was signed. Keep a copy of the ledger as evidence and run `lifecycle ledger verify`."


@dataclass(frozen=True)
class _Declared:
    """What a LedgerRestored says of the loss, in whatever form it stands there."""

    backup_size: Any
    last_known: Any
    lost: Any


def backups_in(rows: LedgerRows) -> Iterator[WrittenRoot]:
    """The roots of the backups that a ledger says it goes on from: the records before must hash to them."""
    for row in rows.wanted({}, ("LedgerRestored",), since=0, newest_first=False, limit=None):
        try:
            body = json.loads(row.stored)["body"] if isinstance(row.stored, bytes) else {}
            size, root = body["backup_size"], bytes.fromhex(str(body["backup_root"]).removeprefix("sha256:"))
        except (ValueError, KeyError, TypeError):
            continue  # A damaged record says nothing; it is a finding of whoever looks at it.
        if isinstance(size, int) and 0 < size == row.leaf_index:
            yield WrittenRoot(size, root, f"the backup that record {row.leaf_index} says the ledger was restored from", "L0")


def tree_of_backup(rows: LedgerRows, known: Frontier, keys: Sequence[VerifierKey]) -> Frontier | None:
    """The tree of the backup that a ledger goes on from, where it says that the tree `known` was lost; None where it does not.

    Raises Tampered where the backup is not what this log signed.
    """
    for row in rows.wanted({}, ("LedgerRestored",), since=0, newest_first=True, limit=1):
        declared = _declared(row.stored)
        if declared is not None and row.leaf_index == declared.backup_size < known.size and _names(declared, known, keys):
            return _signed_tree(rows, declared.backup_size, keys)
    return None


def _declared(stored: object) -> _Declared | None:
    try:
        body = json.loads(stored)["body"] if isinstance(stored, bytes) else {}
        declared = _Declared(body["backup_size"], body["last_known"], body["lost"])
    except (ValueError, KeyError, TypeError):
        return None  # A damaged record declares nothing.
    counts = isinstance(declared.backup_size, int) and isinstance(declared.lost, int)
    return declared if counts and isinstance(declared.last_known, str) else None


def _names(declared: _Declared, known: Frontier, keys: Sequence[VerifierKey]) -> bool:
    """Whether exactly what is remembered is named as what stood before."""
    counted = declared.backup_size + declared.lost == known.size
    return counted and _is_of(declared.last_known, known, keys)


def _signed_tree(rows: LedgerRows, size: int, keys: Sequence[VerifierKey]) -> Frontier:
    """The tree over the records of the backup, held against the ledger checkpoint of exactly so many records that it came with."""
    frontier = Frontier()
    for index, stored in rows.stored(0, size):
        # Of bytes that were pruned the leaf hash is left; that the whole is what was signed is checked below.
        frontier.append(leaf_hash(stored) if isinstance(stored, bytes) else rows.leaf_hashes(index, index + 1)[0])
    notes = [str(entry.note) for entry in rows.checkpoints(above=size - 1) if entry.tree_size == size]
    if not any(_is_of(note, frontier, keys) for note in notes):
        raise Tampered(
            f"The ledger says that it was restored from a backup of {size} records, but what it holds of that is not what was signed.",
            _KEEP_EVIDENCE,
        )
    return frontier


def _is_of(note: str, tree: Frontier, keys: Sequence[VerifierKey]) -> bool:
    """Whether this log signed this note over this tree."""
    try:
        checkpoint = open_note(note, keys)
    except LifecycleError:
        return False
    return (checkpoint.size, checkpoint.root_hash) == (tree.size, tree.root())

"""Proofs from a log that grows: the tree over its leaf hashes, read once and gone on with."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from threading import Lock

from lifecycle.errors import Unavailable, UnknownName
from lifecycle.proofs.merkle import Tree, leaf_hash, verify_inclusion
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.rollout import LedgerProof


class Prover:
    """Keeps every complete subtree (64 bytes a record), so that only the first proof of a long log takes more than a moment."""

    def __init__(self, leaves: Callable[[int, int], Iterable[bytes]]) -> None:
        """`leaves` reads the leaf hashes from one index to before another."""
        self._leaves = leaves
        self._tree = Tree()
        self._lock = Lock()

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The RFC 6962 path of one record among the first `size`. Raises UnknownName where there is no such record."""
        with self._lock:
            tree = self._grown_to(size)
            if not 0 <= index < size:
                raise UnknownName(f"There is no record {index} among the first {size}.", f"Ask for one from 0 to {size - 1}.")
            return tree.inclusion_path(index, size)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The RFC 6962 path that shows the first `old` records to be a beginning of the first `new`."""
        with self._lock:
            tree = self._grown_to(new)
            if not 0 <= old <= new:
                raise UnknownName(f"A ledger of {old} records is no beginning of one of {new}.", f"Ask for a size from 0 to {new}.")
            return tree.consistency_path(old, new)

    def proof(self, index: int, stored: bytes, note: str | None) -> LedgerProof:
        """One record with its proof against a ledger checkpoint, to be believed offline.

        Raises Unavailable where the checkpoint does not cover it, Tampered where the records are not those that were signed.
        """
        checkpoint = None if note is None else Checkpoint.parse(note)
        if note is None or checkpoint is None or checkpoint.size <= index:
            raise Unavailable(
                f"No ledger checkpoint covers record {index} yet.",
                "Have one signed with `lifecycle ledger checkpoint`, and ask again.",
            )
        path = self.inclusion(index, checkpoint.size)
        verify_inclusion(leaf_hash(stored), index, checkpoint.size, path, checkpoint.root_hash)
        return LedgerProof(
            index=index,
            leaf=base64.b64encode(stored).decode(),
            path=tuple(base64.b64encode(sibling).decode() for sibling in path),
            checkpoint=note,
        )

    def _grown_to(self, size: int) -> Tree:
        """The tree, grown to at least this size. The caller holds the lock."""
        if size > self._tree.size:
            self._tree.extend(self._leaves(self._tree.size, size))
        if size > self._tree.size:
            raise UnknownName(f"The ledger holds {self._tree.size} records, not {size}.", f"Ask for a size up to {self._tree.size}.")
        return self._tree

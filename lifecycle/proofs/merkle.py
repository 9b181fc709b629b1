"""The Merkle tree of a transparency log (RFC 6962 §2.1; proofs are checked as in RFC 9162 §2.1.3 and §2.1.4).

All hashes are 32 raw bytes of SHA-256. Whoever checks a proof gets nothing back: a proof that does not
hold raises Tampered, so that a forgotten `if` can't let it through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Self

from lifecycle.errors import MalformedRecord, Tampered

HASH_BYTES = 32
#: The root of a tree without leaves.
EMPTY_ROOT = hashlib.sha256(b"").digest()

_SIZE_BYTES = 8


def leaf_hash(content: bytes) -> bytes:
    """SHA-256(0x00 ‖ content)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """What it takes to go on with a tree: its size and the roots of its complete subtrees, largest first.

    Grows with the logarithm of the size (a million leaves: 7 hashes), so an append never reads the log again.
    """

    def __init__(self) -> None:
        self._size = 0
        self._subtrees: list[bytes] = []

    @property
    def size(self) -> int:
        return self._size

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash at the right."""
        carry, size = leaf, self._size
        while size & 1:
            carry = node_hash(self._subtrees.pop(), carry)
            size >>= 1
        self._subtrees.append(carry)
        self._size += 1

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self._subtrees:
            return EMPTY_ROOT
        root = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            root = node_hash(subtree, root)
        return root

    def copy(self) -> Frontier:
        """One that grows on its own from here."""
        twin = Frontier()
        twin._size, twin._subtrees = self._size, list(self._subtrees)
        return twin

    def to_bytes(self) -> bytes:
        """The size as 8 bytes, big-endian, then the subtrees."""
        return self._size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._subtrees)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The inverse. Raises MalformedRecord where the number of hashes does not fit the size."""
        size = int.from_bytes(content[:_SIZE_BYTES], "big")
        subtrees = content[_SIZE_BYTES:]
        if len(content) < _SIZE_BYTES or len(subtrees) != size.bit_count() * HASH_BYTES:
            raise MalformedRecord(
                f"{len(content)} bytes are not the frontier of a tree.",
                "Restore the head of the ledger from a backup and run `lifecycle ledger verify`.",
            )
        frontier = cls()
        frontier._size = size
        frontier._subtrees = [subtrees[at : at + HASH_BYTES] for at in range(0, len(subtrees), HASH_BYTES)]
        return frontier


class Tree:
    """A tree with every complete subtree kept (64 bytes a leaf), so that any proof takes logarithmic time."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        #: _levels[k] holds, end to end, the roots of the complete subtrees of 2^k leaves.
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaf_hashes)

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Adds leaf hashes at the right."""
        self._levels[0] += b"".join(leaf_hashes)
        level = 0
        while len(self._levels[level]) >= 2 * HASH_BYTES:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            below, above = self._levels[level], self._levels[level + 1]
            # Both halves of a pair lie end to end: the node above is the hash of 64 bytes of the level below.
            pairs = range(2 * len(above), len(below) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
            above += b"".join([hashlib.sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (all of them by default)."""
        size = self._size_within(size)
        return self._root_of(0, size) if size else EMPTY_ROOT

    def inclusion_path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The siblings of leaf `index` from the leaf up, in the tree of the first `size` leaves (RFC 6962 §2.1.1)."""
        size = self._size_within(size)
        if not 0 <= index < size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._root_of(middle, end))
                end = middle
            else:
                path.append(self._root_of(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_path(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """The nodes that show the tree of `old` leaves to be a beginning of that of `size` (RFC 6962 §2.1.2)."""
        size = self._size_within(size)
        if not 0 <= old <= size:
            raise ValueError(f"a tree of {old} is no beginning of a tree of {size}")
        if old in (0, size):
            return ()
        path: list[bytes] = []
        start, end = 0, size
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._root_of(middle, end))
                end = middle
            else:
                path.append(self._root_of(start, middle))
                start = middle
        # The verifier holds the root of the old tree already: it is left out where it is itself the last node.
        if start:
            path.append(self._root_of(start, end))
        return tuple(reversed(path))

    def _size_within(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ValueError(f"this tree has {self.size} leaves, not {size}")
        return size

    def _root_of(self, start: int, end: int) -> bytes:
        """The root over the leaves from `start` to before `end`, where `start` is aligned as RFC 6962 splits."""
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            at = (start >> level) * HASH_BYTES
            return bytes(self._levels[level][at : at + HASH_BYTES])
        middle = start + _split(width)
        return node_hash(self._root_of(start, middle), self._root_of(middle, end))


def _split(width: int) -> int:
    """The largest power of two below `width` (RFC 6962 calls it k)."""
    return 1 << ((width - 1).bit_length() - 1)


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaf_hashes:
        frontier.append(leaf)
    return frontier.root()


def inclusion_path(leaf_hashes: Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """`Tree.inclusion_path` for a tree that is needed once."""
    return Tree(leaf_hashes[:size]).inclusion_path(index, size)


def consistency_path(leaf_hashes: Sequence[bytes], old: int, size: int) -> tuple[bytes, ...]:
    """`Tree.consistency_path` for a tree that is needed once."""
    return Tree(leaf_hashes[:size]).consistency_path(old, size)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raises Tampered unless the leaf hash stands at `index` of the tree of `size` leaves under `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise _broken(f"There is no leaf {index} in a ledger of {size}.")
    node, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise _broken("The inclusion proof has too many hashes.")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or computed != root:
        raise _broken(f"The record does not stand at index {index} of the ledger of {size} records that was signed.")


def verify_consistency(old: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Raises Tampered unless the tree of `size` leaves begins with the tree of `old` leaves (RFC 9162 §2.1.4.2)."""
    if not 0 <= old <= size:
        raise _broken(f"A ledger of {size} records can't continue one of {old}.")
    if old in (0, size):
        if path or old_root != (EMPTY_ROOT if old == 0 else root) or (size == 0 and root != EMPTY_ROOT):
            raise _broken(f"The two views of the ledger at {old} records differ.")
        return
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    hashes = iter(path if node else (old_root, *path))
    old_computed = computed = next(hashes, b"")
    for sibling in hashes:
        if last == 0:
            raise _broken("The consistency proof has too many hashes.")
        if node & 1 or node == last:
            old_computed, computed = node_hash(sibling, old_computed), node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or old_computed != old_root or computed != root:
        raise _broken(f"The ledger of {size} records does not continue the ledger of {old} records: its past was changed.")


def _broken(what: str) -> Tampered:
    return Tampered(what, "Keep both sides as evidence, run `lifecycle ledger verify`, and tell whoever runs this ledger.")

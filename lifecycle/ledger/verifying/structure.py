"""The structural part of verification: records stand without a gap, and hash to every root that was ever written down.

Nothing of what a record says is read here. That keeps the loop tight: it costs little more than reading the rows and hashing
them once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lifecycle.errors import MalformedRecord
from lifecycle.ledger.storage.rows import HeadEntry, LeafRow
from lifecycle.ledger.verifying.findings import Assurance, Finding
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.counted import counted


@dataclass(frozen=True)
class WrittenRoot:
    """A root that the records must hash to: who says so, and the level that it stands for."""

    size: int
    root: bytes
    where: str
    level: Assurance


class Structure:
    """Holds the rows, in order, against the written roots, in order of their sizes.

    Two trees are grown from the first record on whose bytes do not have the hash in its column: one of the bytes, one
    of the columns. A root that the second one fits shows that the bytes were changed and the rest was not, so
    that one altered record is one finding.
    """

    def __init__(self, written: Iterator[WrittenRoot]) -> None:
        self._written = written
        self._next = next(written, None)
        self._by_bytes = Frontier()
        self._by_columns: Frontier | None = None
        self._length = 0
        self._fits_until = 0
        self._gap = False
        self._misfits: set[Assurance] = set()
        #: How many records have no bytes any more; whether they may be gone is not a question of the structure.
        self.without_bytes = 0
        #: The sizes at which the records hash to what was written down, by level.
        self.fitting: dict[Assurance, int] = {}

    @property
    def size(self) -> int:
        """How many records there are, by the place of the last."""
        return self._length

    @property
    def frontier(self) -> Frontier:
        """The tree over the stored bytes."""
        return self._by_bytes

    @property
    def root(self) -> bytes:
        """What the stored bytes hash to."""
        return self._by_bytes.root()

    def read(self, leaves: Iterable[LeafRow], name_of: Callable[[object], str]) -> Iterator[Finding]:
        """Takes all records in; `name_of` names the record of an index, for a finding."""
        sha256, append = hashlib.sha256, self._by_bytes.append
        due = self._due()
        for index, leaf, stored in leaves:
            if self._length >= due:
                yield from self._compare()
                due = self._due()
            # `leaf_hash`, written out: this line is what verification of a long ledger spends its time on.
            whole = type(stored) is bytes and sha256(b"\x00" + stored).digest() == leaf
            if whole and index == self._length and self._by_columns is None:
                append(leaf)
                self._length += 1
            else:
                yield from self._look_closer(LeafRow(index, leaf, stored), name_of)

    def compare_roots(self) -> Iterator[Finding]:
        """Holds the whole against the written roots that are left."""
        yield from self._compare()
        beyond: dict[Assurance, WrittenRoot] = {}
        while self._next is not None:
            beyond[self._next.level] = self._next
            self._next = next(self._written, None)
        for root in beyond.values():
            dropped = f"the ledger has {self._length}: the last {root.size - self._length} were dropped"
            yield Finding(None, f"{root.where} covers {counted(root.size, 'record')}, but {dropped}", root.level)

    def compare_head(self, head: HeadEntry) -> Iterator[Finding]:
        """Holds the whole against the head."""
        if head.size != self._length:
            # As it stands there: what a damaged head holds need not be a number.
            yield Finding(None, f"the head says that there are {head.size} records, but there are {self._length}")
            return
        try:
            frontier = Frontier.from_bytes(head.frontier)
        except (MalformedRecord, TypeError):
            yield Finding(None, "the head was altered: it is not the frontier of a tree")
            return
        if frontier.size != self._length or not (self._gap or self._fits(frontier.root())):
            yield Finding(None, f"{self._suspects(self._length)} not what the head says, or the head was altered")

    def _look_closer(self, row: LeafRow, name_of: Callable[[object], str]) -> Iterator[Finding]:
        yield from self._place(row.leaf_index, name_of)
        # Of bytes that are gone the tree needs only their hash.
        gone = row.stored is None and isinstance(row.leaf_hash, bytes)
        self.without_bytes += gone
        leaf = row.leaf_hash if gone else leaf_hash(row.stored if isinstance(row.stored, bytes) else b"")
        if leaf != row.leaf_hash:
            yield Finding(self._length - 1, f"{name_of(row.leaf_index)} was altered: its stored bytes do not have the hash of its leaf")
            self._by_columns = self._by_columns or self._by_bytes.copy()
        self._by_bytes.append(leaf)
        if self._by_columns is not None:
            self._by_columns.append(row.leaf_hash if isinstance(row.leaf_hash, bytes) else b"")

    def _place(self, index: object, name_of: Callable[[object], str]) -> Iterator[Finding]:
        if not isinstance(index, int) or index < self._length:
            yield Finding(None, f"{name_of(index)} has no place of its own: the next would be {self._length}")
            index = self._length
        elif index > self._length:
            self._gap = True
            last = index - 1
            missing = f"record {last} is missing" if last == self._length else f"records {self._length} to {last} are missing"
            yield Finding(self._length, f"{missing}: deleted, or moved elsewhere")
        self._length = index + 1

    def _due(self) -> float:
        """The size at which there is something to compare."""
        return math.inf if self._next is None else self._next.size

    def _compare(self) -> Iterator[Finding]:
        """Holds the tree against the roots that were written down at this size."""
        while self._next is not None and self._next.size <= self._length:
            written, self._next = self._next, next(self._written, None)
            if self._fits(written.root):
                self._fits_until = written.size
                self.fitting[written.level] = written.size
            elif not self._gap and written.level not in self._misfits:
                self._misfits.add(written.level)
                yield Finding(None, f"{self._suspects(written.size)} not what {written.where} covers", written.level)

    def _fits(self, root: bytes) -> bool:
        return root == self._by_bytes.root() or (self._by_columns is not None and root == self._by_columns.root())

    def _suspects(self, until: int) -> str:
        """Where a record that was changed together with its hash can be: after the last root that fits."""
        first, last = min(self._fits_until, max(until - 1, 0)), max(until - 1, 0)
        return f"record {first} is" if first == last else f"one or more of the records {first} to {last} are"

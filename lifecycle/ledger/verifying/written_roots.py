"""The roots that were written down about a ledger: in its own ledger checkpoints, and in those that the verifier held before."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence

from lifecycle.errors import LifecycleError
from lifecycle.ledger.storage.rows import CheckpointEntry, LedgerRows
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.ledger.verifying.structure import WrittenRoot
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note


class WrittenRoots:
    """Opens notes with the log's keys; what is wrong with one is told to `report`, and it does not count.

    Without a key the log's own notes are read unopened: they show a change that does not fit them, and no level.
    """

    def __init__(self, keys: Sequence[VerifierKey], held_notes: Sequence[str], report: Callable[[Finding], None]) -> None:
        self._keys = keys
        self._report = report
        self.held = sorted(self._opened_held(held_notes), key=lambda checkpoint: checkpoint.size)

    def all(self, rows: LedgerRows, others: Iterable[WrittenRoot] = ()) -> Iterator[WrittenRoot]:
        """Every root that the records must hash to, in the order of their sizes; `others` are what anchors saw."""
        anchored = sorted(others, key=lambda written: written.size)
        return heapq.merge(self._kept(rows), self._held_roots(), anchored, key=lambda written: written.size)

    def _opened_held(self, notes: Sequence[str]) -> Iterator[Checkpoint]:
        for note in notes:
            try:
                yield open_note(note, self._keys)
            except LifecycleError as error:
                self._report(Finding(None, f"the ledger checkpoint that you hold does not count: {error.what}", "L2"))

    def _held_roots(self) -> Iterator[WrittenRoot]:
        for checkpoint in self.held:
            yield WrittenRoot(checkpoint.size, checkpoint.root_hash, "the ledger checkpoint that you hold", "L2")

    def _kept(self, rows: LedgerRows) -> Iterator[WrittenRoot]:
        for entry in rows.checkpoints():
            # As it stands there: what a damaged row holds need not be a number.
            size = f"{entry.tree_size} records"
            try:
                checkpoint = self._opened(entry)
            except LifecycleError as error:
                self._report(Finding(None, f"the kept ledger checkpoint of {size} does not count: {error.what}", "L1"))
                continue
            if (checkpoint.size, checkpoint.root_hash) != (entry.tree_size, entry.root_hash):
                told = f"the columns of the ledger checkpoint of {size} are not what its note says"
                self._report(Finding(None, told, "L1"))
                continue
            yield WrittenRoot(checkpoint.size, checkpoint.root_hash, f"the ledger checkpoint of {size}", "L1")

    def _opened(self, entry: CheckpointEntry) -> Checkpoint:
        note = str(entry.note)
        return open_note(note, self._keys) if self._keys else Checkpoint.parse(note)

"""The ledger for whoever only looks, on the bare driver: a verb that shows something starts in half the time so.

It gives what `Ledger` gives for the same questions (one contract suite holds both), makes nothing, and can't write.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, Unpack

from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.keeping.pruned import PrunedRanges, require_present, those_present
from lifecycle.ledger.proving import Prover
from lifecycle.ledger.recorded import Head, Wanted, no_event, no_record, nothing_kept, opened, recorded_in, states_in, stored_in
from lifecycle.ledger.storage.columns import RecordRow
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.merkle import Frontier
from lifecycle.records.events import Recorded
from lifecycle.records.identity import Commitment, Opening
from lifecycle.records.record import Name, Version
from lifecycle.records.rollout import LedgerProof
from lifecycle.records.states import State, fold

#: The filters of `Wanted` that compare a column.
_COLUMN_OF = {
    "kind": "subject_kind",
    "name": "subject_name",
    "version": "subject_version",
    "environment": "environment",
    "run_id": "run_id",
}


class LookingLedger:
    """A ledger that stands, to be read. Raises Unavailable where there is none."""

    def __init__(self, url: str, *, origin: str) -> None:
        self._rows = LedgerRows(url)
        self._prover = Prover(self._rows.leaf_hashes)
        self.origin = origin
        found = self._rows.head().origin
        if found != origin:
            self.close()
            raise InvalidDeclaration(
                f"The ledger at this address is {found}, not {origin}.", "Set LIFECYCLE_LEDGER_ORIGIN to its name, or name another ledger."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connection back."""
        self._rows.__exit__(None, None, None)

    def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """The events that fit every filter that is given, but for those that were pruned.

        Raises Tampered where one of them was altered.
        """
        given: dict[str, Any] = {**wanted}
        equal = {column: given[name] for name, column in _COLUMN_OF.items() if given.get(name) is not None}
        since, newest_first = wanted.get("since", 0), wanted.get("newest_first", False)

        def fetch(limit: int | None) -> list[RecordRow]:
            return self._rows.wanted(equal, wanted.get("types"), since=since, newest_first=newest_first, limit=limit)

        return those_present(fetch, wanted.get("limit"), self._pruned_ranges)

    def find(self, event_id: str) -> Recorded | None:
        """The event of this id, or None. Raises UnknownName where its bytes were pruned."""
        found = self._rows.wanted({"event_id": event_id}, None, since=0, newest_first=False, limit=1)
        return recorded_in(require_present(found[0], self._pruned_ranges)) if found else None

    def event(self, event_id: str) -> Recorded:
        """The event of this id. Raises UnknownName where there is none."""
        found = self.find(event_id)
        if found is None:
            raise no_event(event_id)
        return found

    def stored(self, index: int) -> bytes:
        """The bytes of one leaf. Raises UnknownName where the ledger is not that long, or they were pruned."""
        found = self._rows.wanted({"leaf_index": index}, None, since=0, newest_first=False, limit=1)
        if not found:
            raise no_record(index, self.head().size)
        return stored_in(require_present(found[0], self._pruned_ranges))

    def opening(self, commitment: Commitment) -> Opening:
        """What opens a commitment. Raises UnknownName where it was erased or never kept, Tampered where it opens something else."""
        kept = self._rows.opening(commitment.digest)
        if kept is None:
            raise nothing_kept(commitment)
        return opened(commitment, *kept)

    def states(self, environment: Name) -> dict[tuple[Name, Version], State]:
        """The state of every (model, version) in an environment, as the projection has it."""
        if not self._rows.has_projections():
            return fold((recorded.event for recorded in self.events(kind="model")), environment)
        return states_in(self._rows.states(), environment)

    def head(self) -> Head:
        """Where the ledger stands now."""
        frontier = Frontier.from_bytes(self._rows.head().frontier)
        return Head(frontier.size, frontier.root())

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The RFC 6962 path that shows record `index` to stand among the first `size` records (all, by default)."""
        return self._prover.inclusion(index, self.head().size if size is None else size)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """The RFC 6962 path that shows the ledger of `old` records to be a beginning of that of `new` (all, by default)."""
        return self._prover.consistency(old, self.head().size if new is None else new)

    def proof(self, index: int) -> LedgerProof:
        """One record with its proof against the latest ledger checkpoint. Raises Unavailable, UnknownName and Tampered like `Ledger`."""
        return self._prover.proof(index, self.stored(index), self.checkpoint())

    def checkpoint(self) -> str | None:
        """The signed note of the latest ledger checkpoint, or None."""
        return self._rows.latest_note()

    def _pruned_ranges(self) -> PrunedRanges:
        return PrunedRanges.told_by(self._rows.wanted({}, ("BodiesPruned",), since=0, newest_first=False, limit=None))

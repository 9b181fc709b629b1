"""What the ledger's erasures left of one dataset version, told from the events in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.events import Recorded
from lifecycle.records.record import Digest


@dataclass(frozen=True)
class Remainder:
    """What is left of one dataset version after the erasures so far."""

    dataset: Digest
    #: What is left, as the latest erasure says; None where nothing was erased.
    digest: Digest | None = None
    #: The numbers of the rows that are gone, and the records that say so.
    erased: frozenset[int] = frozenset()
    indexes: tuple[int, ...] = ()

    def after(self, index: int, body: SubjectErased) -> Self:
        """The same after one erasure more; unchanged where that was of other dataset versions."""
        of_this = [rows for rows in body.datasets if rows.dataset_digest == self.dataset]
        if not of_this:
            return self
        gone = self.erased.union(*(rows.rows for rows in of_this))
        return type(self)(self.dataset, of_this[-1].remaining_digest, gone, (*self.indexes, index))

    @property
    def present(self) -> Digest:
        """What its rows stand in now."""
        return self.digest or self.dataset


def remainder_of(dataset: Digest, erasures: Iterable[Recorded]) -> Remainder:
    """What these records, in the order of the ledger, left of a dataset version; events of other types are passed over."""
    left = Remainder(dataset)
    for recorded in erasures:
        if isinstance(recorded.event.body, SubjectErased):
            left = left.after(recorded.index, recorded.event.body)
    return left

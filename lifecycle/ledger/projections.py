"""What the leaves say of states and streams, folded from the first one on.

Appends keep the same up step by step in two tables; whoever doubts them, or has none yet, makes them again from here. No
database library is needed for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Protocol

from lifecycle.errors import LifecycleError
from lifecycle.ledger.legality import Legality, NothingKept, Place, Standing
from lifecycle.records.events import Event


class Leaf(Protocol):
    """What of a row of `events` projections are made from."""

    @property
    def leaf_index(self) -> Any: ...
    @property
    def type(self) -> Any: ...
    @property
    def environment(self) -> Any: ...
    @property
    def subject_kind(self) -> Any: ...
    @property
    def subject_name(self) -> Any: ...
    @property
    def subject_version(self) -> Any: ...
    @property
    def stored(self) -> Any: ...


class Projections:
    """Every state and the length of every stream, by the leaves that were taken in."""

    def __init__(self, closed: Collection[tuple[str, int]] = ()) -> None:
        """`closed` are the versions whose past may have been pruned: of them, the columns say what there is to say."""
        self._legality = Legality(NothingKept(), closed)
        self._streams: Counter[str] = Counter()

    @classmethod
    def of(cls, leaves: Iterable[Leaf], closed: Collection[tuple[str, int]] = ()) -> Projections:
        """Those of all these leaves. One that is no event, or that can't have happened, moves no version, and counts."""
        projections = cls(closed)
        for leaf in leaves:
            try:
                event = Event.parse(bytes(leaf.stored or b""))
                projections.count(event)
                projections.move(leaf.leaf_index, event)
            except LifecycleError:
                projections.pass_over(leaf)
        return projections

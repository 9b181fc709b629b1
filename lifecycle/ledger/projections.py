"""What the leaves say of states and streams, folded from the first one on.

Appends keep the same up step by step; whoever doubts their tables, or has none yet, makes them again from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from lifecycle.errors import LifecycleError
from lifecycle.ledger.legality import Legality, NothingKept, Place, Standing
from lifecycle.ledger.turn import Leaf
from lifecycle.records.events import Event


class Projections:
    """Every state and the length of every stream, by the leaves that were taken in."""

    def __init__(self, leaves: Iterable[Leaf] = ()) -> None:
        self._legality = Legality(NothingKept())
        self._streams: Counter[str] = Counter()
        for leaf in leaves:
            self.add(leaf)

    @property
    def states(self) -> dict[Place, Standing]:
        return self._legality.moved

    @property
    def streams(self) -> dict[str, int]:
        return self._streams

    def add(self, leaf: Leaf) -> None:
        """Takes the next leaf in. One that is no event, or that can't have happened, moves no version, and counts."""
        self._streams[f"{leaf.subject_kind}/{leaf.subject_name}"] += 1
        if leaf.subject_kind == "model" and leaf.stored is not None:
            with suppress(LifecycleError):
                self._legality.require(leaf.leaf_index, Event.parse(leaf.stored))

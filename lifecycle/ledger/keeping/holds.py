"""Legal holds: what must neither be pruned nor erased while somebody may have to show it.

A hold is on a name (a model, a dataset, a person of the registry) or on everything. Whom a hold on somebody else is about
stands under a commitment: a customer's number is no more for a leaf than a name is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from lifecycle.errors import Refused, UnknownName
from lifecycle.records.bodies.keeping import LegalHoldPlaced, LegalHoldReleased
from lifecycle.records.events import Recorded
from lifecycle.records.identity import Commitment
from lifecycle.records.record import Microseconds

#: The types of events that say what is held.
HOLD_TYPES = ("LegalHoldPlaced", "LegalHoldReleased")


@dataclass(frozen=True)
class Hold:
    """A hold in force, and the record that placed it. `name` is None for one on everything."""

    hold_id: str
    name: str | None
    reason: str
    placed_at_us: Microseconds
    index: int
    #: The name stands under a commitment, and is not in the ledger.
    committed: bool

    def covers(self, names: Collection[str]) -> bool:
        """Whether it holds what goes by any of these names."""
        return self.name is None or self.name in names

    def __str__(self) -> str:
        return f"{self.hold_id} on {self.name or 'everything'}"


def holds_in_force(events: Iterable[Recorded], opened: Callable[[Commitment], str | None]) -> tuple[Hold, ...]:
    """The holds that were placed and not released, from events of HOLD_TYPES in ledger order.

    `opened` tells what a commitment is to. A hold of which nobody can tell any more whom it is about holds everything.
    """
    placed: dict[str, tuple[Recorded, LegalHoldPlaced]] = {}
    for recorded in events:
        body = recorded.event.body
        if isinstance(body, LegalHoldPlaced):
            placed[body.hold_id] = recorded, body
        elif isinstance(body, LegalHoldReleased):
            placed.pop(body.hold_id, None)
    return tuple(
        Hold(
            hold_id=body.hold_id,
            name=body.name if body.subject is None else opened(body.subject),
            reason=body.reason,
            placed_at_us=recorded.event.occurred_at_us,
            index=recorded.index,
            committed=body.subject is not None,
        )
        for recorded, body in placed.values()
    )


def hold_named(holds: Iterable[Hold], hold_id: str) -> Hold:
    """The hold of this id. Raises UnknownName where none is in force."""
    for hold in holds:
        if hold.hold_id == hold_id:
            return hold
    raise UnknownName(f"No hold {hold_id!r} is in force.", "`lifecycle ledger hold list` shows those that are.")


def require_free(holds: Iterable[Hold], names: Collection[str]) -> None:
    """Raises Refused where a hold covers something that goes by one of these names."""
    covering = [hold for hold in holds if hold.covers(names)]
    if covering:
        told = "; ".join(f"{hold}: {hold.reason}" for hold in covering)
        raise Refused(
            f"A legal hold keeps this from being erased ({told}).",
            "Nothing was erased. Have the hold released by whoever placed it: lifecycle ledger hold release "
            f"{covering[0].hold_id} --reason TEXT",
            ("LEGAL_HOLD",),
        )

"""What each type of event says about the graph: which activity it belongs to, how that went, and what it followed.

One file per group of bodies and one function per body, found by the body's type.
"""

from __future__ import annotations

from lifecycle.lineage.describing import access, data, decisions, governors, keeping, serving, training
from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.events import Event

TELLERS: Tellers = {
    **data.TELLERS,
    **training.TELLERS,
    **decisions.TELLERS,
    **serving.TELLERS,
    **access.TELLERS,
    **governors.TELLERS,
    **keeping.TELLERS,
}

#: The outcomes of an activity that has not ended.
OPEN = frozenset({"open"})


def describe(event: Event) -> Description:
    """What an event says. A body that nobody here knows (written by a later version) is an activity of its own."""
    teller = TELLERS.get(type(event.body))
    return teller(event, event.body) if teller is not None else Description(f"{event.type}/{event.id}", event.type, event.type, "complete")


__all__ = ["OPEN", "TELLERS", "Description", "describe"]

"""Placing and releasing a legal hold, and which are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.life.recording import COMMAND_LINE, require_prose
from lifecycle.records.bodies.keeping import LegalHoldPlaced, LegalHoldReleased
from lifecycle.records.events import Event, Subject
from lifecycle.records.identity import Commitment, commit, new_id
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.ledger.keeping.holds import Hold

_LEDGER = Subject(kind="ledger", name="ledger")


def place_hold(departments: Departments, name: str | None, *, reason: str) -> str:
    """Holds what goes by a name, or everything (None); returns the id of the hold.

    A name that the ledger does not have anyway stands in it under a commitment. Raises InvalidDeclaration for an empty name
    or reason and for the name of one version, Unavailable where there is no ledger.
    """
    require_prose(reason, "A legal hold")
    if name is not None and not name.strip():
        raise InvalidDeclaration(
            "A hold on an empty name holds nothing.", "Name a model, a dataset, a person or a subject, or say --everything."
        )
    departments.require_ledger()
    if name is not None:
        _require_no_version(departments, name)
    hold_id = new_id()
    known = name is None or bool(departments.ledger.events(name=name, limit=1))
    commitment, opening = (None, None) if known else commit(name)
    body = LegalHoldPlaced(hold_id=hold_id, name=name if known else None, reason=reason, subject=commitment)
    with departments.ledger.writing() as writer:
        writer.append(Event.happened(body, subject=_LEDGER, actor=COMMAND_LINE, environment=departments.environment))
        if opening is not None and name is not None:
            writer.keep(opening, name)
    return hold_id


def release_hold(departments: Departments, hold_id: str, *, reason: str) -> None:
    """Ends a hold. Raises UnknownName where none of this id is in force, InvalidDeclaration without a reason."""
    from lifecycle.ledger.keeping.holds import hold_named

    require_prose(reason, "The release of a legal hold")
    departments.require_ledger()
    hold = hold_named(holds_of(departments), hold_id)
    body = LegalHoldReleased(hold_id=hold.hold_id, reason=reason)
    departments.ledger.append(Event.happened(body, subject=_LEDGER, actor=COMMAND_LINE, environment=departments.environment))


def holds_of(departments: Departments) -> tuple[Hold, ...]:
    """The holds in force, the oldest first."""
    from lifecycle.ledger.keeping.holds import HOLD_TYPES, holds_in_force

    def opened(commitment: Commitment) -> str | None:
        try:
            return str(departments.ledger.opening(commitment).value)
        except UnknownName:
            return None

    return holds_in_force(departments.ledger.events(types=HOLD_TYPES), opened)


def _require_no_version(departments: Departments, name: str) -> None:
    """One version alone is not held: its data, its training and what people were asked of it go by the name of its model, and would go."""
    model, _, number = name.rpartition(":")
    if model and number.isdigit() and departments.ledger.events(name=model, limit=1):
        raise InvalidDeclaration(
            f"{name} is one version, and what it rests on goes by the name of its model: a hold on it alone would not keep that.",
            f"Hold the model: `lifecycle ledger hold place {model} --reason TEXT`.",
        )

"""What was done first and is looked at afterwards: a broken glass, a rollback, and what somebody said of them."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lifecycle.records.approval import Envelope, ReviewStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.record import ActorId, Id, Microseconds


class GlassBroken(Body):
    """In an emergency two people let exactly these bytes past every rule that says that it may be broken. They owe a review."""

    waiver_id: Id
    #: Of the gate `waiver`, which allowed it.
    decision_id: str
    signed_by: tuple[ActorId, ...] = Field(min_length=2)
    ends_at_us: Microseconds
    review_by_us: Microseconds


class ReviewGiven(Body):
    """Somebody looked at what was done, and signed whether it had to be. The envelope alone carries it."""

    envelope: Envelope

    @property
    def statement(self) -> ReviewStatement:
        return self.envelope.holding(ReviewStatement)

    @model_validator(mode="after")
    def _holds_a_review(self) -> Self:
        _ = self.statement
        return self

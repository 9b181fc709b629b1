"""Verification of what people signed: it is about what its event is about, it is recorded once, and it is used up once.

An event of another id around the same envelope is no second approval, and one that says that somebody else did it is none at all.
Whether the signature is one is for the registry of people to say, which stands in the artifact store under the digest that each
decision names.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.approval import (
    GovernanceStatement,
    ReviewStatement,
    RevocationStatement,
    RolloutStatement,
    Statement,
    WaiverStatement,
)
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade, WaiverSigned
from lifecycle.records.bodies.governors import GovernanceProposed, GovernanceSigned
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.bodies.revocations import Revocation
from lifecycle.records.bodies.serving import RolloutEnd
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Digest

#: All that people sign.
_Said = Statement | WaiverStatement | ReviewStatement | RevocationStatement | RolloutStatement | GovernanceStatement


class StatementCheck(Check):
    """Fed with the events in order; remembers each statement's digest and nonce, and which were used up."""

    def __init__(self) -> None:
        self._signed: dict[tuple[str, ...], int] = {}
        self._used: dict[Digest, int] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with this event after those before it."""
        for wrong in self._wrong(index, event):
            yield Finding(index, f"{named(index, event.type, event.id)} {wrong}")

    def _wrong(self, index: int, event: Event) -> Iterator[str]:
        body, said = event.body, _said(event)
        if said is not None:
            yield from _about_something_else(event, said)
            yield from self._recorded_before(index, said)
        elif isinstance(body, DecisionMade):
            for statement in body.consumed:
                first = self._used.setdefault(statement, index)
                if first != index:
                    yield f"uses up a statement that record {first} used up already ({statement})"

    def _recorded_before(self, index: int, said: _Said) -> Iterator[str]:
        marks = ((said.content_digest(),), (_signer(said), said.nonce))
        first = min(self._signed.setdefault(mark, index) for mark in marks)
        if first != index:
            yield f"holds a statement that stands in record {first} already, and what is signed counts once"


def _said(event: Event) -> _Said | None:
    """What a person signed, if the event holds that."""
    body = event.body
    if isinstance(body, ApprovalGiven | ApprovalRefused | WaiverSigned | ReviewGiven | GovernanceProposed | GovernanceSigned):
        return body.statement
    if isinstance(body, Revocation | RolloutEnd):
        return body.statement
    return None


def _signer(said: _Said) -> ActorId:
    return said.approver if isinstance(said, Statement) else said.signer


def _about_something_else(event: Event, said: _Said) -> Iterator[str]:
    """Of a review, of what is taken back and of a rollout that is ended, `records/agreement.py` holds the rest against each other."""
    signer = _signer(said)
    if isinstance(said, Statement | WaiverStatement):
        recorded = f"{event.subject} in {event.environment} by {event.actor.id}"
        signed = f"{said.model}:{said.version} in {said.environment} by {signer}"
        if recorded != signed or event.subject.digest != said.model_digest:
            yield f"is about {recorded}, but what was signed is about {signed} with the digest {said.model_digest}"
    elif event.actor.id != signer and (event.actor.kind == "human" or event.actor.authenticated):
        # A gateway that ends a rollout, and a restore that records something once more, are services, which say that they are nobody.
        yield f"says that it is by {event.actor.id}, but {signer} signed it"

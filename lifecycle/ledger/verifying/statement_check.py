"""Verification of what people signed: it is about what its event is about, it is recorded once, and it is used up once.

An event of another id around the same envelope is no second approval. Whether the signature is one is for the registry
of people to say, which stands in the artifact store under the digest that each decision names.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.record import Digest


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
        body = event.body
        if isinstance(body, ApprovalGiven | ApprovalRefused):
            yield from _about_something_else(event, body.statement)
            yield from self._recorded_before(index, body.statement)
        elif isinstance(body, DecisionMade):
            for statement in body.consumed:
                first = self._used.setdefault(statement, index)
                if first != index:
                    yield f"uses up a statement that record {first} used up already ({statement})"

    def _recorded_before(self, index: int, statement: Statement) -> Iterator[str]:
        marks = ((statement.content_digest(),), (statement.approver, statement.nonce))
        first = min(self._signed.setdefault(mark, index) for mark in marks)
        if first != index:
            yield f"holds a statement that stands in record {first} already, and an approval counts once"


def _about_something_else(event: Event, statement: Statement) -> Iterator[str]:
    recorded = f"{event.subject} in {event.environment} by {event.actor.id}"
    signed = f"{statement.model}:{statement.version} in {statement.environment} by {statement.approver}"
    if recorded != signed or event.subject.digest != statement.model_digest:
        yield f"is about {recorded}, but what was signed is about {signed} with the digest {statement.model_digest}"

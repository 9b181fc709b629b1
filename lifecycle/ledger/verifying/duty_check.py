"""Verification of the separation of duties, from the records alone: nobody's approval was used up for what they had a part in.

The gate asked the same when it decided. Here it is derived again, from what the decision was shown, from who signed, and from who
trained the version, so that a gate that was bypassed or replaced shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event
from lifecycle.records.record import Digest


class _Signed(NamedTuple):
    """What somebody signed, and where it stands."""

    statement: Statement
    record: int


class DutyCheck(Check):
    """Fed with the events in order; remembers who trained each version and who signed each statement."""

    def __init__(self, *, pruned: bool = False) -> None:
        """`pruned`: bytes of records were pruned, so an approval may be gone that was used up long ago."""
        self._pruned = pruned
        self._signed: dict[Digest, _Signed] = {}
        self._trainers: dict[tuple[str, int | None], frozenset[str]] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with the approvals that this event uses up."""
        body = event.body
        if isinstance(body, ModelTrained):
            self._trainers[event.subject.name, event.subject.version] = frozenset({event.actor.id, body.code_author}) - {""}
        elif isinstance(body, ApprovalGiven):
            statement = body.statement
            self._signed.setdefault(statement.content_digest(), _Signed(statement, index))
        elif isinstance(body, DecisionMade):
            for digest in body.consumed:
                for wrong in self._used(event, body, digest):
                    yield Finding(index, f"{named(index, event.type, event.id)} {wrong}")

    def _used(self, event: Event, body: DecisionMade, digest: Digest) -> Iterator[str]:
        """What is wrong with the use of one statement, as the end of a sentence that begins with the decision's name."""
        signed = self._signed.get(digest)
        if signed is None:
            if not self._pruned:
                yield f"uses up a statement that no record before it holds ({digest})"
            return
        asked, approver, where = body.decision.input, signed.statement.approver, f"record {signed.record}"
        if (signed.statement.model_digest, signed.statement.environment) != (asked.subject.digest, asked.target.environment):
            yield f"uses up the approval in {where}, which is of other bytes or for another environment"
        shown = [approval for approval in asked.approvals if approval.statement_digest == digest]
        for approval in shown:
            if approval.approver != approver:
                yield f"was shown the statement of {where} as that of {approval.approver}, but {approver} signed it"
        acting = {approver, *(other for approval in shown for other in approval.also)}
        makers = {maker.id for maker in asked.subject.makers}
        trainers = self._trainers.get((event.subject.name, event.subject.version), frozenset())
        for somebody in sorted(acting & (makers | trainers)):
            as_whom = "" if somebody == approver else f", who acts for {somebody},"
            part = "trained it or wrote its code" if somebody in trainers else "is among those who made it"
            yield f"uses up the approval of {approver}{as_whom} in {where}, but {somebody} {part}"

"""Proposing other policies, limits or people, and agreeing to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.governing import change_judges, change_recorded_before, record_signed_change
from lifecycle.records.approval import Envelope, GovernanceStatement
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Changes:
    """A Matter."""

    kind = GovernanceStatement

    def name(self, statement: GovernanceStatement) -> str:
        return f"the proposal {statement.proposal_id}"

    def page(self, departments: Departments, statement: GovernanceStatement) -> str:
        return "/governance"

    def judges(self, departments: Departments, statement: GovernanceStatement) -> Registry:
        return change_judges(departments, statement)

    def recorded_before(self, departments: Departments, statement: GovernanceStatement) -> bool:
        return change_recorded_before(departments, statement)

    def told_before(self, statement: GovernanceStatement) -> str:
        return "You proposed the change." if statement.part == "propose" else "You agreed to the change."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        with barred_attempts_kept(departments, "governance", envelope.holding(GovernanceStatement)):
            proposal = record_signed_change(departments, envelope)
        waits = f" It waits for {proposal.missing} of 2 others." if proposal.missing > 0 else " It counts from now on."
        return self.told_before(proposal.statement) + waits

    def bar(self, departments: Departments, statement: GovernanceStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "governance", rules, why, statement_digest=statement.content_digest())

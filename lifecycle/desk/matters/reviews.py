"""Looking afterwards at a broken glass or a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.reviewing import record_review
from lifecycle.records.approval import Envelope, ReviewStatement
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Reviews:
    """A Matter."""

    kind = ReviewStatement

    def name(self, statement: ReviewStatement) -> str:
        return f"what was done to {statement.model}:{statement.version}"

    def page(self, departments: Departments, statement: ReviewStatement) -> str:
        return f"/versions/{statement.model}/{statement.version}"

    def judges(self, departments: Departments, statement: ReviewStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: ReviewStatement) -> bool:
        return departments.ledger.find(statement.recorded_as) is not None

    def told_before(self, statement: ReviewStatement) -> str:
        verdict = "had to be" if statement.verdict == "justified" else "did not have to be"
        return f"You reviewed {self.name(statement)}: it {verdict}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        with barred_attempts_kept(departments, "review", envelope.holding(ReviewStatement)):
            record_review(departments, envelope)
        return self.told_before(envelope.holding(ReviewStatement))

    def bar(self, departments: Departments, statement: ReviewStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "review", rules, why, statement_digest=statement.content_digest())

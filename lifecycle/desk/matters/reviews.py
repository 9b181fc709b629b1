"""Looking afterwards at a broken glass or a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.enrolment import people_in_force
from lifecycle.life.people.reviewing import record_review
from lifecycle.records.approval import REVIEW_TYPE, Envelope, ReviewStatement
from lifecycle.records.identity import derived_id
from lifecycle.records.record import ActorId
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Reviews:
    """A Matter."""

    payload_type = REVIEW_TYPE

    def parse(self, content: bytes) -> ReviewStatement:
        return ReviewStatement.parse(content)

    def signer(self, statement: ReviewStatement) -> ActorId:
        return statement.signer

    def name(self, statement: ReviewStatement) -> str:
        return f"what was done to {statement.model}:{statement.version}"

    def page(self, statement: ReviewStatement) -> str:
        return f"/versions/{statement.model}/{statement.version}"

    def judges(self, departments: Departments, statement: ReviewStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: ReviewStatement) -> bool:
        return departments.ledger.find(derived_id("signed", statement.content_digest())) is not None

    def told_before(self, statement: ReviewStatement) -> str:
        verdict = "had to be" if statement.verdict == "justified" else "did not have to be"
        return f"You reviewed {self.name(statement)}: it {verdict}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        with barred_attempts_kept(departments, "review", envelope.review()):
            record_review(departments, envelope)
        return self.told_before(envelope.review())

    def bar(self, departments: Departments, statement: ReviewStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "review", rules, why, statement_digest=statement.content_digest())

"""Approving and refusing a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.life.people.approval import record_barred, record_signed, recorded_before
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.approval import Envelope, Statement
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Approvals:
    """A Matter."""

    kind = Statement

    def name(self, statement: Statement) -> str:
        return f"{statement.model}:{statement.version}"

    def page(self, departments: Departments, statement: Statement) -> str:
        return f"/versions/{statement.model}/{statement.version}"

    def judges(self, departments: Departments, statement: Statement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: Statement) -> bool:
        return recorded_before(departments, statement) is not None

    def told_before(self, statement: Statement) -> str:
        if statement.decision == "reject":
            return f"You refused {self.name(statement)}. It is denied; a new candidate has to be trained."
        return f"You approved {self.name(statement)}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        outcome = record_signed(departments, envelope)
        waits = [need for need in outcome.required if need.given < need.count]
        if outcome.statement.decision == "reject" or not waits:
            return self.told_before(outcome.statement)
        missing = ", ".join(f"{need.count - need.given} of role {need.role}" for need in waits)
        return f"You approved {self.name(outcome.statement)}. It still waits for {missing}."

    def bar(self, departments: Departments, statement: Statement, rules: tuple[str, ...], why: str) -> None:
        record_barred(departments, statement, rules, authenticated=False)

"""Granting an application access to models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.access.signed_access import record_access
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.approval import AccessStatement, Envelope
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Grants:
    """A Matter. What is signed holds the digest of an application's key: the key itself never comes here."""

    kind = AccessStatement

    def name(self, statement: AccessStatement) -> str:
        return f"{statement.principal}'s access to {', '.join(statement.models)}"

    def page(self, departments: Departments, statement: AccessStatement) -> str:
        return "/access"

    def judges(self, departments: Departments, statement: AccessStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: AccessStatement) -> bool:
        return departments.ledger.find(statement.recorded_as) is not None

    def told_before(self, statement: AccessStatement) -> str:
        also = "" if statement.labels is None else ", and send labels"
        return f"{statement.principal} may ask {', '.join(statement.models)}{also}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        said = envelope.holding(AccessStatement)
        with barred_attempts_kept(departments, "access", said):
            record_access(departments, envelope)
        return f"{self.told_before(said)} A gateway that runs lets it in within seconds."

    def bar(self, departments: Departments, statement: AccessStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "access", rules, why, statement_digest=statement.content_digest())

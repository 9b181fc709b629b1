"""Taking back a version, an approval, a key or access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.access.signed_access import record_access_revocation
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.revocation import record_revocation, target_of
from lifecycle.life.withdrawn import withdrawals_of
from lifecycle.records.approval import Envelope, RevocationStatement
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Revocations:
    """A Matter."""

    kind = RevocationStatement

    def name(self, statement: RevocationStatement) -> str:
        return statement.target if statement.revokes == "version" else f"the {statement.revokes} {statement.target}"

    def page(self, departments: Departments, statement: RevocationStatement) -> str:
        if statement.revokes in ("version", "approval"):
            about = target_of(departments, statement.target).subject
            return f"/versions/{about.name}/{about.version}#{'answers' if statement.revokes == 'approval' else 'revocation'}"
        return "/people" if statement.revokes == "key" else "/access"

    def judges(self, departments: Departments, statement: RevocationStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: RevocationStatement) -> bool:
        return departments.ledger.find(statement.recorded_as) is not None

    def told_before(self, statement: RevocationStatement) -> str:
        return f"You took back {self.name(statement)}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        said = envelope.holding(RevocationStatement)
        record = record_access_revocation if said.revokes == "access" else record_revocation
        with barred_attempts_kept(departments, "revocation", said):
            recorded = record(departments, envelope)
        gone = dict.fromkeys(f"{one.model}:{one.version}" for one in withdrawals_of(departments.ledger, recorded, departments.environment))
        follows = f" {', '.join(gone)} may serve no more: a gateway that runs takes it out within seconds." if gone else ""
        return self.told_before(said) + follows

    def bar(self, departments: Departments, statement: RevocationStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "revocation", rules, why, statement_digest=statement.content_digest())

"""Letting a version past a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.errors import Refused
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.waiving import record_signed_waiver, waiver_recorded_before
from lifecycle.records.approval import Envelope, WaiverStatement
from lifecycle.records.bodies.governors import Signable
from lifecycle.records.gates import BREAK_GLASS
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Waivers:
    """A Matter."""

    kind = WaiverStatement

    def name(self, statement: WaiverStatement) -> str:
        version = f"{statement.model}:{statement.version}"
        return f"every rule that may be broken for {version}" if statement.rule == BREAK_GLASS else f"{statement.rule} of {version}"

    def page(self, departments: Departments, statement: WaiverStatement) -> str:
        return f"/versions/{statement.model}/{statement.version}#waivers"

    def judges(self, departments: Departments, statement: WaiverStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: WaiverStatement) -> bool:
        return waiver_recorded_before(departments, statement)

    def told_before(self, statement: WaiverStatement) -> str:
        return f"You signed the waiver of {self.name(statement)}."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        said = envelope.holding(WaiverStatement)
        with barred_attempts_kept(departments, _about(said), said):
            outcome = record_signed_waiver(departments, envelope)
        result = outcome.decision.result
        if result.outcome == "deny":
            rules = tuple(dict.fromkeys(found.rule for found in result.violations))
            raise Refused(
                f"The waiver of {self.name(outcome.statement)} is denied: {' '.join(found.message for found in result.violations)}",
                result.violations[0].fix if result.violations else "Look at the version.",
                rules,
            )
        owed = " Somebody else must review it afterwards." if outcome.statement.rule == BREAK_GLASS else ""
        waits = " It counts once another person has signed." if result.outcome == "needs_approval" else f" It counts from now on.{owed}"
        return self.told_before(outcome.statement) + waits

    def bar(self, departments: Departments, statement: WaiverStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, _about(statement), rules, why, statement_digest=statement.content_digest())


def _about(statement: WaiverStatement) -> Signable:
    return "break_glass" if statement.rule == BREAK_GLASS else "waiver"

"""What the gates said about a version: the newest decision, rule by rule, and the limits that it went by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lifecycle.life.gates.limits import limits_behind
from lifecycle.records.events import Event
from lifecycle.records.gates import Decision, Obligation, RequiredApproval, Violation
from lifecycle.records.record import Microseconds, Name
from lifecycle.wiring import Departments

Verdict = Literal["within", "beyond", "waived", "unlimited", "unjudged"]


@dataclass(frozen=True)
class Judgement:
    """One decision as the page tells it."""

    decision: Decision
    event_id: str
    at_us: Microseconds
    #: By name, of the decision's own bundle; empty where that is lost.
    limits: Mapping[Name, float]

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What the work broke; that people have still to answer is told elsewhere on the page."""
        return tuple(found for found in self.decision.result.violations if found.rule not in self._awaited)

    @property
    def warnings(self) -> tuple[Violation, ...]:
        return self.decision.result.warnings

    @property
    def waived(self) -> tuple[Violation, ...]:
        return self.decision.result.waived

    @property
    def required(self) -> tuple[RequiredApproval, ...]:
        return self.decision.result.required_approvals

    @property
    def obligations(self) -> tuple[Obligation, ...]:
        return self.decision.result.obligations

    @property
    def passed(self) -> int:
        """How many of the rules were passed."""
        failed = {found.rule for found in (*self.decision.result.violations, *self.waived, *self.warnings)}
        return len(set(self.decision.result.evaluated) - failed)

    @property
    def _awaited(self) -> frozenset[str]:
        """The rules that say no more than that people have not answered yet: their subject is a role."""
        roles = {need.role for need in self.required}
        return frozenset(
            found.rule for found in self.decision.result.violations if found.rule.startswith("APR-") and found.subject in roles
        )

    def verdict(self, rule: str, subject: str | None = None) -> Verdict:
        """What the gate said of one rule, or of one of its subjects: the page judges nothing itself.

        A failure that names no subject is one of them all.
        """
        result = self.decision.result
        if rule not in result.evaluated:
            return "unlimited"
        if _names(result.violations, rule, subject) or _names(result.warnings, rule, subject):
            return "beyond"
        return "waived" if _names(result.waived, rule, subject) else "within"


def _names(found: tuple[Violation, ...], rule: str, subject: str | None) -> bool:
    return any(one.rule == rule and (subject is None or one.subject in ("", subject)) for one in found)


def judgement_of(departments: Departments, made: list[tuple[Event, Decision]]) -> Judgement | None:
    """The newest of these decisions with the limits that it went by, or None."""
    if not made:
        return None
    event, decision = made[-1]
    return Judgement(decision, event.id, event.occurred_at_us, limits_behind(departments, decision))

"""Promoting a version whose plan leaves that to a person, and ending a rollout without judging its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.desk.matters.barring import barred_attempts_kept
from lifecycle.life.concluding import require_heard, said_before
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.approval import Envelope, RolloutStatement
from lifecycle.serving.rollouts.word import Word
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Rollouts:
    """A Matter. The gateway does what was signed, and records it: the ledger has it as soon as that has told it."""

    kind = RolloutStatement

    def name(self, statement: RolloutStatement) -> str:
        return f"the rollout of {statement.model}:{statement.version}"

    def page(self, departments: Departments, statement: RolloutStatement) -> str:
        return "/serving"

    def judges(self, departments: Departments, statement: RolloutStatement) -> Registry:
        return people_in_force(departments)

    def recorded_before(self, departments: Departments, statement: RolloutStatement) -> bool:
        return said_before(departments, statement)

    def told_before(self, statement: RolloutStatement) -> str:
        if statement.part == "promote":
            return f"You promoted {statement.model}:{statement.version}. It serves."
        return f"You ended {self.name(statement)}. It may be deployed again."

    def record(self, departments: Departments, envelope: Envelope) -> str:
        said, word = envelope.holding(RolloutStatement), Word.signed(envelope)
        with barred_attempts_kept(departments, "rollout", said):
            require_heard(departments, word)
        ended = departments.gateway.conclude(word)
        if (ended.state, ended.reason) == ("completed" if said.part == "promote" else "aborted", said.reason):
            return self.told_before(said)
        stands = "serves" if ended.state == "completed" else "does not serve"
        return f"Nothing has changed: {self.name(said)} had ended before, and it {stands}."

    def bar(self, departments: Departments, statement: RolloutStatement, rules: tuple[str, ...], why: str) -> None:
        record_attempt(departments, statement.signer, "rollout", rules, why, statement_digest=statement.content_digest())

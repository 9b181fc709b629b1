"""Decisions and rollouts held against what they rest on: the part of `lifecycle ledger verify` that joins them to people's words.

A decision carries what its gate was shown. Each approval among that must be a statement that stands in the ledger before it, said by
that person, in their roles, about exactly this; the evaluation must be one that stands before it. What is rolled out must be what a
deployment decision allowed, and that decision must be what the rules under which it was taken give again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.gates.quoted_statements import QuotedStatements
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.governors import GovernanceChanged
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested
from lifecycle.records.bodies.training import ModelEvaluated
from lifecycle.records.events import Event, Subject
from lifecycle.records.gates import Decision, DeploymentEvidence, PromotionEvidence
from lifecycle.records.record import Digest, Microseconds


@dataclass(frozen=True)
class _Decided:
    """What a decision was about, and itself where a rollout may go by it."""

    about: Subject
    environment: str
    allowing: Decision | None


@dataclass(frozen=True)
class _Governed:
    """What was agreed to, and when."""

    bundle_digest: Digest
    people_digest: Digest
    since_us: Microseconds


class DecisionCheck:
    """A `verifying.checks.Check`. `keys` is fed by whoever makes this, one event behind.

    `doubt` says what is wrong with an allowance when it is taken again; "" for nothing.
    """

    def __init__(self, keys: KnownKeys, doubt: Callable[[Decision], str]) -> None:
        self._doubt = doubt
        self._evaluated: set[tuple[str, int | None, Digest]] = set()
        self._quoted = QuotedStatements(keys)
        self._decided: dict[str, _Decided] = {}
        self._requested: dict[str, Subject] = {}
        self._governed: list[_Governed] = []
        #: What is missing of a version may have been pruned with its past: that shows at the end.
        self._missing: list[tuple[int, Subject, str]] = []
        self._closed: dict[tuple[str, int], int] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with what this event rests on."""
        body, name = event.body, named(index, event.type, event.id)
        self._quoted.take(index, event)
        if isinstance(body, DecisionMade):
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._wrong(index, event, body))
            self._remember(event, body.decision)
        elif isinstance(body, ModelEvaluated):
            self._evaluated.add((event.subject.name, event.subject.version, body.evidence_digest))
        elif isinstance(body, GovernanceChanged):
            self._governed.append(_Governed(body.bundle_digest, body.people_digest, event.occurred_at_us))
        elif isinstance(body, RolloutRequested):
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._rolled_out(index, event, body))
            self._requested[body.rollout_id] = event.subject
        elif isinstance(body, RolloutCompleted) and self._requested.get(body.rollout_id) != event.subject:
            self._lacks(index, event, f"ends a rollout of {event.subject} that no record before it asked for")
        elif isinstance(body, BodiesPruned):
            self._closed |= {(closed.model, closed.version): index for closed in body.closed_versions}

    def end(self) -> Iterator[Finding]:
        """What was never there; what was pruned with a version that is over is no matter."""
        for index, subject, what in self._missing:
            if subject.version is None or index > self._closed.get((subject.name, subject.version), -1):
                yield Finding(index, what)

    def _lacks(self, index: int, event: Event, what: str) -> None:
        self._missing.append((index, event.subject, f"{named(index, event.type, event.id)} {what}"))

    def _remember(self, event: Event, decision: Decision) -> None:
        allowing = decision if decision.gate == "deployment" and decision.allowed else None
        self._decided.setdefault(decision.id, _Decided(event.subject, event.environment, allowing))

    def _wrong(self, index: int, event: Event, body: DecisionMade) -> Iterator[str]:
        decision = body.decision
        asked = decision.input
        shown = {approval.statement_digest for approval in asked.approvals if approval.decision == "approve"}
        if not shown.issuperset(body.consumed):
            yield "uses up a statement that it was not shown as an approval"
        yield from self._ungoverned(event, decision)
        yield from self._quoted.wrong(event, decision)
        for missing in self._quoted.missing(decision):
            self._lacks(index, event, missing)
        evidence = asked.evidence
        promotion = evidence.promotion if isinstance(evidence, DeploymentEvidence) else evidence
        if isinstance(promotion, PromotionEvidence):
            yield from self._evaluation(index, event, promotion)

    def _evaluation(self, index: int, event: Event, shown: PromotionEvidence) -> Iterator[str]:
        digest = shown.evaluation_digest
        if shown.evaluation.content_digest() != digest:
            yield f"was shown another evaluation than the one of the digest {digest}"
        if (event.subject.name, event.subject.version, digest) not in self._evaluated:
            self._lacks(index, event, f"was shown an evaluation that no record before it holds ({digest})")

    def _ungoverned(self, event: Event, decision: Decision) -> Iterator[str]:
        """Elsewhere than in `local` only what was agreed to decides; a change that comes while a gate is asked finds it asked already."""
        if event.environment == UNGOVERNED:
            return
        going_by = (decision.policy.bundle_digest, decision.policy.people_digest)
        in_force = self._governed[-1:]
        if in_force and decision.input.now_us < in_force[0].since_us:
            in_force = self._governed[-2:]
        if going_by not in [(one.bundle_digest, one.people_digest) for one in in_force]:
            yield "goes by policies or people that nobody had agreed to there"

    def _rolled_out(self, index: int, event: Event, body: RolloutRequested) -> Iterator[str]:
        by = f"goes by the decision {body.decision_id}"
        decided = self._decided.get(body.decision_id)
        if decided is None:
            self._lacks(index, event, f"{by}, which no record before it holds")
        elif decided.allowing is None:
            yield f"{by}, which allowed no deployment"
        elif (decided.about, decided.environment) != (event.subject, event.environment):
            yield f"{by}, which allowed {decided.about} in {decided.environment}"
        else:
            evidence = decided.allowing.input.evidence
            if not isinstance(evidence, DeploymentEvidence) or evidence.plan_digest != body.plan.content_digest():
                yield f"{by}, which allowed another plan"
            doubt = self._doubt(decided.allowing)
            if doubt:
                yield f"{by}, which its own rules do not give: {doubt}"

"""What is bet on: each guardrail of a plan, or each group that it looks at, with its part of alpha."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.records.rollout import Guardrail, RolloutPlan


@dataclass(frozen=True, slots=True)
class Rail:
    """One guardrail, or one group of it. A healthy canary is taken out by it with a probability of at most `alpha`."""

    guardrail: Guardrail
    group: str | None
    alpha: float

    @property
    def name(self) -> str:
        """As triggers and pages call it."""
        return self.guardrail.kind if self.group is None else f"{self.guardrail.kind} {self.guardrail.column}={self.group}"


def rails_of(plan: RolloutPlan) -> tuple[Rail, ...]:
    """All of a plan, in its order. Their alphas add up to the mean of the guardrails' own."""
    rails = []
    for guardrail in plan.guardrails:
        groups: tuple[str | None, ...] = guardrail.groups or (None,)
        rails += [Rail(guardrail, group, guardrail.alpha / (len(plan.guardrails) * len(groups))) for group in groups]
    return tuple(rails)

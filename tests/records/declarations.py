"""What was declared of a model that exists in tests only."""

from __future__ import annotations

from lifecycle.records.declared import Declared
from lifecycle.records.gates import RiskTier
from lifecycle.records.rollout import Guardrail, RolloutPlan, RolloutStep


def declared(risk_tier: RiskTier = "high") -> Declared:
    """A declaration of the model `credit`, with one member in its team."""
    return Declared(
        owner="credit_model_owner",
        team="credit_modelling",
        members=("dora",),
        purpose="credit_scoring",
        jurisdiction="EU",
        risk_tier=risk_tier,
        limits="consumer_credit",
        limit_overrides={},
        rollout=RolloutPlan(steps=(RolloutStep(weight=1.0, minimum_n=1, bake_seconds=0.0),), guardrails=(Guardrail(kind="errors"),)),
        approval_valid_hours=72.0,
    )

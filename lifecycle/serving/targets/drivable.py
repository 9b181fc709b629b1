"""Which plans a target can carry out that splits requests by weight and knows nothing else of them."""

from __future__ import annotations

from lifecycle.errors import Refused
from lifecycle.records.rollout import RolloutPlan


def require_drivable(plan: RolloutPlan) -> None:
    """Raises Refused for a plan that a target which splits requests by weight alone can't carry out as the gate was shown it."""
    if plan.strategy not in ("canary", "blue_green"):
        raise Refused(
            f"A cluster does not carry out the strategy {plan.strategy}: its routes are not sticky and its copies are not logged as such.",
            "Declare a canary or blue-green, or roll it out on the gateway of one machine.",
            ("STATE",),
        )
    if plan.holdout is not None or plan.tiers is not None:
        raise Refused(
            "A cluster keeps no hold-out and has no tiers: those are the gateway's own.",
            "Leave `holdout` and `tiers` out, or roll it out on the gateway of one machine.",
            ("STATE",),
        )

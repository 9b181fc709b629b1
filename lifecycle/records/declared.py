"""What was declared of a model when a version of it was trained: by that it is judged, whatever its form says later.

Otherwise whoever may edit the form could take the risk tier down, or a person out of the team, between training and
deployment, and no rule would notice.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lifecycle.records.gates import RiskTier
from lifecycle.records.record import ActorId, Name, Record
from lifecycle.records.rollout import RolloutPlan


class Declared(Record):
    """The part of a declaration that gates judge by."""

    schema_version: Literal["lifecycle.declared/1"] = "lifecycle.declared/1"
    owner: ActorId
    team: Name
    #: Who was in the team then.
    members: tuple[ActorId, ...]
    purpose: Name
    jurisdiction: str
    risk_tier: RiskTier
    limits: Name
    limit_overrides: dict[Name, float]
    rollout: RolloutPlan
    approval_valid_hours: float = Field(gt=0.0)

"""Ending what the gateway's controller leaves to a person: an A/B test, and a shadow that no step follows.

The deployment gate has seen that the plan says so. What a person adds is a word and a reason, and the gateway records both with
the end of the rollout: it promotes nothing before its last step has baked and answered enough, whoever asks.
"""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.errors import Refused
from lifecycle.life.recording import require_prose
from lifecycle.records.record import ActorId
from lifecycle.serving.rollouts.state import RolloutStatus
from lifecycle.wiring import Departments


def rollout_under_way(departments: Departments, model: GovernedModel) -> RolloutStatus:
    """How far this model's rollout is. Raises Refused where none is under way, Unavailable where the gateway does not answer."""
    found = next((served.rollout for served in departments.gateway.status().models if served.model == model.name), None)
    if found is None:
        raise Refused(
            f"No version of {model.name} is being rolled out here.",
            "`lifecycle deploy` rolls one out; `lifecycle status` shows which.",
            ("STATE",),
        )
    return found


def promote_by_hand(departments: Departments, model: GovernedModel, *, by: ActorId, reason: str) -> RolloutStatus:
    """Makes the version of an A/B test, or of a shadow, the champion; returns how the rollout ended.

    Raises UnknownName where nobody is enrolled as `by`, and Refused where the plan promotes by itself, or the last step has not
    baked or answered enough.
    """
    require_prose(reason, "A promotion")
    departments.people.person(by)
    return departments.gateway.promote(rollout_under_way(departments, model).rollout_id, by=by, reason=reason)


def end_by_hand(departments: Departments, model: GovernedModel, *, reason: str) -> RolloutStatus:
    """Ends a rollout without judging its version, which may be deployed again; returns how it ended."""
    require_prose(reason, "The end of a rollout")
    return departments.gateway.abort(rollout_under_way(departments, model).rollout_id, reason=reason, cause="person")

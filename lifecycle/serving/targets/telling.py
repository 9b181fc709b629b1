"""What is told of a rollout on a target: the same events as of one on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RollbackRequested, RolledBack, RolloutAborted, RolloutCompleted
from lifecycle.records.identity import derived_id
from lifecycle.records.rollout import Arm, ArmCounts, RolloutOrder
from lifecycle.serving.targets.contract import Counted, Placement, TargetVersion, Undoing


@dataclass(frozen=True, slots=True)
class Beside:
    """What serves beside a canary, and what it answered."""

    version: TargetVersion
    counted: Counted


def requested(order: RolloutOrder, champion: TargetVersion | None, undoing: Undoing) -> RollbackRequested:
    """The intent of a rollback."""
    return RollbackRequested(
        rollback_id=_rollback_id(order, undoing),
        trigger=undoing.trigger,
        from_version=order.version,
        from_digest=order.digest,
        to_version=None if champion is None else champion.version,
        to_digest=None if champion is None else champion.digest,
        decision_id=undoing.decision_id,
        reason=undoing.why,
    )


def ends(order: RolloutOrder, ended: Placement, canary: Counted, control: Beside | None, last_asked_us: int) -> Iterator[tuple[str, Body]]:
    """How a rollout ended, each event with what makes its id."""
    seen = observed(order, ended.weight, canary, control)
    if ended.outcome == "completed":
        former = ended.leaving
        yield (
            "completed",
            RolloutCompleted(
                rollout_id=order.rollout_id,
                superseded_version=None if former is None else former.version,
                superseded_digest=None if former is None else former.digest,
                observed=seen,
            ),
        )
        return
    undoing = ended.undoing
    if undoing is not None:
        # Told already, unless the disk did not take it then.
        yield "rollback requested", requested(order, ended.champion, undoing)
        yield (
            "rolled back",
            RolledBack(
                rollback_id=_rollback_id(order, undoing),
                trigger=undoing.trigger,
                from_version=order.version,
                from_digest=order.digest,
                to_version=None if ended.champion is None else ended.champion.version,
                to_digest=None if ended.champion is None else ended.champion.digest,
                decided_at_us=undoing.decided_at_us,
                actuation_us=max(0, last_asked_us - undoing.decided_at_us),
                observed=seen,
            ),
        )
    yield "aborted", RolloutAborted(rollout_id=order.rollout_id, cause=ended.cause or "failed", reason=ended.reason, observed=seen)


def observed(order: RolloutOrder, weight: float, canary: Counted, control: Beside | None) -> tuple[ArmCounts, ...]:
    """What both arms have answered by their own count; `weight` is what the canary has now."""
    arms = [_arm("canary", order.version, weight, canary)]
    if control is not None:
        arms.insert(0, _arm("champion", control.version.version, 1.0 - weight, control.counted))
    return tuple(arms)


def _arm(arm: Arm, version: int, weight: float, counted: Counted) -> ArmCounts:
    seen = counted.observed
    return ArmCounts(arm=arm, version=version, weight=weight, requests=seen.requests, errors=seen.errors, slow=seen.slow, fallbacks=0)


def _rollback_id(order: RolloutOrder, undoing: Undoing) -> str:
    return undoing.rollback_id or derived_id("rollback", order.rollout_id)

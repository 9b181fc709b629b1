"""What is told of a rollout on a target: the same events as of one on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RollbackRequested, RolledBack, RolloutCompleted
from lifecycle.records.identity import derived_id
from lifecycle.records.record import Id, Microseconds, Version
from lifecycle.records.rollout import Arm, ArmCounts, RolloutOrder
from lifecycle.serving.rollouts.rollout_events import aborted, carried_out
from lifecycle.serving.targets.contract import Counted, Placement, TargetVersion, Undoing


@dataclass(frozen=True, slots=True)
class Beside:
    """What serves beside a canary, and what it answered."""

    version: TargetVersion
    counted: Counted


def requested(rollback_id: Id, leaving: TargetVersion, to: TargetVersion | None, undoing: Undoing) -> RollbackRequested:
    """The intent of a rollback."""
    return RollbackRequested(
        rollback_id=rollback_id,
        trigger=undoing.trigger,
        from_version=leaving.version,
        from_digest=leaving.digest,
        to_version=None if to is None else to.version,
        to_digest=None if to is None else to.digest,
        decision_id=undoing.decision_id,
        reason=undoing.why,
    )


def rolled_back(
    rollback_id: Id, leaving: TargetVersion, to: TargetVersion | None, undoing: Undoing, last_asked_us: Microseconds, *seen: ArmCounts
) -> RolledBack:
    """What was observed of a rollback: `last_asked_us` is when what left was asked last."""
    intent = requested(rollback_id, leaving, to, undoing)
    return carried_out(intent, undoing.decided_at_us, last_asked_us - undoing.decided_at_us, seen)


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
        rollback_id = rollback_id_of(order, undoing)
        yield "rollback requested", requested(rollback_id, canary_of(order), ended.champion, undoing)
        yield "rolled back", rolled_back(rollback_id, canary_of(order), ended.champion, undoing, last_asked_us, *seen)
    yield "aborted", aborted(order.rollout_id, ended.cause or "failed", ended.reason, seen, ended.word)


def observed(order: RolloutOrder, weight: float, canary: Counted, control: Beside | None) -> tuple[ArmCounts, ...]:
    """What both arms have answered by their own count; `weight` is what the canary has now."""
    arms = [arm("canary", order.version, weight, canary)]
    if control is not None:
        arms.insert(0, arm("champion", control.version.version, 1.0 - weight, control.counted))
    return tuple(arms)


def arm(name: Arm, version: Version, weight: float, counted: Counted) -> ArmCounts:
    """What one version has answered."""
    seen = counted.observed
    return ArmCounts(arm=name, version=version, weight=weight, requests=seen.requests, errors=seen.errors, slow=seen.slow, fallbacks=0)


def canary_of(order: RolloutOrder) -> TargetVersion:
    """The version that an order is about."""
    return TargetVersion(version=order.version, digest=order.digest)


def rollback_id_of(order: RolloutOrder, undoing: Undoing) -> Id:
    """The id of the rollback that ends a rollout: as it was asked for, else the rollout's own."""
    return undoing.rollback_id or derived_id("rollback", order.rollout_id)

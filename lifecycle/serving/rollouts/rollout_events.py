"""The events that a gateway records: about its rollouts, and the seals of its prediction log."""

from __future__ import annotations

from lifecycle.errors import Tampered
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.bodies.serving import (
    AbortCause,
    PredictionsSealed,
    RollbackRequested,
    RolledBack,
    RolloutAborted,
    RolloutCompleted,
    RolloutStepReached,
)
from lifecycle.records.events import Actor, Event, Link, Subject
from lifecycle.records.record import Id, Microseconds
from lifecycle.records.rollout import Arm, ArmCounts
from lifecycle.serving.answering.counters import CellCounts
from lifecycle.serving.rollouts.state import ArmMark, ModelState, ServedVersion
from lifecycle.serving.rollouts.word import Word

#: Who acts: the service, for whoever ordered it.
GATEWAY = Actor(id="gateway", kind="service")
#: All that a gateway ever tells. Its journal is a file, so nothing else that stands there may reach the ledger.
OWN_BODIES = (RolloutStepReached, RolloutCompleted, RolloutAborted, RollbackRequested, RolledBack, PredictionsSealed, RefusalsSealed)
#: What a mark has beside the counts that are recorded: it is for the guardrails.
_NOT_TOLD = {"errors_again", "slow_again", "spilled"}


def require_own(event: Event) -> None:
    """Raises Tampered for an event that a gateway does not tell, such as a decision."""
    if not isinstance(event.body, OWN_BODIES) or event.actor != GATEWAY:
        raise Tampered(
            f"{event.type} by {event.actor.id} (event {event.id}) is nothing that a gateway records.",
            "Find out who wrote it into the gateway's journal; it is not entered in the ledger.",
        )


def about(body: Body, *, model: str, version: ServedVersion, environment: str, run_id: str | None, event_id: Id | None = None) -> Event:
    """An event about one version, with the bytes that it concerns as its inputs."""
    inputs = [Link(role="model", digest=version.digest)]
    if isinstance(body, RolledBack):
        inputs = [Link(role="from", digest=body.from_digest)]
        if body.to_digest is not None:
            inputs.append(Link(role="to", digest=body.to_digest))
    subject = Subject(kind="model", name=model, version=version.version, digest=version.digest)
    return Event.happened(
        body, subject=subject, actor=GATEWAY, environment=environment, run_id=run_id, inputs=tuple(inputs), event_id=event_id
    )


def aborted(rollout_id: Id, cause: AbortCause, reason: str, seen: tuple[ArmCounts, ...], word: Word | None = None) -> RolloutAborted:
    """That a rollout ended without serving, after this was seen of both arms; on whose word, where a person ended it."""
    return RolloutAborted(
        rollout_id=rollout_id,
        cause=cause,
        reason=reason,
        observed=seen,
        ended_by=None if word is None else word.by,
        envelope=None if word is None else word.envelope,
    )


def carried_out(
    intent: RollbackRequested, decided_at_us: Microseconds, actuation_us: Microseconds, seen: tuple[ArmCounts, ...]
) -> RolledBack:
    """What was observed of a rollback that was meant so: how long after the decision the version was asked last, and both arms' counts."""
    return RolledBack(
        rollback_id=intent.rollback_id,
        trigger=intent.trigger,
        from_version=intent.from_version,
        from_digest=intent.from_digest,
        to_version=intent.to_version,
        to_digest=intent.to_digest,
        decided_at_us=decided_at_us,
        actuation_us=max(0, actuation_us),
        observed=seen,
    )


def mark(counts: CellCounts) -> ArmMark:
    """Where an arm's counts stand."""
    return ArmMark(
        requests=counts.requests,
        errors=counts.errors,
        slow=counts.slow,
        fallbacks=counts.fallbacks,
        errors_again=counts.errors_again,
        slow_again=counts.slow_again,
        spilled=counts.spilled,
    )


def since(earlier: ArmMark, now: ArmMark) -> ArmMark:
    """What came to an arm's counts between two marks; a count that was lost meanwhile is none."""
    return ArmMark(
        requests=max(0, now.requests - earlier.requests),
        errors=max(0, now.errors - earlier.errors),
        slow=max(0, now.slow - earlier.slow),
        fallbacks=max(0, now.fallbacks - earlier.fallbacks),
        errors_again=max(0, now.errors_again - earlier.errors_again),
        slow_again=max(0, now.slow_again - earlier.slow_again),
        spilled=max(0, now.spilled - earlier.spilled),
    )


def observed(state: ModelState, weight: float, canary: ArmMark | None, control: ArmMark) -> tuple[ArmCounts, ...]:
    """What both arms answered, as records have it. A shadow takes no share of the traffic."""
    rollout = state.rollout
    if rollout is not None and rollout.copies:
        weight = 0.0
    counted = ArmCounts(
        arm="referral" if state.champion is None else "champion",
        version=None if state.champion is None else state.champion.version,
        weight=1.0 - weight,
        **control.model_dump(exclude=_NOT_TOLD),
    )
    if canary is None or rollout is None:
        return (counted,)
    arm: Arm = "shadow" if rollout.copies else "canary"
    return (counted, ArmCounts(arm=arm, version=rollout.canary.version, weight=weight, **canary.model_dump(exclude=_NOT_TOLD)))

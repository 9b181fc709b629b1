"""The gateway's status, from its books while it runs and from its journal while it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lifecycle.serving.answering.counters import REFERRAL_CELL, CellCounts, Counters, total
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.journal import replay
from lifecycle.serving.rollouts.refusals import RefusedEvents
from lifecycle.serving.rollouts.state import GatewayState, ModelState, ServedVersion
from lifecycle.serving.rollouts.status import GatewayStatus, Looked, ModelStatus, RolloutStatus, VersionStatus

Counts = Callable[[ModelState, ServedVersion | None], CellCounts]


def model_status(
    state: ModelState,
    counts: Counts,
    fault: str,
    *,
    alarm: str = "",
    looked: Looked | None = None,
    copies_dropped: int = 0,
    rows_dropped: int = 0,
) -> ModelStatus:
    """One model's versions: the champion, the canary, and what stands by.

    A fault keeps the champion from serving; an alarm is for a person to look into, and takes nothing out. `looked` is what the latest
    look at its rollout has found. The shares are those of the routes, whether anybody answers by them or not.
    """
    rollout = state.rollout
    apart = 0.0 if state.holdout is None else state.holdout.share
    takes = rollout is not None and rollout.takes_traffic and not rollout.copies and state.rollback is None
    share = rollout.stages[-1].weight * (1.0 - apart) if rollout is not None and takes else 0.0
    arms: list[VersionStatus] = []
    if state.champion is not None:
        arms.append(_version(state, state.champion, "champion", 0.0 if fault else max(0.0, 1.0 - share - apart), counts))
    if rollout is not None:
        arms.append(_version(state, rollout.canary, "shadow" if rollout.copies else "canary", share, counts))
    if state.holdout is not None:
        arms.append(_version(state, state.holdout.version, "holdout", apart, counts))
    shown = {arm.version for arm in arms}
    arms += [_version(state, kept, "standby", 0.0, counts) for kept in state.standby if kept.version not in shown]
    return ModelStatus(
        model=state.model,
        versions=tuple(arms),
        referred=counts(state, None).requests,
        rollout=None if rollout is None else rollout_status(state, looked or Looked()),
        copies_dropped=copies_dropped,
        rows_dropped=rows_dropped,
        fault="; ".join(what for what in (fault, alarm) if what),
    )


def rollout_status(state: ModelState, looked: Looked) -> RolloutStatus:
    """How far a model's rollout is, with what the latest look at it has found; it must have one."""
    rollout = state.rollout
    assert rollout is not None  # callers ask about models with a rollout only
    undoing = state.rollback is not None
    return RolloutStatus(
        rollout_id=rollout.rollout_id,
        model=state.model,
        version=rollout.canary.version,
        state="undoing" if undoing else rollout.phase,
        step=rollout.step,
        weight=rollout.stages[-1].weight if rollout.takes_traffic and not undoing else 0.0,
        copies=rollout.copies,
        reason=looked.held,
        guardrails=looked.guardrails,
        progress=looked.progress if rollout.phase == "baking" and not undoing else None,
    )


def stopped_status(folder: GatewayFolder, environment: str) -> GatewayStatus:
    """The status of a gateway that does not run: its models as it left them, with the shares that it would go on with."""
    state, pending, _ = replay(folder.journal) if folder.journal.exists() else (GatewayState(), [], 0)
    mapped = Counters.of_all(folder)
    refused = RefusedEvents(folder.refused_events)
    alarms = refused.faults()
    return GatewayStatus(
        running=False,
        url=None,
        pid=None,
        environment=environment,
        workers=0,
        models=tuple(
            model_status(
                model,
                from_counters(mapped),
                "",
                alarm=alarms.get(model.model, ""),
                copies_dropped=sum(counters.copies_dropped(model.slot) for counters in mapped),
                # What ended before it had written its rows will not write them any more.
                rows_dropped=sum(counters.rows_dropped(model.slot) + counters.rows_waiting(model.slot) for counters in mapped),
            )
            for model in state.models
        ),
        waiting_events=len(pending),
        refused_events=refused.count,
    )


def from_counters(mapped: Sequence[Counters]) -> Counts:
    """Counts over these workers."""
    return lambda state, version: total(mapped, state.slot, REFERRAL_CELL if version is None else version.cell)


def _version(state: ModelState, version: ServedVersion, arm: str, weight: float, counts: Counts) -> VersionStatus:
    found = counts(state, version)
    return VersionStatus.of(
        {
            "version": version.version,
            "digest": version.digest,
            "arm": arm,
            "weight": weight,
            "requests": found.requests,
            "errors": found.errors,
            "slow": found.slow,
            "fallbacks": found.fallbacks,
            "timeouts": found.timeouts,
            "invalid": found.invalid,
        }
    )

"""What serves on a cluster, as `lifecycle gateway status` shows it of any gateway."""

from __future__ import annotations

from lifecycle.errors import LifecycleError
from lifecycle.serving.answering.counters import CellCounts
from lifecycle.serving.rollouts.state import ModelState
from lifecycle.serving.rollouts.status import Looked, ModelStatus, RolloutStatus, VersionStatus
from lifecycle.serving.supervision import reporting
from lifecycle.serving.targets.contract import Counted, Placement, Target, TargetVersion


async def model_status(state: ModelState, reader: Target, looked: Looked, fault: str) -> ModelStatus:
    """One model, by its placement and by what its pods count. Where the cluster does not answer, by the journal, with the fault.

    `reader` is a target of its own: whoever drives a rollout counts by himself; `looked` is what he found last.
    """
    try:
        placed = await reader.read()
        versions = [await _version(reader, version, arm, weight) for version, arm, weight in _arms(placed.placement)]
    except LifecycleError as error:
        # What can't be asked has not stopped serving for it.
        unseen = "; ".join(what for what in (fault, error.what) if what)
        return reporting.model_status(state, lambda *_: CellCounts(), "", alarm=unseen, looked=looked)
    if not placed.in_force:
        fault = "; ".join(what for what in (fault, "the weights of its route were changed by somebody else") if what)
    rollout = None if state.rollout is None else rollout_status(state, placed.placement, looked)
    return ModelStatus(model=state.model, versions=tuple(versions), referred=0, rollout=rollout, fault=fault)


def rollout_status(state: ModelState, serving: Placement, looked: Looked) -> RolloutStatus:
    """How far the rollout of a model is, why it goes no further and how its guardrails stand; it must have one."""
    rollout = state.rollout
    assert rollout is not None  # callers ask about models with a rollout only
    ours = serving.rollout_id == rollout.rollout_id
    outcome = serving.outcome if ours else ""
    return RolloutStatus(
        rollout_id=rollout.rollout_id,
        model=state.model,
        version=rollout.canary.version,
        state="promoting" if outcome == "completed" else "undoing" if outcome else "baking" if ours and serving.weight else "loading",
        step=serving.step if ours else 0,
        weight=serving.weight if ours else 0.0,
        reason=(serving.reason if ours else "") or looked.held,
        guardrails=looked.guardrails,
        progress=looked.progress if ours and serving.weight else None,
    )


def _arms(serving: Placement) -> list[tuple[TargetVersion, str, float]]:
    shares = serving.shares
    arms = [] if serving.champion is None else [(serving.champion, "champion", shares.get(serving.champion, 0.0))]
    arms += [] if serving.canary is None else [(serving.canary, "canary", serving.weight)]
    return arms + [(kept, "standby", 0.0) for kept in serving.standby]


async def _version(reader: Target, version: TargetVersion, arm: str, weight: float) -> VersionStatus:
    seen = (Counted() if arm == "standby" else await reader.counted(version)).observed
    return VersionStatus.of(
        {
            "version": version.version,
            "digest": version.digest,
            "arm": arm,
            "weight": weight,
            "requests": seen.requests,
            "errors": seen.errors,
            "slow": seen.slow,
            "fallbacks": 0,
        }
    )

"""Making a canary the champion: every worker holds it before the routes name it, and the former champion stands by."""

from __future__ import annotations

from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.state import MOST_STANDBY, Holdout, ModelState
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.fleet import Fleet, Holding


async def promote(books: Books, fleet: Fleet, state: ModelState, plan: RolloutPlan, word: Word | None = None) -> None:
    """Makes a model's canary its champion; the former one keeps the plan's hold-out. The caller holds the model's lock.

    `word`: a person's, where the plan leaves it to one.

    Raises Unavailable where a worker can't load it, or the disk does not take it: then the rollout stands as it stood.
    """
    rollout, former = state.rollout, state.champion
    assert rollout is not None  # callers have seen that there is one, under the model's lock
    before = state.model_copy(update={"rollout": rollout.model_copy(update={"phase": "promoting"})})
    books.commit(before)
    await fleet.load(Holding(state.model, state.slot, rollout.canary))
    holdout = None
    if former is not None and plan.holdout is not None:
        holdout = Holdout(version=former, share=plan.holdout, rollout_id=rollout.rollout_id)
    body = RolloutCompleted(
        rollout_id=rollout.rollout_id,
        superseded_version=None if former is None else former.version,
        superseded_digest=None if former is None else former.digest,
        observed=books.seen(before),
        promoted_by=None if word is None else word.by,
        reason=None if word is None else word.reason,
        envelope=None if word is None else word.envelope,
        holdout=None if holdout is None else holdout.share,
    )
    standby = (*(() if former is None else (former,)), *(kept for kept in state.standby if kept.version != rollout.canary.version))
    changed = state.model_copy(update={"champion": rollout.canary, "rollout": None, "standby": standby[:MOST_STANDBY], "holdout": holdout})
    ended = rollout.ended(state.model, "completed", "" if word is None else word.reason)
    books.commit(changed, (rollout.canary, rollout.run_id, body), finished=ended)
    books.faults.pop(state.model, None)
    books.put_in_force(changed)

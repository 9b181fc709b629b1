"""Taking a version out. The routes change first, because that protects people; the intent is durable right after; then
every worker is asked until none routes by the old epoch, and what was observed is recorded.

A full disk does not stop it: what is in force is kept in memory, reported as a fault, and written once that goes.

A gateway that dies between these finds the open rollback in its journal and finishes it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from lifecycle.errors import Refused
from lifecycle.records.bodies.serving import AbortCause, RollbackRequested, RolledBack
from lifecycle.records.identity import now_us
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.rollout_events import aborted, carried_out
from lifecycle.serving.rollouts.state import ModelState, OpenRollback, RolloutState, ServedVersion
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.fleet import Fleet, Holding

_LOG = logging.getLogger(__name__)

#: The cause of a rollout's end by what took its version out.
CAUSE_OF: dict[str, AbortCause] = {
    "guardrail": "guardrail",
    "crash": "crash",
    "person": "person",
    "schedule": "person",
    "revocation": "revoked",
}


async def undo(books: Books, fleet: Fleet, state: ModelState, asked: RollbackAsked) -> RolledBack:
    """Takes a model's canary out; returns what was observed. The caller holds the model's lock."""
    rollout = _rollout(state)
    decided_ns, decided_at_us = time.monotonic_ns(), now_us()
    route = books.take_canary_out(state)
    routed_ns = time.monotonic_ns()
    intent = _intent(asked, rollout.canary, state.champion)
    undoing = state.model_copy(update={"rollback": OpenRollback(intent=intent, decided_at_us=decided_at_us)})
    books.commit(undoing, (rollout.canary, rollout.run_id, intent), in_force=True)
    await fleet.acknowledge(state.model, state.slot, route.epoch)
    last_ns = max(routed_ns, books.counts(state, rollout.canary).last_dispatch_ns)
    return _record_undone(books, undoing, (last_ns - decided_ns) // 1_000)


async def replace(books: Books, fleet: Fleet, cache: PackageCache, state: ModelState, asked: RollbackAsked) -> RolledBack:
    """Goes back from what serves to a version that served before; a rollout that is under way ends first.

    The caller holds the model's lock. Raises Refused where there is no such version, and like `PackageCache.readmit`.
    """
    leaving = state.champion
    if leaving is None:
        raise Refused(f"No version of {state.model} serves here, so there is nothing to roll back.", "Deploy a version.", ("STATE",))
    target = next((kept for kept in state.standby if asked.to_version in (None, kept.version)), None)
    if target is None:
        known = ", ".join(str(kept.version) for kept in state.standby) or "none"
        wanted = "an earlier version" if asked.to_version is None else f"version {asked.to_version}"
        raise Refused(
            f"The gateway can't go back to {wanted} of {state.model}.", f"The versions that served before it: {known}.", ("STATE",)
        )
    require_expected(asked, leaving, target)
    await asyncio.to_thread(cache.readmit, state.model, target.version, target.digest)
    await fleet.load(Holding(state.model, state.slot, target))
    if state.rollout is not None:
        state = record_aborted(books, state, "superseded", asked.reason)
    books.faults.pop(state.model, None)
    return await swap(books, fleet, state, leaving, target, asked)


async def swap(
    books: Books, fleet: Fleet, state: ModelState, leaving: ServedVersion, target: ServedVersion | None, asked: RollbackAsked
) -> RolledBack:
    """Has `target`, which every worker holds, serve in the place of what serves now, or nothing; returns what was observed.

    The caller holds the model's lock, and no rollout is under way.
    """
    intent = _intent(asked, leaving, target)
    decided_ns, decided_at_us = time.monotonic_ns(), now_us()
    gone = {leaving.version} | (set() if target is None else {target.version})
    standby = tuple(kept for kept in state.standby if kept.version not in gone)
    changed = state.model_copy(
        update={
            "champion": target,
            "standby": standby,
            "holdout": None,
            "rollback": OpenRollback(intent=intent, decided_at_us=decided_at_us),
        }
    )
    route = books.put_in_force(changed)
    routed_ns = time.monotonic_ns()
    books.commit(changed, (leaving, None, intent), in_force=True)
    await fleet.acknowledge(state.model, state.slot, route.epoch)
    last_ns = max(routed_ns, books.counts(state, leaving).last_dispatch_ns)
    return _record_replaced(books, changed, leaving, (last_ns - decided_ns) // 1_000)


def require_expected(asked: RollbackAsked, leaving: ServedVersion, target: ServedVersion | None) -> None:
    """Raises Refused where other versions would change places than whoever asks was told: a rollout may have ended meanwhile."""
    model, found = asked.model, None if target is None else target.version
    if asked.from_version in (None, leaving.version) and asked.to_version in (None, found):
        return
    told = f"from {model}:{asked.from_version or leaving.version}" + (f" to {model}:{asked.to_version}" if asked.to_version else "")
    would = f"from {model}:{leaving.version} to " + (f"{model}:{found}" if found is not None else "no version at all")
    raise Refused(
        f"This rollback was to go {told}, and would now go {would}: what serves has changed since.",
        "Look at `lifecycle gateway status`, and ask again if it is still wanted.",
        ("STATE",),
    )


def finish(books: Books, state: ModelState) -> None:
    """Records the rollback that a gateway that died left open. It took no longer than until now."""
    rollback = state.rollback
    assert rollback is not None  # callers ask about models with an open rollback only
    elapsed = now_us() - rollback.decided_at_us
    if state.rollout is not None:
        _record_undone(books, state, elapsed)
    else:
        intent = rollback.intent
        leaving = ServedVersion(version=intent.from_version, digest=intent.from_digest, cell=0)
        _record_replaced(books, state, leaving, elapsed)


def record_aborted(books: Books, state: ModelState, cause: AbortCause, reason: str, word: Word | None = None) -> ModelState:
    """Ends a rollout without judging its version: out of the routes, then in the journal. Returns the model as it is then.

    `word`: whose it was, where a person ends it.
    """
    rollout = _rollout(state)
    books.take_canary_out(state)
    body = aborted(rollout.rollout_id, cause, reason, books.seen(state), word)
    ended = state.model_copy(update={"rollout": None})
    finished = rollout.ended(state.model, "aborted", reason)
    books.commit(ended, (rollout.canary, rollout.run_id, body), finished=finished, in_force=True)
    return ended


def _record_undone(books: Books, state: ModelState, actuation_us: int) -> RolledBack:
    rollout, rollback = _rollout(state), state.rollback
    assert rollback is not None  # it was opened before its canary was taken out
    seen, reason = books.seen(state), rollback.intent.reason
    body = carried_out(rollback.intent, rollback.decided_at_us, actuation_us, seen)
    ended = aborted(rollout.rollout_id, CAUSE_OF[body.trigger.kind], reason, seen)
    books.commit(
        state.model_copy(update={"rollout": None, "rollback": None}),
        (rollout.canary, rollout.run_id, body),
        (rollout.canary, rollout.run_id, ended),
        finished=rollout.ended(state.model, "aborted", reason),
        rolled_back=body,
        in_force=True,
    )
    _LOG.warning("%s:%d is rolled back, %d µs after the decision: %s", state.model, rollout.canary.version, body.actuation_us, reason)
    return body


def _record_replaced(books: Books, state: ModelState, leaving: ServedVersion, actuation_us: int) -> RolledBack:
    rollback = state.rollback
    assert rollback is not None  # it was opened when its champion was replaced
    body = carried_out(rollback.intent, rollback.decided_at_us, actuation_us, books.seen(state))
    books.commit(state.model_copy(update={"rollback": None}), (leaving, None, body), rolled_back=body, in_force=True)
    return body


def _intent(asked: RollbackAsked, leaving: ServedVersion, target: ServedVersion | None) -> RollbackRequested:
    return RollbackRequested(
        rollback_id=asked.rollback_id,
        trigger=asked.trigger,
        from_version=leaving.version,
        from_digest=leaving.digest,
        to_version=None if target is None else target.version,
        to_digest=None if target is None else target.digest,
        decision_id=asked.decision_id,
        reason=asked.reason,
    )


def _rollout(state: ModelState) -> RolloutState:
    assert state.rollout is not None  # callers have seen that there is one, under the model's lock
    return state.rollout

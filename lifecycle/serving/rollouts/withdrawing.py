"""Taking out what was taken back: a canary, what serves, what stands by. What may serve goes on.

The order is that of every rollback: routes first, the journal right after, then the processes. Requests that a version has begun
to answer are answered. Where nothing may take its place, nobody answers, and the status says why.
"""

from __future__ import annotations

import asyncio
import logging

from lifecycle.errors import LifecycleError
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.rollouts import undoing
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import ModelState, ServedVersion
from lifecycle.serving.supervision.fleet import Fleet, Holding

_LOG = logging.getLogger(__name__)
#: How long what serves may go on while the version that takes its place is loaded. The first that stands by is loaded already.
_LOAD_SECONDS = 2.0


async def take_back(books: Books, fleet: Fleet, cache: PackageCache, state: ModelState) -> None:
    """Takes out of a model whatever may not serve any more. The caller holds the model's lock.

    Done again, it does nothing more: a gateway that died over it does it when it starts.
    """
    state = _without_standbys(books, cache, state)
    if state.rollout is not None:
        found = cache.withdrawn(state.model, state.rollout.canary.version, state.rollout.canary.digest)
        if found is not None:
            canary = state.rollout.canary
            asked = RollbackAsked.by_withdrawal(found, state.model, canary.version)
            await undoing.undo(books, fleet, state, asked)
            state = books.model(state.model)
    champion = state.champion
    found = None if champion is None else cache.withdrawn(state.model, champion.version, champion.digest)
    if champion is not None and found is not None:
        await _replace(books, fleet, cache, state, champion, found)


def _without_standbys(books: Books, cache: PackageCache, state: ModelState) -> ModelState:
    """Has no rollback, and no failure of what serves, lead to what was taken back."""
    standby = tuple(kept for kept in state.standby if cache.withdrawn(state.model, kept.version, kept.digest) is None)
    if standby == state.standby:
        return state
    left = {kept.version for kept in standby}
    holdout = state.holdout if state.holdout is not None and state.holdout.version.version in left else None
    changed = state.model_copy(update={"standby": standby, "holdout": holdout})
    books.put_in_force(changed)
    books.commit(changed, in_force=True)
    return changed


async def _replace(books: Books, fleet: Fleet, cache: PackageCache, state: ModelState, leaving: ServedVersion, found: Withdrawal) -> None:
    """Has the last version that may serve take the place of one that may not, or nothing where there is none."""
    if state.rollout is not None:
        state = undoing.record_aborted(books, state, "superseded", f"what served beside it may not serve any more: {found.why}")
    target = None
    for kept in state.standby:
        if await _ready(books, fleet, cache, state, kept, found):
            target = kept
            break
    if target is None:
        books.faults[state.model] = f"{state.model}:{leaving.version} does not serve: {found.why}, and no version stands by that may"
    else:
        books.faults.pop(state.model, None)
    asked = RollbackAsked.by_withdrawal(found, state.model, leaving.version)
    await undoing.swap(books, fleet, state, leaving, target, asked)
    _LOG.warning("%s:%d is taken out: %s", state.model, leaving.version, found.why)


async def _ready(books: Books, fleet: Fleet, cache: PackageCache, state: ModelState, kept: ServedVersion, found: Withdrawal) -> bool:
    """Whether a version that stands by holds, from its proof to its last byte, and every worker holds it.

    Where that takes longer than what was taken back may go on, nobody is answered meanwhile.
    """

    async def load() -> None:
        await asyncio.to_thread(cache.readmit, state.model, kept.version, kept.digest)
        await fleet.load(Holding(state.model, state.slot, kept))

    loading = asyncio.ensure_future(load())
    try:
        await asyncio.wait({loading}, timeout=_LOAD_SECONDS)
        if not loading.done():
            books.faults[state.model] = f"{state.model} waits for version {kept.version}: {found.why}"
            books.put_in_force(state)
        await loading
    except LifecycleError as error:
        _LOG.error("%s:%d can't take the place of what was taken back: %s", state.model, kept.version, error.what)
        return False
    finally:
        loading.cancel()
    return True

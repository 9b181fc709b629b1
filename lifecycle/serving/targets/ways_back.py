"""Which version a model goes back to on one cluster: the one that is asked for, or the last that may still serve."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lifecycle.errors import LifecycleError, Refused
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.undoing import require_expected
from lifecycle.serving.targets.contract import Pace, Placement, Target, TargetVersion, Undoing
from lifecycle.serving.targets.going_back import GoingBack
from lifecycle.serving.targets.hand import Records
from lifecycle.serving.targets.laid_down import LaidDown
from lifecycle.serving.targets.register import Register, served

_LOG = logging.getLogger(__name__)


class WaysBack:
    """Whoever goes back holds the model's lock, and no rollout of it is under way."""

    def __init__(self, register: Register, records: Records, packages: LaidDown, target: Callable[[str], Target], pace: Pace) -> None:
        self._register = register
        self._records = records
        self._packages = packages
        self._target = target
        self._pace = pace

    async def go(self, asked: RollbackAsked, undoing: Undoing) -> None:
        """Goes back from what serves, as somebody asks for it. Raises Refused where there is no such way, and like `LaidDown.again`."""
        model = asked.model
        serving = (await self._target(model).read()).placement
        if serving.champion is None:
            raise Refused(f"No version of {model} serves there, so there is nothing to roll back.", "Deploy a version.", ("STATE",))
        to = next((kept for kept in serving.standby if asked.to_version in (None, kept.version)), None)
        if to is None:
            known = ", ".join(str(kept.version) for kept in serving.standby) or "none"
            wanted = "an earlier version" if asked.to_version is None else f"version {asked.to_version}"
            raise Refused(f"There is no way back to {wanted} of {model}.", f"The versions that served before it: {known}.", ("STATE",))
        require_expected(asked, served(serving.champion), served(to))
        await self._packages.again(model, to)
        going = GoingBack(self._target(model), self._records, model, asked.rollback_id, self._pace)
        self._register.note(model, await going.run(serving.champion, to, undoing, at_once=False))

    async def leave(self, serving: Placement, champion: TargetVersion, withdrawn: Withdrawal) -> Placement:
        """Takes out at once what the ledger has taken back; returns what serves then, which may be nothing."""
        model = serving.model
        asked = RollbackAsked.by_withdrawal(withdrawn, model, champion.version)
        going = GoingBack(self._target(model), self._records, model, asked.rollback_id, self._pace)
        to = await self._next_that_may(serving)
        ended = await going.run(champion, to, Undoing.begun(asked), at_once=True)
        self._register.note(model, ended)
        _LOG.warning("%s:%d is taken out: %s", model, champion.version, withdrawn.why)
        return ended

    async def finish(self, serving: Placement) -> Placement:
        """Goes on with a way back that a controller before this one began, if there is one; returns what serves then."""
        if serving.outcome != "replaced" or serving.settled:
            return serving
        ended = await GoingBack(self._target(serving.model), self._records, serving.model, serving.rollout_id, self._pace).finish()
        self._register.note(serving.model, ended)
        return ended

    async def _next_that_may(self, serving: Placement) -> TargetVersion | None:
        for kept in serving.standby:
            try:
                await self._packages.again(serving.model, kept)
            except LifecycleError as error:
                _LOG.error("%s:%d can't take the place of what was taken back: %s", serving.model, kept.version, error.what)
            else:
                return kept
        return None

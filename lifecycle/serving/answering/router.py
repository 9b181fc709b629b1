"""The path of one prediction: choose an arm, answer, fall back if need be, count, log. A worker has one router.

Rules: a request goes to one arm, drawn by its routing key or at random: first whether it belongs to the hold-out, then whether to
the canary. Where the canary or the hold-out fails, the champion answers the same request, and where the champion fails, the tiers
of its plan, so that the caller never sees it. The same way goes what an arm has no room for (it is spilled): it fell to that arm,
which answered nothing of it. A request that the champion refuses as well was the caller's fault and counts
against nobody: otherwise anyone could send nonsense and have a canary taken out. A shadow is asked after its caller has gone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from lifecycle.records.identity import now_us
from lifecycle.records.manifest import ModelSchemas
from lifecycle.records.rollout import Arm
from lifecycle.serving.answering.answer_log import AnswerLog
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.counters import REFERRAL_CELL, Cell, Counters
from lifecycle.serving.answering.drawing import arm_for, arm_of
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.outcome import Inquiry, Outcome, Said, said_of
from lifecycle.serving.answering.protocol import InferRequest
from lifecycle.serving.answering.repeated_keys import RepeatedKeys
from lifecycle.serving.answering.routes import Route, RouteTable
from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.answering.shadowing import Shadows
from lifecycle.serving.answering.tiers import ask_tiers
from lifecycle.serving.failures import OUT_OF_REACH, ArmFailed, FailureKind, RequestRefused
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.writing import PredictionWriter


class Router:
    """Answers requests for every model of this worker."""

    def __init__(
        self,
        table: RouteTable,
        counters: Counters,
        log: PredictionWriter,
        backlog: Backlog,
        keys: RepeatedKeys,
        canary_timeout: float,
        on_canary_failure: Callable[[str], None],
    ) -> None:
        self.names: dict[str, ServedName] = {}
        self._table = table
        self._counters = counters
        self._log = AnswerLog(self.names, table, counters, log, backlog)
        self._keys = keys
        self._canary_timeout = canary_timeout
        self._on_canary_failure = on_canary_failure
        self._shadows = Shadows(self.names, table, counters, self._log, canary_timeout, on_canary_failure)

    def route(self, name: ServedName) -> Route:
        """What is in force for this model now."""
        return self._table.read(name.slot)

    @property
    def closed(self) -> bool:
        """Whether nobody is answered any more: see `Route.closed`."""
        return any(self.route(name).closed for name in self.names.values())

    def named(self, name: str) -> ServedName:
        """The model of this name. Raises RequestRefused (404) where it is not served here."""
        served = self.names.get(name)
        if served is None:
            known = ", ".join(sorted(self.names)) or "none yet"
            raise RequestRefused(f"The model {name!r} is not served here; the models are {known}.", "model", 404)
        return served

    def schemas(self, name: ServedName) -> ModelSchemas | None:
        """What callers must send: as the champion has it, or the canary where there is no champion yet."""
        route = self.route(name)
        holder = name.loaded.get(route.champion) or name.links.get(route.canary)
        return None if holder is None else holder.schemas

    def begin(self, name: ServedName, request: InferRequest, version: int | None = None) -> Said | Coroutine[Any, Any, Said]:
        """The answer, in the form of the protocol, once its rows are in the log; or, where somebody must be waited for, what waits for it.

        Nobody's answer is drawn twice: whoever is given a coroutine awaits it. A caller may insist on the champion's version only.
        Raises, as the coroutine does, RequestRefused for what the caller must correct and Unavailable where no version can answer.
        """
        started_ns = time.monotonic_ns()
        route = self._table.read(name.slot)
        inquiry = Inquiry(name, route, request, now_us(), started_ns)
        if version is None:
            arm = arm_of(route, request.routing_key)
        else:
            arm = _required(version, inquiry)
        if request.answerable is not None:
            arm = arm_for(request, name, route, arm)
        if arm == "canary":
            link = name.links.get(route.canary)
            if link is None or not link.full or route.champion not in name.loaded:
                # Taken before anybody waits: as many callers as come in one turn of the loop would find room otherwise.
                return self._after_canary(inquiry, None if link is None else link.with_room_taken())
            outcome = self._spilled(inquiry)
        else:
            outcome = self._from_holdout(inquiry) if arm == "holdout" else self._from_champion(inquiry)
        kept = self._log.keep(inquiry, outcome)
        return self._told(inquiry, outcome, kept) if isinstance(kept, list) else self._told_then(inquiry, outcome, kept)

    async def _after_canary(self, inquiry: Inquiry, link: CanaryLink | None) -> Said:
        outcome = await self._from_canary(inquiry, link)
        kept = self._log.keep(inquiry, outcome)
        return self._told(inquiry, outcome, kept if isinstance(kept, list) else await kept)

    async def _told_then(self, inquiry: Inquiry, outcome: Outcome, kept: Awaitable[list[str]]) -> Said:
        return self._told(inquiry, outcome, await kept)

    def _told(self, inquiry: Inquiry, outcome: Outcome, ids: list[str]) -> Said:
        """What a caller hears whose rows are in the log; where there is a shadow, it is offered a copy."""
        said = said_of(inquiry, outcome, ids)
        if inquiry.route.copies and outcome.answer is not None:
            self._shadows.offer(inquiry, ids)
        return said

    async def _from_canary(self, inquiry: Inquiry, link: CanaryLink | None) -> Outcome:
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        cell = self._counters.cell(name.slot, route.canary_cell)
        cell.dispatched(time.monotonic_ns())
        self._counters.entered(name.slot)
        try:
            if link is None:
                raise ArmFailed(f"Version {route.canary} is not connected.")
            answer = await link.answer(request.columns, request.rows, self._canary_timeout)
        except RequestRefused as refusal:
            try:
                outcome = self._instead(inquiry)
            except RequestRefused:
                cell.refused()
                raise refusal from None
            if outcome.arm == "referral":
                # Nobody else can tell whether the request or the version is at fault: the caller hears what was wrong.
                cell.refused()
                raise
            kind: FailureKind = "invalid"
        except ArmFailed as error:
            kind = error.kind
            try:
                outcome = self._instead(inquiry)
            except RequestRefused:
                cell.refused()
                raise
        else:
            if _count(inquiry, cell) and self._again(inquiry, route.canary_cell, "slow"):
                cell.slow_again()
            return Outcome("canary", link, answer)
        finally:
            self._counters.left(name.slot)
            if link is not None:
                link.give_room_back()
        cell.failed(fell_back=not outcome.failure, kind=kind, again=self._again(inquiry, route.canary_cell, "error"))
        self._on_canary_failure(name.name)
        return outcome

    def _spilled(self, inquiry: Inquiry) -> Outcome:
        """The champion answers a request for which the canary's one process has no room, so that nobody queues behind it."""
        cell = self._counters.cell(inquiry.name.slot, inquiry.route.canary_cell)
        try:
            outcome = self._instead(inquiry)
        except RequestRefused:
            cell.refused()
            raise
        cell.spilled(fell_back=not outcome.failure)
        return outcome

    def _instead(self, inquiry: Inquiry) -> Outcome:
        """Answers in the canary's place, without counting for the champion: the request was never assigned to it."""
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        champion = name.loaded.get(route.champion)
        if champion is None:
            return _from_nobody(route, fallback_from=route.canary)
        try:
            answer = champion.answer(request.columns, request.rows)
        except ArmFailed as error:
            return self._from_tiers(inquiry, champion) or Outcome("champion", champion, None, route.canary, error.what)
        return Outcome("champion", champion, answer, route.canary)

    def _from_holdout(self, inquiry: Inquiry) -> Outcome:
        """The former champion answers its own callers; where it can't, the champion does, without counting for it."""
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        holdout = name.loaded.get(route.holdout)
        if holdout is None:
            return self._from_champion(inquiry)
        cell = self._counters.cell(name.slot, route.holdout_cell)
        cell.dispatched(inquiry.started_ns)
        try:
            answer = holdout.answer(request.columns, request.rows)
        except RequestRefused:
            cell.refused()
            raise
        except ArmFailed as error:
            outcome = self._instead(inquiry)._replace(fallback_from=route.holdout)
            cell.failed(fell_back=not outcome.failure, kind=error.kind)
            return outcome
        _count(inquiry, cell)
        return Outcome("holdout", holdout, answer)

    def _from_champion(self, inquiry: Inquiry) -> Outcome:
        name, route, request, started_ns = inquiry.name, inquiry.route, inquiry.request, inquiry.started_ns
        champion = name.loaded.get(route.champion)
        if champion is None:
            return self._without_champion(inquiry)
        budget = name.budgets.get(route.champion)
        if budget is not None and not budget.takes(request.rows):
            return self._over_budget(inquiry, champion)
        cell = self._counters.cell(name.slot, route.champion_cell)
        cell.dispatched(started_ns)
        try:
            answer = champion.answer(request.columns, request.rows)
        except RequestRefused:
            cell.refused()
            raise
        except ArmFailed as error:
            outcome = self._from_tiers(inquiry, champion) or Outcome("champion", champion, None, failure=error.what)
            cell.failed(fell_back=not outcome.failure, kind=error.kind, again=self._again(inquiry, route.champion_cell, "error"))
            return outcome
        if _count(inquiry, cell) and self._again(inquiry, route.champion_cell, "slow"):
            cell.slow_again()
        cache = name.caches.get(route.champion)
        if cache is not None:
            cache.keep(request, answer)
        return Outcome("champion", champion, answer)

    def _again(self, inquiry: Inquiry, cell: int, kind: str) -> bool:
        """Whether this caller has had such a bad event in this arm before. Only bad events ask, and only while versions are compared."""
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        return route.canary != 0 and not route.copies and self._keys.again(name.slot, cell, kind, request.routing_key, route.salt)

    def _without_champion(self, inquiry: Inquiry) -> Outcome:
        outcome = _from_nobody(inquiry.route)
        nobody = self._counters.cell(inquiry.name.slot, REFERRAL_CELL)
        if outcome.failure:
            nobody.failed(fell_back=False)
        else:
            nobody.answered(inquiry.took_us(), False)
        return outcome

    def _over_budget(self, inquiry: Inquiry, champion: ServedModel) -> Outcome:
        """A champion that has answered its rows of this second: the tiers, or a person, or the caller comes again.

        The request fell to it all the same: without it the arms would not be split as the route says.
        """
        name, route = inquiry.name, inquiry.route
        cell, outcome = self._counters.cell(name.slot, route.champion_cell), self._from_tiers(inquiry, champion)
        cell.spilled(fell_back=outcome is not None)
        if outcome is not None:
            return outcome
        nobody = self._counters.cell(name.slot, REFERRAL_CELL)
        if route.refers:
            nobody.answered(0, False)
            return Outcome("referral", None, None, route.champion)
        nobody.failed(fell_back=False)
        raise RequestRefused(f"{name.name} has answered its rows of this second, and nothing can answer in its place.", status=429)

    def _from_tiers(self, inquiry: Inquiry, champion: ServedModel) -> Outcome | None:
        """What the tiers of the champion's plan say; None where none of them can answer."""
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        found = ask_tiers(
            champion.allowance.tiers,
            request,
            champion=champion,
            earlier=name.loaded.get(route.backup),
            champion_of=self._champion_of,
            cache=name.caches.get(route.champion),
        )
        if found is None:
            return None
        return Outcome("backup", found.by, found.answer, route.champion, other_model=found.other_model, cached=found.cached)

    def _champion_of(self, model: str) -> ServedModel | None:
        other = self.names.get(model)
        return None if other is None else other.loaded.get(self._table.read(other.slot).champion)


def _required(version: int, inquiry: Inquiry) -> Arm:
    """The arm of a caller who insists on a version."""
    name = inquiry.name.name
    if version != inquiry.route.champion:
        raise RequestRefused(
            f"Version {version} of {name} is not its champion; ask the model, and it answers by its share.", "version", 404
        )
    return "champion"


def _count(inquiry: Inquiry, cell: Cell) -> bool:
    """Counts an answer for its arm; whether it was slow."""
    latency_us = (time.monotonic_ns() - inquiry.started_ns) // 1_000
    is_slow = 0 < inquiry.route.slow_us < latency_us
    cell.answered(latency_us, is_slow)
    return is_slow


def _from_nobody(route: Route, fallback_from: int | None = None) -> Outcome:
    if route.refers:
        return Outcome("referral", None, None, fallback_from)
    why = OUT_OF_REACH if route.closed else "No version may answer this share of the traffic now."
    return Outcome("referral", None, None, fallback_from, why)

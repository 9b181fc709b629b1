"""The path of one prediction: choose an arm, answer, fall back if need be, count, log. A worker has one router.

Rules: a request goes to one arm, drawn by its routing key or at random: first whether it belongs to the hold-out, then whether to
the canary. Where the canary or the hold-out fails, the champion answers the same request, and where the champion fails, the tiers
of its plan, so that the caller never sees it. A request that the champion refuses as well was the caller's fault and counts
against nobody: otherwise anyone could send nonsense and have a canary taken out. A shadow is asked after its caller has gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.records.identity import now_us
from lifecycle.records.manifest import ModelSchemas
from lifecycle.records.rollout import LogGrade
from lifecycle.serving.answering.counters import REFERRAL_CELL, Counters
from lifecycle.serving.answering.drawing import arm_for, arm_of, draw
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.outcome import Outcome, rows_of
from lifecycle.serving.answering.protocol import InferRequest, format_answer, format_referral
from lifecycle.serving.answering.repeated_keys import RepeatedKeys
from lifecycle.serving.answering.routes import Route, RouteTable
from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.answering.shadowing import Copy, ShadowQueue
from lifecycle.serving.answering.tiers import ask_tiers
from lifecycle.serving.failures import ArmFailed, FailureKind, RequestRefused
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.writing import PredictionWriter

#: An answer in the form of the protocol.
Said = dict[str, Any]

#: What callers hear of a gateway that must not answer any more.
OUT_OF_REACH = "This gateway has been out of reach of its ledger for too long, and answers nobody until the ledger answers."


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
        self._log = log
        self._backlog = backlog
        self._keys = keys
        self._canary_timeout = canary_timeout
        self._on_canary_failure = on_canary_failure
        self._shadows = ShadowQueue(self._ask_shadow, self._drop_copy)

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
        """The answer, in the form of the protocol, once its rows are in the log; or, where another process answers, what waits for it.

        Nobody's answer is drawn twice: whoever is given a coroutine awaits it. A caller may insist on the champion's version only.
        Raises, as the coroutine does, RequestRefused for what the caller must correct and Unavailable where no version can answer.
        """
        started_ns = time.monotonic_ns()
        at_us = now_us()
        route = self._table.read(name.slot)
        if version is not None and version != route.champion:
            raise RequestRefused(
                f"Version {version} of {name.name} is not its champion; ask the model, and it answers by its share.", "version", 404
            )
        arm = "champion" if version is not None else arm_of(route, request.routing_key)
        if request.answerable is not None:
            arm = arm_for(request, name, route, arm)
        if arm == "canary":
            return self._after_canary(name, route, request, at_us, started_ns)
        answer = self._from_holdout if arm == "holdout" else self._from_champion
        outcome = answer(name, route, request, started_ns)
        if _log_grade(name, route, outcome) == "audit":
            return self._said_durably(name, route, request, outcome, at_us, started_ns)
        return self._said(name, route, request, outcome, at_us, started_ns)

    async def _after_canary(self, name: ServedName, route: Route, request: InferRequest, at_us: int, started_ns: int) -> Said:
        outcome = await self._from_canary(name, route, request, started_ns)
        if _log_grade(name, route, outcome) == "audit":
            return await self._said_durably(name, route, request, outcome, at_us, started_ns)
        return self._said(name, route, request, outcome, at_us, started_ns)

    def _said(self, name: ServedName, route: Route, request: InferRequest, outcome: Outcome, at_us: int, started_ns: int) -> Said:
        """Logs what became of a request, and says it."""
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        return self._told(name, route, request, outcome, self._record(name, route, request, outcome, at_us, latency_us))

    async def _said_durably(
        self, name: ServedName, route: Route, request: InferRequest, outcome: Outcome, at_us: int, started_ns: int
    ) -> Said:
        """The same, once the rows are on the disk. Raises Unavailable where they may not be."""
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        log, ids, rows, asked = self._rows(name, route, request, outcome, at_us, latency_us)
        self._counters.entered(name.slot)
        try:
            await self._log.append_durably(log.name, rows, asked)
        finally:
            self._counters.left(name.slot)
        self._counters.logged(log.slot, len(ids))
        return self._told(name, route, request, outcome, ids)

    def _told(self, name: ServedName, route: Route, request: InferRequest, outcome: Outcome, ids: list[str]) -> Said:
        """What a caller hears whose rows are in the log; where there is a shadow, it is offered a copy."""
        if outcome.failure:
            raise Unavailable(outcome.failure, "Send the request again; `lifecycle gateway status` shows what serves.")
        if route.copies and route.canary and outcome.answer is not None and draw(request.routing_key, route.salt) < route.weight:
            self._shadows.offer(Copy(name.name, route.canary, request, tuple(ids)))
        parameters: dict[str, Any] = {"arm": outcome.arm, "prediction_id": ids[0], "epoch": route.epoch}
        if len(ids) > 1:
            parameters["prediction_ids"] = ids
        if outcome.other_model:
            parameters["asked_model"] = name.name
        if outcome.answer is None or outcome.by is None:
            return format_referral(request, name.name, parameters)
        return format_answer(request, outcome.other_model or name.name, outcome.by.version, outcome.answer, parameters)

    async def _from_canary(self, name: ServedName, route: Route, request: InferRequest, started_ns: int) -> Outcome:
        cell = self._counters.cell(name.slot, route.canary_cell)
        link = name.links.get(route.canary)
        if link is not None and link.full and route.champion in name.loaded:
            return self._spilled(name, route, request)
        cell.dispatched(time.monotonic_ns())
        self._counters.entered(name.slot)
        try:
            if link is None:
                raise ArmFailed(f"Version {route.canary} is not connected.")
            answer = await link.answer(request.columns, request.rows, self._canary_timeout)
        except RequestRefused as refusal:
            try:
                outcome = self._instead(name, route, request)
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
                outcome = self._instead(name, route, request)
            except RequestRefused:
                cell.refused()
                raise
        else:
            latency_us = (time.monotonic_ns() - started_ns) // 1_000
            cell.answered(latency_us, 0 < route.slow_us < latency_us)
            if 0 < route.slow_us < latency_us and self._again(name, route, route.canary_cell, "slow", request):
                cell.slow_again()
            return Outcome("canary", link, answer)
        finally:
            self._counters.left(name.slot)
        cell.failed(fell_back=not outcome.failure, kind=kind, again=self._again(name, route, route.canary_cell, "error", request))
        self._on_canary_failure(name.name)
        return outcome

    def _spilled(self, name: ServedName, route: Route, request: InferRequest) -> Outcome:
        """The champion answers a request for which the canary's one process has no room, so that nobody queues behind it."""
        cell = self._counters.cell(name.slot, route.canary_cell)
        try:
            outcome = self._instead(name, route, request)
        except RequestRefused:
            cell.refused()
            raise
        cell.spilled(fell_back=not outcome.failure)
        return outcome

    def _instead(self, name: ServedName, route: Route, request: InferRequest) -> Outcome:
        """Answers in the canary's place, without counting for the champion: the request was never assigned to it."""
        champion = name.loaded.get(route.champion)
        if champion is None:
            return self._from_nobody(route, fallback_from=route.canary)
        try:
            answer = champion.answer(request.columns, request.rows)
        except ArmFailed as error:
            return self._from_tiers(name, route, champion, request) or Outcome("champion", champion, None, route.canary, error.what)
        return Outcome("champion", champion, answer, route.canary)

    def _from_holdout(self, name: ServedName, route: Route, request: InferRequest, started_ns: int) -> Outcome:
        """The former champion answers its own callers; where it can't, the champion does, without counting for it."""
        holdout, cell = name.loaded.get(route.holdout), self._counters.cell(name.slot, route.holdout_cell)
        if holdout is None:
            return self._from_champion(name, route, request, started_ns)
        cell.dispatched(started_ns)
        try:
            answer = holdout.answer(request.columns, request.rows)
        except RequestRefused:
            cell.refused()
            raise
        except ArmFailed as error:
            outcome = replace(self._instead(name, route, request), fallback_from=route.holdout)
            cell.failed(fell_back=not outcome.failure, kind=error.kind)
            return outcome
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        cell.answered(latency_us, 0 < route.slow_us < latency_us)
        return Outcome("holdout", holdout, answer)

    def _from_champion(self, name: ServedName, route: Route, request: InferRequest, started_ns: int) -> Outcome:
        champion = name.loaded.get(route.champion)
        if champion is None:
            outcome = self._from_nobody(route)
            cell = self._counters.cell(name.slot, REFERRAL_CELL)
            if outcome.failure:
                cell.failed(fell_back=False)
            else:
                cell.answered((time.monotonic_ns() - started_ns) // 1_000, False)
            return outcome
        budget = name.budgets.get(route.champion)
        if budget is not None and not budget.takes(request.rows):
            return self._over_budget(name, route, champion, request)
        cell = self._counters.cell(name.slot, route.champion_cell)
        cell.dispatched(started_ns)
        try:
            answer = champion.answer(request.columns, request.rows)
        except RequestRefused:
            cell.refused()
            raise
        except ArmFailed as error:
            outcome = self._from_tiers(name, route, champion, request) or Outcome("champion", champion, None, failure=error.what)
            again = self._again(name, route, route.champion_cell, "error", request)
            cell.failed(fell_back=not outcome.failure, kind=error.kind, again=again)
            return outcome
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        cell.answered(latency_us, 0 < route.slow_us < latency_us)
        if 0 < route.slow_us < latency_us and self._again(name, route, route.champion_cell, "slow", request):
            cell.slow_again()
        cache = name.caches.get(route.champion)
        if cache is not None:
            cache.keep(request, answer)
        return Outcome("champion", champion, answer)

    def _again(self, name: ServedName, route: Route, cell: int, kind: str, request: InferRequest) -> bool:
        """Whether this caller has had such a bad event in this arm before. Only bad events ask, and only while versions are compared."""
        return route.canary != 0 and not route.copies and self._keys.again(name.slot, cell, kind, request.routing_key, route.salt)

    def _over_budget(self, name: ServedName, route: Route, champion: ServedModel, request: InferRequest) -> Outcome:
        """A champion that has answered its rows of this second: the tiers, or a person, or the caller comes again."""
        outcome = self._from_tiers(name, route, champion, request)
        if outcome is not None:
            return outcome
        nobody = self._counters.cell(name.slot, REFERRAL_CELL)
        if route.refers:
            nobody.answered(0, False)
            return Outcome("referral", None, None, route.champion)
        nobody.failed(fell_back=False)
        raise RequestRefused(f"{name.name} has answered its rows of this second, and nothing can answer in its place.", status=429)

    def _from_tiers(self, name: ServedName, route: Route, champion: ServedModel, request: InferRequest) -> Outcome | None:
        """What the tiers of the champion's plan say; None where none of them can answer."""
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

    async def _ask_shadow(self, copy: Copy) -> None:
        """Has a shadow answer a copy, counts it and logs it. One that is no shadow any more is asked nothing."""
        name = self.names[copy.model]
        route, link = self._table.read(name.slot), name.links.get(copy.version)
        if not route.copies or route.canary != copy.version or link is None:
            self._drop_copy(copy)
            return
        cell, started_ns, at_us = self._counters.cell(name.slot, route.canary_cell), time.monotonic_ns(), now_us()
        cell.dispatched(started_ns)
        kind: FailureKind = "invalid"
        try:
            answer = await link.answer(copy.request.columns, copy.request.rows, self._canary_timeout)
            outcome = Outcome("shadow", link, answer)
        except (ArmFailed, RequestRefused) as error:
            # What its champion answered is a request that it should have taken.
            outcome = Outcome("shadow", link, None, failure=error.what)
            if isinstance(error, ArmFailed):
                kind = error.kind
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        if outcome.failure:
            cell.failed(fell_back=False, kind=kind)
            self._on_canary_failure(name.name)
        else:
            cell.answered(latency_us, 0 < route.slow_us < latency_us)
        try:
            self._record(name, route, copy.request, outcome, at_us, latency_us, shadow_of=copy.prediction_ids)
        except Unavailable:
            # Nobody was answered, so nothing is unlogged that somebody was told.
            self._drop_copy(copy)

    def _drop_copy(self, copy: Copy) -> None:
        self._counters.dropped(self.names[copy.model].slot)

    def _from_nobody(self, route: Route, fallback_from: int | None = None) -> Outcome:
        if route.refers:
            return Outcome("referral", None, None, fallback_from)
        why = OUT_OF_REACH if route.closed else "No version may answer this share of the traffic yet."
        return Outcome("referral", None, None, fallback_from, why)

    def _record(
        self,
        name: ServedName,
        route: Route,
        request: InferRequest,
        outcome: Outcome,
        at_us: int,
        latency_us: int,
        shadow_of: Sequence[str] = (),
    ) -> list[str]:
        """Puts one row per application into the log of the model that answered, now or soon (`Backlog`); returns their ids."""
        log, ids, rows, asked = self._rows(name, route, request, outcome, at_us, latency_us, shadow_of)
        if _log_grade(name, route, outcome) == "best_effort":
            self._backlog.offer(log.name, log.slot, rows, asked)
        else:
            self._log.append(log.name, rows, asked)
            self._counters.logged(log.slot, len(ids))
        return ids

    def _rows(
        self,
        name: ServedName,
        route: Route,
        request: InferRequest,
        outcome: Outcome,
        at_us: int,
        latency_us: int,
        shadow_of: Sequence[str] = (),
    ) -> tuple[ServedName, list[str], list[dict[str, Any]], list[dict[str, Any]]]:
        """The model in whose log a request is told, the ids and the rows of its applications, and what was asked of each."""
        log = self.names[outcome.other_model] if outcome.other_model else name
        epoch = self._table.read(log.slot).epoch if outcome.other_model else route.epoch
        asked_model = name.name if outcome.other_model else ""
        ids, rows, asked = rows_of(outcome, request, log.name, epoch, at_us, latency_us, asked_model=asked_model, shadow_of=shadow_of)
        return log, ids, rows, asked


def _log_grade(name: ServedName, route: Route, outcome: Outcome) -> LogGrade | None:
    """How surely a row is kept: as whoever answered was declared, else as the model's champion is, or its canary."""
    by = outcome.by or name.loaded.get(route.champion) or name.links.get(route.canary)
    return None if by is None else by.allowance.log_grade

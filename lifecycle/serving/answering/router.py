"""The path of one prediction: choose an arm, answer, fall back if need be, count, log. A worker has one router.

Rules: a request goes to one arm, drawn by its routing key or at random. Where the canary fails, the champion answers
the same request, so that its caller never sees it. A request that the champion refuses as well was the caller's fault
and counts against nobody: otherwise anyone could send nonsense and have a canary taken out.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from lifecycle.errors import Unavailable
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.manifest import ModelSchemas
from lifecycle.records.prediction import Prediction
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.counters import REFERRAL_CELL, Counters
from lifecycle.serving.answering.protocol import REFERRED, InferRequest, format_answer, format_referral
from lifecycle.serving.answering.routes import Route, RouteTable
from lifecycle.serving.answering.served import Answer, ServedModel
from lifecycle.serving.failures import ArmFailed, RequestRefused
from lifecycle.serving.prediction_log.writing import PredictionWriter

Arm = Literal["champion", "canary", "referral"]
#: Rows are written as plain dictionaries, which costs a tenth of the record; whoever reads checks them against it.
PREDICTION_VERSION: str = Prediction.model_fields["schema_version"].default


@dataclass
class ServedName:
    """One model as this worker holds it: its place in the shared memory, and the versions that are loaded."""

    name: str
    slot: int
    loaded: dict[int, ServedModel] = field(default_factory=dict)
    links: dict[int, CanaryLink] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Who answered what. No answer: a person decides (`referral`), or nobody could (`champion`, `canary`)."""

    arm: Arm
    by: ServedModel | CanaryLink | None
    answer: Answer | None
    fallback_from: int | None = None
    failure: str = ""


class Router:
    """Answers requests for every model of this worker."""

    def __init__(
        self, table: RouteTable, counters: Counters, log: PredictionWriter, canary_timeout: float, on_canary_failure: Callable[[str], None]
    ) -> None:
        self.names: dict[str, ServedName] = {}
        self._table = table
        self._counters = counters
        self._log = log
        self._canary_timeout = canary_timeout
        self._on_canary_failure = on_canary_failure

    def route(self, name: ServedName) -> Route:
        """What is in force for this model now."""
        return self._table.read(name.slot)

    def schemas(self, name: ServedName) -> ModelSchemas | None:
        """What callers must send: as the champion has it, or the canary where there is no champion yet."""
        route = self.route(name)
        holder = name.loaded.get(route.champion) or name.links.get(route.canary)
        return None if holder is None else holder.schemas

    async def answer(self, name: ServedName, request: InferRequest, version: int | None = None) -> bytes:
        """The body of the answer, once its rows are in the log. A caller may insist on the champion's version, on no other.

        Raises RequestRefused for what the caller must correct, Unavailable where no version can answer.
        """
        started_ns = time.monotonic_ns()
        at_us = now_us()
        route = self._table.read(name.slot)
        if version is not None and version != route.champion:
            raise RequestRefused(
                f"Version {version} of {name.name} is not its champion; ask the model, and it answers by its share.", "version", 404
            )
        if version is None and route.canary and _draw(request.routing_key, route.salt) < route.weight:
            outcome = await self._from_canary(name, route, request, started_ns)
        else:
            outcome = self._from_champion(name, route, request, started_ns)
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        ids = self._record(name, route, request, outcome, at_us, latency_us)
        if outcome.failure:
            raise Unavailable(outcome.failure, "Send the request again; `lifecycle gateway status` shows what serves.")
        parameters: dict[str, Any] = {"arm": outcome.arm, "prediction_id": ids[0], "epoch": route.epoch}
        if len(ids) > 1:
            parameters["prediction_ids"] = ids
        if outcome.answer is None or outcome.by is None:
            return format_referral(request, name.name, parameters)
        return format_answer(request, name.name, outcome.by.version, outcome.answer, parameters)

    async def _from_canary(self, name: ServedName, route: Route, request: InferRequest, started_ns: int) -> _Outcome:
        cell = self._counters.cell(name.slot, route.canary_cell)
        cell.dispatched(time.monotonic_ns())
        link = name.links.get(route.canary)
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
        except ArmFailed:
            try:
                outcome = self._instead(name, route, request)
            except RequestRefused:
                cell.refused()
                raise
        else:
            latency_us = (time.monotonic_ns() - started_ns) // 1_000
            cell.answered(latency_us, 0 < route.slow_us < latency_us)
            return _Outcome("canary", link, answer)
        cell.failed(fell_back=not outcome.failure)
        self._on_canary_failure(name.name)
        return outcome

    def _instead(self, name: ServedName, route: Route, request: InferRequest) -> _Outcome:
        """Answers in the canary's place, without counting for the champion: the request was never assigned to it."""
        champion = name.loaded.get(route.champion)
        if champion is None:
            return self._from_nobody(route, fallback_from=route.canary)
        try:
            answer = champion.answer(request.columns, request.rows)
        except ArmFailed as error:
            return _Outcome("champion", champion, None, route.canary, error.what)
        return _Outcome("champion", champion, answer, route.canary)

    def _from_champion(self, name: ServedName, route: Route, request: InferRequest, started_ns: int) -> _Outcome:
        champion = name.loaded.get(route.champion)
        if champion is None:
            outcome = self._from_nobody(route)
            cell = self._counters.cell(name.slot, REFERRAL_CELL)
            if outcome.failure:
                cell.failed(fell_back=False)
            else:
                cell.answered((time.monotonic_ns() - started_ns) // 1_000, False)
            return outcome
        cell = self._counters.cell(name.slot, route.champion_cell)
        cell.dispatched(started_ns)
        try:
            answer = champion.answer(request.columns, request.rows)
        except RequestRefused:
            cell.refused()
            raise
        except ArmFailed as error:
            cell.failed(fell_back=False)
            return _Outcome("champion", champion, None, failure=error.what)
        latency_us = (time.monotonic_ns() - started_ns) // 1_000
        cell.answered(latency_us, 0 < route.slow_us < latency_us)
        return _Outcome("champion", champion, answer)

    def _from_nobody(self, route: Route, fallback_from: int | None = None) -> _Outcome:
        if route.refers:
            return _Outcome("referral", None, None, fallback_from)
        return _Outcome("referral", None, None, fallback_from, "No version may answer this share of the traffic yet.")

    def _record(self, name: ServedName, route: Route, request: InferRequest, outcome: _Outcome, at_us: int, latency_us: int) -> list[str]:
        """Puts one row per application into the log; returns their ids."""
        said = "failed" if outcome.failure else "referred" if outcome.answer is None else "answered"
        ids = [new_id(at_us) for _ in range(request.rows)]
        by = outcome.by
        about = {"subject": request.subject} if request.subject else {}
        rows, asked = [], []
        for position, prediction_id in enumerate(ids):
            output: dict[str, Any] | None = None
            if outcome.answer is not None:
                output = {"probability": outcome.answer.probabilities[position], "decision": outcome.answer.decisions[position]}
            elif said == "referred":
                output = {"probability": None, "decision": REFERRED}
            rows.append(
                {
                    "schema_version": PREDICTION_VERSION,
                    "id": prediction_id,
                    "at_us": at_us,
                    "model": name.name,
                    "version": None if by is None else by.version,
                    "model_digest": None if by is None else by.digest,
                    "decision_id": None if by is None else by.allowance.decision_id,
                    "bundle_digest": None if by is None else by.allowance.bundle_digest,
                    "arm": outcome.arm,
                    "epoch": route.epoch,
                    "latency_us": latency_us,
                    "outcome": said,
                    "output": output,
                    "fallback_from": outcome.fallback_from,
                }
            )
            asked.append({"request_id": request.id, "values": {column: of[position] for column, of in request.columns.items()}, **about})
        self._log.append(name.name, rows, asked)
        self._counters.logged(name.slot, len(ids))
        return ids


def _draw(routing_key: str, salt: bytes) -> int:
    """A draw of 32 bits: the same for a key throughout one rollout, and unrelated from one rollout to the next."""
    if not routing_key:
        return secrets.randbits(32)
    return int.from_bytes(blake2b(routing_key.encode("utf-8", "surrogatepass"), digest_size=4, key=salt).digest(), "big")

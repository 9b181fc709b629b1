"""Copies of answered requests, for a shadow: asked off the path of any caller, and dropped rather than waited for.

What a shadow says is logged under the prediction that it is a copy of, and reaches nobody. A shadow that is too slow for its
copies loses some, each of which is counted; it can hold up neither a caller nor the worker's memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from lifecycle.errors import Unavailable
from lifecycle.records.identity import now_us
from lifecycle.serving.answering.answer_log import AnswerLog
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.drawing import draw
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.outcome import Inquiry, Outcome
from lifecycle.serving.answering.protocol import InferRequest
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.failures import ArmFailed, FailureKind, RequestRefused

#: So many rows wait for a shadow at most, in one worker, over all models.
MOST_ROWS_WAITING = 4_096
#: So many requests at most wait, however few their rows.
MOST_WAITING = 512
#: So many are asked at once.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Copy:
    """A request that was answered, and the predictions that it was answered with."""

    model: str
    version: int
    request: InferRequest
    prediction_ids: tuple[str, ...]


class ShadowQueue:
    """One worker's. `ask` answers one copy and raises nothing; `drop` is told of each that is not asked."""

    def __init__(self, ask: Callable[[Copy], Awaitable[None]], drop: Callable[[Copy], None]) -> None:
        self._ask = ask
        self._drop = drop
        self._waiting: deque[Copy] = deque()
        self._rows = 0
        self._asking: set[asyncio.Task[None]] = set()

    def offer(self, copy: Copy) -> None:
        """Takes a copy, or drops it: it never waits."""
        if self._rows + copy.request.rows > MOST_ROWS_WAITING or len(self._waiting) >= MOST_WAITING:
            self._drop(copy)
            return
        self._waiting.append(copy)
        self._rows += copy.request.rows
        if len(self._asking) < AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._ask_waiting())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask_waiting(self) -> None:
        while self._waiting:
            copy = self._waiting.popleft()
            self._rows -= copy.request.rows
            await self._ask(copy)


class Shadows:
    """One worker's: asks the shadows of all of its models, counts and logs what they say."""

    def __init__(
        self,
        names: Mapping[str, ServedName],
        table: RouteTable,
        counters: Counters,
        log: AnswerLog,
        timeout: float,
        on_failure: Callable[[str], None],
    ) -> None:
        """A shadow has `timeout` seconds for each copy; `on_failure` gets the model whose shadow failed at one."""
        self._names = names
        self._table = table
        self._counters = counters
        self._log = log
        self._timeout = timeout
        self._on_failure = on_failure
        self._queue = ShadowQueue(self._ask, self._drop)

    def offer(self, inquiry: Inquiry, prediction_ids: list[str]) -> None:
        """Takes a copy of an answered request, if there is a shadow that this one is to be copied to."""
        name, route, request = inquiry.name, inquiry.route, inquiry.request
        if route.copies and route.canary and draw(request.routing_key, route.salt) < route.weight:
            self._queue.offer(Copy(name.name, route.canary, request, tuple(prediction_ids)))

    async def _ask(self, copy: Copy) -> None:
        """Has a shadow answer a copy. One that is no shadow any more is asked nothing."""
        name = self._names[copy.model]
        inquiry = Inquiry(name, self._table.read(name.slot), copy.request, now_us(), time.monotonic_ns())
        route, link = inquiry.route, name.links.get(copy.version)
        if not route.copies or route.canary != copy.version or link is None:
            self._drop(copy)
            return
        cell = self._counters.cell(name.slot, route.canary_cell)
        cell.dispatched(inquiry.started_ns)
        kind: FailureKind = "invalid"
        try:
            answer = await link.answer(copy.request.columns, copy.request.rows, self._timeout)
            outcome = Outcome("shadow", link, answer)
        except (ArmFailed, RequestRefused) as error:
            # What its champion answered is a request that it should have taken.
            outcome = Outcome("shadow", link, None, failure=error.what)
            if isinstance(error, ArmFailed):
                kind = error.kind
        latency_us = inquiry.took_us()
        if outcome.failure:
            cell.failed(fell_back=False, kind=kind)
            self._on_failure(name.name)
        else:
            cell.answered(latency_us, 0 < route.slow_us < latency_us)
        try:
            self._log.keep_copy(inquiry, outcome, latency_us, copy.prediction_ids)
        except Unavailable:
            # Nobody was answered, so nothing is unlogged that somebody was told.
            self._drop(copy)

    def _drop(self, copy: Copy) -> None:
        self._counters.dropped(self._names[copy.model].slot)

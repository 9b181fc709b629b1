"""Copies of answered requests, for a shadow: asked off the path of any caller, and dropped rather than waited for.

What a shadow says is logged under the prediction that it is a copy of, and reaches nobody. A shadow that is too slow for its
copies loses some, each of which is counted; it can hold up neither a caller nor the worker's memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lifecycle.serving.answering.protocol import InferRequest

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

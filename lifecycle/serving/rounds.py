"""Something that a supervisor does again and again for as long as it runs, and once more when it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Rounds:
    """Rounds of one kind, one after the other, in a task of its own. A round raises nothing."""

    def __init__(self, one: Callable[[], Awaitable[None]], every_seconds: float) -> None:
        self._one = one
        self._every_seconds = every_seconds
        self._ending = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins now; from then on so long after each round."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def end(self) -> None:
        """Lets the round that is under way come to its end, and then does a last one; also where none was started."""
        self._ending.set()
        if self._running is not None:
            await self._running
        await self._one()

    async def _run(self) -> None:
        while not self._ending.is_set():
            await self._one()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._every_seconds)

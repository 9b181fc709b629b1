"""Rows that are on the disk before their answers leave: whoever waits at the same time shares one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class GroupCommit:
    """One segment's. Used in one loop; the disk is waited for in a thread, while the loop answers others."""

    def __init__(self, sync: Callable[[], None]) -> None:
        """`sync` makes everything durable that was written before it was called."""
        self._sync = sync
        #: The round that gathers who waits, and that has not begun to sync.
        self._gathering: asyncio.Task[None] | None = None
        self._latest: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Returns once all that was written before this call is durable. Raises what `sync` raises.

        A sync that has begun already may miss it: who comes later waits for the next one, with all who come until that begins.
        """
        if self._gathering is None:
            self._gathering = self._latest = asyncio.get_running_loop().create_task(self._round(self._latest))
        # A caller that has gone must not take the round away from the others.
        await asyncio.shield(self._gathering)

    def when_idle(self, then: Callable[[], None]) -> None:
        """Calls this once nobody waits and nothing is being synced: at once, where that is so."""
        if self._latest is None or self._latest.done():
            then()
        else:
            self._latest.add_done_callback(lambda _: then())

    async def _round(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._gathering = None
        await asyncio.to_thread(self._sync)

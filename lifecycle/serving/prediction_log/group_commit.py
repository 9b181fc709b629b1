"""Rows that are on the disk before their answers leave: whoever waits at the same time shares one round of fsyncs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class GroupCommit:
    """One segment's. Used in one loop; the disk is waited for in threads, while the loop answers others.

    What must be durable lies in several files, and is asked of the disk for all of them at once: a file system whose fsyncs wait for a
    journal, as ext4's do, then writes that once for both and not once for each. Nothing is taken on trust for it: a round is over when
    every one of its fsyncs has returned. No order between them is given up, because none was there: whoever writes back in the
    background may put either file on the disk first. What was not durable when the power failed was told to nobody.
    """

    def __init__(self, *syncs: Callable[[], None]) -> None:
        """Each of `syncs` makes a part of what was written before it was called durable, and all of them everything."""
        self._syncs = syncs
        #: The round that gathers who waits, and that has not begun to sync.
        self._gathering: asyncio.Task[None] | None = None
        self._latest: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Returns once all that was written before this call is durable. Raises what one of the `syncs` raises.

        A round that has begun already may miss it: who comes later waits for the next one, with all who come until that begins.
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
        # All of them to their end, also where one fails: no file may be let go of that is still being synced.
        said = await asyncio.gather(*(asyncio.to_thread(sync) for sync in self._syncs), return_exceptions=True)
        for failure in said:
            if failure is not None:
                raise failure

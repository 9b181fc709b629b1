"""Enters the journal's events in the ledger, in order, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.serving.journal import Journal
from lifecycle.serving.ports import EventSink

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Delivery:
    """One task that sends what waits. A ledger that does not answer delays it and stops nothing else."""

    def __init__(self, journal: Journal, sink: EventSink) -> None:
        self._journal = journal
        self._sink = sink
        self._wake = asyncio.Event()
        self._all_sent = asyncio.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._all_sent.clear()
        self._wake.set()

    async def flushed(self, timeout: float) -> bool:
        """Whether everything was entered within this time."""
        try:
            await asyncio.wait_for(self._all_sent.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Sends for ever."""
        pause = _FIRST_PAUSE
        while True:
            pending = self._journal.next_pending()
            if pending is None:
                self._all_sent.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await asyncio.to_thread(self._sink.append, pending.event)
            except Unavailable as error:
                _LOG.warning("the ledger does not answer, %d events wait: %s", self._journal.pending, error.what)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            except LifecycleError as error:
                # The ledger will never take this one. Holding everything after it back would hide more than it shows.
                _LOG.error("the ledger refuses %s (event %s): %s", pending.event.type, pending.event.id, error.what)
            pause = _FIRST_PAUSE
            self._journal.delivered(pending)

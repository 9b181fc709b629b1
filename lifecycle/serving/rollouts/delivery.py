"""Enters the journal's events in the ledger, in order, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.events import Event
from lifecycle.serving.ports import EventSink
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.refusals import RefusedEvents
from lifecycle.serving.rollouts.rollout_events import require_own

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
#: How long whoever ends waits for the ledger to take what it has not taken yet. The rest waits in the journal.
_FLUSH_SECONDS = 3.0


class Delivery:
    """One task that sends what waits. A ledger that does not answer delays it and stops nothing else.

    An event that the ledger will never take is set aside in a file of its own, so that it neither holds back what comes
    after it nor is lost; `on_refused` hears of it, with the reason.
    """

    def __init__(
        self, journal: Journal, sink: EventSink, aside: Path, on_refused: Callable[[Event, str], None] = lambda event, why: None
    ) -> None:
        self.refused = RefusedEvents(aside)
        self._on_refused = on_refused
        self._journal = journal
        self._sink = sink
        self._wake = asyncio.Event()
        self._all_sent = asyncio.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._all_sent.clear()
        self._wake.set()

    def faults(self, whose: str) -> list[str]:
        """What the disk or the ledger has not taken, in words for the status of the gateway or controller whose events they are."""
        found = []
        if self._journal.fault:
            found.append(f"What is in force is not durable, so that a restart would not know of it. {self._journal.fault}")
        if self.refused.count:
            found.append(f"The ledger refused {self.refused.count} events of this {whose}; they lie in {self.refused.path}.")
        return found

    async def flushed(self, timeout: float = _FLUSH_SECONDS) -> bool:
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
                require_own(pending.event)
                await asyncio.to_thread(self._sink.append, pending.event)
            except LifecycleError as error:
                if isinstance(error, Unavailable):
                    _LOG.warning("the ledger does not answer, %d events wait: %s", self._journal.pending, error.what)
                    pause = await _rest(pause)
                    continue
                if not self._set_aside(pending.event, error.what):
                    pause = await _rest(pause)
                    continue
            except Exception:  # noqa: BLE001  # a sink that breaks its promise must not end deliveries for good
                _LOG.exception("the ledger broke over %s (event %s)", pending.event.type, pending.event.id)
                pause = await _rest(pause)
                continue
            pause = _FIRST_PAUSE
            self._journal.delivered(pending)

    def _set_aside(self, event: Event, why: str) -> bool:
        _LOG.error("the ledger refuses %s (event %s): %s", event.type, event.id, why)
        try:
            self.refused.add(event)
        except Unavailable as error:
            _LOG.warning("%s", error.what)
            return False
        self._on_refused(event, why)
        return True


async def _rest(pause: float) -> float:
    """Waits, and says how long to wait the next time."""
    await asyncio.sleep(pause)
    return min(2 * pause, _LONGEST_PAUSE)

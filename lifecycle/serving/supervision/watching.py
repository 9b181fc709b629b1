"""The gateway's eye on the ledger: what was taken back, and whether the ledger answers at all.

What the ledger takes back is kept before it is acted on, and acted on within seconds. Proofs in the cache don't say what was taken
back since, so a gateway that can't reach the ledger goes on for the time that it was given and then answers nobody. It looks on, and
answers again as soon as the ledger does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from lifecycle.errors import LifecycleError
from lifecycle.records.identity import now_us
from lifecycle.serving.allowed.withdrawals import Withdrawal, Withdrawals
from lifecycle.serving.ports import WithdrawalSource

_LOG = logging.getLogger(__name__)
#: How long the ledger may take over an answer before it counts as out of reach.
_ANSWER_SECONDS = 2.0
#: How often it is written down that the ledger answers, where it says nothing new.
_KEEP_SECONDS = 10.0
_Answer = tuple[int, tuple[Withdrawal, ...]]


class LedgerWatch:
    """One task that looks, for ever. `take_back` is called with each model that something was taken back of, `close` with why nobody
    may be answered any more, "" once they may again.
    """

    def __init__(
        self,
        source: WithdrawalSource,
        withdrawals: Withdrawals,
        take_back: Callable[[str], Awaitable[None]],
        close: Callable[[str], None],
        *,
        look_seconds: float,
        offline_seconds: float,
    ) -> None:
        self._source = source
        self._withdrawals = withdrawals
        self._take_back = take_back
        self._close = close
        self._look_seconds = look_seconds
        self._offline_seconds = offline_seconds
        self._asked: asyncio.Future[_Answer] | None = None
        self._owed: dict[str, None] = {}
        away = 0.0 if withdrawals.reached_us == 0 else max(0.0, (now_us() - withdrawals.reached_us) / 1e6)
        self._reached = time.monotonic() - away
        self._kept = self._reached
        #: Why the ledger could not be asked the last time; "" where it answered.
        self.trouble = "it was not asked yet"

    @property
    def away_seconds(self) -> float:
        """For how long the ledger has not answered."""
        return time.monotonic() - self._reached

    @property
    def left_seconds(self) -> float:
        """For how long the gateway still answers without it."""
        return max(0.0, self._offline_seconds - self.away_seconds)

    def faults(self, *, closed: str) -> list[str]:
        """What is wrong with the sight of the ledger, in words for the status. `closed`: why nobody is answered."""
        found = []
        if closed:
            found.append(f"Nobody is answered: {closed}.")
        elif self.trouble:
            found.append(
                f"The ledger does not answer, so what is taken back is not known here; nobody is answered any more in "
                f"{self.left_seconds:.0f} s. {self.trouble}"
            )
        if not self._withdrawals.durable:
            found.append("What was taken back is not durable, so that a restart without the ledger would not know of it.")
        return found

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await self.act()
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """Asks the ledger once. Whether it answers or not, this returns within seconds."""
        found = await self._answer()
        if found is None:
            if self.left_seconds == 0.0:
                self._close(f"the ledger has not answered for {self.away_seconds:.0f} s")
            return
        place, withdrawals = found
        self._reached, self.trouble = time.monotonic(), ""
        new = self._withdrawals.take(place, withdrawals, now_us())
        if new or not self._withdrawals.durable or self._reached - self._kept >= min(_KEEP_SECONDS, self._offline_seconds / 4):
            self._kept = self._reached
            self._withdrawals.keep()
        self._owed |= {one.model: None for one in new}
        self._close("")

    async def act(self, *models: str) -> None:
        """Has what was taken back be taken out: of these models, and of those that the ledger told of. Again, until it is."""
        self._owed |= dict.fromkeys(models)
        for model in list(self._owed):
            try:
                await self._take_back(model)
            except LifecycleError as error:
                _LOG.error("what was taken back of %s is not out yet: %s", model, error.what)
            else:
                del self._owed[model]

    async def _answer(self) -> _Answer | None:
        """What the ledger says; None where it does not in time. An answer that is late is taken with the next look."""
        if self._asked is None:
            self._asked = asyncio.ensure_future(asyncio.to_thread(self._source.since, self._withdrawals.place))
        await asyncio.wait({self._asked}, timeout=_ANSWER_SECONDS)
        if not self._asked.done():
            self._note("it has not answered in time")
            return None
        asked, self._asked = self._asked, None
        try:
            return asked.result()
        except LifecycleError as error:
            self._note(error.what)
        except Exception as error:  # noqa: BLE001  # a source that breaks its promise must not end the watch: then nothing would be taken back
            _LOG.exception("asking the ledger what was taken back broke")
            self._note(f"asking it broke: {type(error).__name__}")
        return None

    def _note(self, trouble: str) -> None:
        if trouble != self.trouble:
            _LOG.warning("the ledger can't be asked what was taken back: %s", trouble)
        self.trouble = trouble

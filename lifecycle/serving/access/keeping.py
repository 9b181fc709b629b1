"""Keeps what the workers believe of callers up with the ledger: a grant lets in, and a revocation keeps out, within seconds.

A ledger that does not answer changes nothing for the time that the gateway may go on without it: then nobody is let in, because nobody
here knows whose access was taken back since. What was read last lies beside the gateway, so a restart needs no ledger either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from lifecycle.errors import LifecycleError
from lifecycle.records.record import Digest, JsonObject
from lifecycle.serving.access.book import OpenedBook, nobody, open_book, read_book, write_book
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.ports import AccessSource

_LOG = logging.getLogger(__name__)

#: A version that the gateway holds: model, number and digest.
Held = tuple[str, int, Digest]


class AccessKeeper:
    """One gateway's, run by its supervisor alone."""

    def __init__(
        self,
        folder: GatewayFolder,
        environment: str,
        log_keys: LogKeys,
        source: AccessSource | None,
        held: Callable[[], Sequence[Held]],
        tell: Callable[[JsonObject], Awaitable[None]],
        look_seconds: float,
        offline_seconds: float,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._log_keys = log_keys
        self._source = source
        self._held = held
        self._tell = tell
        self._look_seconds = look_seconds
        self._offline_seconds = offline_seconds
        self._answered = time.monotonic()
        self._book = read_book(folder.access_book)
        self.opened = self._open()
        #: Why the ledger could not be asked who may call; "" where it could.
        self.fault = ""

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """Asks once, and tells the workers where something has changed."""
        if self._source is None:
            return
        try:
            book = await asyncio.to_thread(self._source, tuple(self._held()))
        except LifecycleError as error:
            await self._failed(error.what)
            return
        except Exception:  # noqa: BLE001  # a source that breaks its promise must not end the looking for good
            _LOG.exception("asking who may call broke")
            await self._failed("Asking who may call broke; the gateway's log says how.")
            return
        self.fault, self._answered = "", time.monotonic()
        if (
            not self.opened.out_of_reach
            and self._book is not None
            and book.model_copy(update={"read_at_us": self._book.read_at_us}) == self._book
        ):
            return
        self._book = book
        self.opened = self._open()
        for what in self.opened.invalid:
            _LOG.error("a pass does not hold and lets nobody in: %s", what)
        await self._tell(self.opened.as_message())
        await asyncio.to_thread(write_book, self._folder.access_book, book)

    async def _failed(self, what: str) -> None:
        """Goes on with what was proven, for its time; an open gateway has nobody whose access could have been taken back."""
        if what != self.fault:
            _LOG.warning("who may call is as it was: %s", what)
        self.fault = what
        if self.opened.closed and not self.opened.out_of_reach and time.monotonic() - self._answered >= self._offline_seconds:
            _LOG.error("nobody is let in any more: the ledger has not said who may call for %.0f s", self._offline_seconds)
            self.opened = OpenedBook(closed=True, passes=(), revoked=frozenset(), out_of_reach=True)
            await self._tell(self.opened.as_message())

    def _open(self) -> OpenedBook:
        if self._book is None:
            return nobody(self._environment)
        return open_book(self._book, self._environment, self._log_keys.now())

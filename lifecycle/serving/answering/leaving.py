"""Answers that one turn of the loop made leave together, at its end.

A caller who sleeps is woken by its answer, which costs the one who sends more than all of the protocol, and callers who share a process
are awake for the answers behind the first. None is held for long: neither behind many others, nor behind a model that is slow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: No answer is held once this long has passed since the first request was begun whose answer is held with it.
MOST_HELD_NS = 2_000_000


class Leaving:
    """One worker's. What an answer promises, such as its row in the log, is kept before it is taken here."""

    def __init__(self, on_left: Callable[[], None] | None = None) -> None:
        """`on_left` is called when answers have left at the end of a turn."""
        self._on_left = on_left
        self._held: dict[asyncio.Transport, bytes] = {}
        self._since_ns = 0
        self._turn_is_awaited = False

    def begin(self) -> None:
        """A request is being answered from now on."""
        if not self._held:
            self._since_ns = time.monotonic_ns()

    def take(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Sends an answer with the others of this turn. A connection has one at most: see `settle`."""
        self._held[transport] = answer
        if time.monotonic_ns() - self._since_ns >= MOST_HELD_NS:
            self._send()
        elif not self._turn_is_awaited:
            self._turn_is_awaited = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    def settle(self, transport: asyncio.Transport) -> None:
        """Has the answer of this connection leave, if it is held: to be called before anything else is done with the connection."""
        if transport in self._held:
            self._send()

    def _end_turn(self) -> None:
        self._turn_is_awaited = False
        self._send()
        if self._on_left is not None:
            self._on_left()

    def _send(self) -> None:
        held, self._held = self._held, {}
        for transport, answer in held.items():
            if not transport.is_closing():
                transport.write(answer)

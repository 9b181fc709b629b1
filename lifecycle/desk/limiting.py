"""How often something may be tried: so many times in a window, per address and per account.

Kept in memory: the desk is one process, and a restart that forgives is no way in for who can't restart it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from lifecycle.errors import Refused

#: So many different names are remembered; the one that was quiet for longest is forgotten first.
MOST_NAMES = 10_000


class RateLimit:
    """At most `times` tries in `seconds`, for each name."""

    def __init__(self, times: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times, self._seconds, self._clock = times, seconds, clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._turn = threading.Lock()

    def allows(self, name: str) -> bool:
        """Counts one try, and returns whether it is still one of those that are allowed."""
        now = self._clock()
        with self._turn:
            tries = self._tries.setdefault(name, deque(maxlen=self._times))
            self._tries.move_to_end(name)
            while len(self._tries) > MOST_NAMES:
                self._tries.popitem(last=False)
            if len(tries) == self._times and now - tries[0] < self._seconds:
                return False
            tries.append(now)
            return True

    def require(self, name: str) -> None:
        """Raises TooOften."""
        if not self.allows(name):
            raise TooOften("That was tried too often.", f"Wait {self._seconds:.0f} seconds, then try again.", ("RATE",))


class TooOften(Refused):
    """Tried more often than is allowed."""

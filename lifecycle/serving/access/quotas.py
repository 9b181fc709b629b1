"""How much a caller may ask: requests in a minute, rows in a day, and at one moment, over all workers together.

The windows and their arithmetic are those of the library `limits`; what it counts in is the memory that the workers share.
"""

from __future__ import annotations

import time
from typing import Any

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from lifecycle.errors import Refused
from lifecycle.records.access import Quota
from lifecycle.records.record import SECOND_US
from lifecycle.serving.access.refusing import AccessRefused
from lifecycle.serving.access.shared_counts import FOREVER_US, SharedCounts, tag_of


class SharedStorage(Storage):
    """What `limits` counts in: the memory that the workers share. A window begins and ends with the clock, for all of them at once."""

    STORAGE_SCHEME = None

    def __init__(self, counts: SharedCounts) -> None:
        super().__init__()
        self._counts = counts
        self._tags: dict[str, int] = {}

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now_us = time.time_ns() // 1_000
        window_us = expiry * SECOND_US
        tag = self._tag(key)
        self._counts.add(tag, amount, (now_us // window_us + 1) * window_us, now_us)
        return self._counts.total(tag, now_us)

    def get(self, key: str) -> int:
        return self._counts.total(self._tag(key), time.time_ns() // 1_000)

    def _ends_at(self, key: str) -> float:
        """When the window of a key ends, in seconds of the clock; now, where nothing is counted in one."""
        now_us = time.time_ns() // 1_000
        return self._counts.end_of(self._tag(key), now_us) / SECOND_US

    get_expiry = _ends_at

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        raise _kept()

    def clear(self, key: str) -> None:
        raise _kept()

    def _tag(self, key: str) -> int:
        found = self._tags.get(key)
        if found is None:
            found = self._tags[key] = tag_of(key)
        return found


def _kept() -> Refused:
    """Each worker writes its own counts, and what counts is the sum: one that cleared a key would clear a part of it."""
    return Refused(
        "What a caller has used of its quota is not given back.", "Wait for the next window, or grant a larger quota.", ("QUOTA",)
    )


class CallerQuota:
    """What one grant has left, as this worker sees it. Single-threaded, like everything in a worker's loop."""

    def __init__(self, grant_id: str, quota: Quota, counts: SharedCounts, limiter: FixedWindowRateLimiter) -> None:
        self._grant_id = grant_id
        self._counts = counts
        self._limiter = limiter
        self._requests = RateLimitItemPerMinute(quota.requests_per_minute)
        self._rows = RateLimitItemPerDay(quota.rows_per_day)
        self._concurrent = quota.concurrent
        self._in_flight = tag_of(f"in-flight/{grant_id}")

    def enter(self) -> None:
        """Counts a request that begins; `leave` must follow. Raises AccessRefused where the caller has used up its requests."""
        now_us = time.time_ns() // 1_000
        if self._counts.total(self._in_flight, now_us) >= self._concurrent:
            raise self._refused(f"More than {self._concurrent} requests of yours at once.", 1)
        self._spend(self._requests, 1, f"More than {self._requests.amount} requests in a minute.")
        self._counts.add(self._in_flight, 1, FOREVER_US, now_us)

    def leave(self) -> None:
        self._counts.add(self._in_flight, -1, FOREVER_US, time.time_ns() // 1_000)

    def spend_rows(self, rows: int) -> None:
        """Counts rows that are about to be answered. Raises AccessRefused where so many are not left; then none is counted."""
        self._spend(self._rows, rows, f"More than {self._rows.amount} rows in a day.")

    def _spend(self, item: RateLimitItem, amount: int, what: str) -> None:
        if not self._limiter.test(item, self._grant_id, cost=amount):
            window = item.get_expiry()
            raise self._refused(what, int(window - time.time() % window) + 1)
        self._limiter.hit(item, self._grant_id, cost=amount)

    def _refused(self, what: str, retry_seconds: int) -> AccessRefused:
        return AccessRefused(what, "quota", 429, grant_id=self._grant_id, retry_seconds=retry_seconds)


class Quotas:
    """The quotas of all callers of one worker."""

    def __init__(self, counts: SharedCounts) -> None:
        self._counts = counts
        self._limiter = FixedWindowRateLimiter(SharedStorage(counts))

    def of(self, grant_id: str, quota: Quota) -> Any:
        """The quota of one grant."""
        return CallerQuota(grant_id, quota, self._counts, self._limiter)

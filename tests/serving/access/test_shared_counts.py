"""Counts that workers share, and the quotas that stand on them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from lifecycle.errors import Refused, Unavailable
from lifecycle.records.access import Quota
from lifecycle.serving.access.quotas import Quotas, SharedStorage
from lifecycle.serving.access.refusing import AccessRefused
from lifecycle.serving.access.shared_counts import _PROBES, FOREVER_US, SLOTS, SharedCounts, tag_of

WORKERS = 3


def workers(folder: Path) -> list[SharedCounts]:
    paths = [folder / f"quotas-{index}.bin" for index in range(WORKERS)]
    return [SharedCounts(paths, own) for own in range(WORKERS)]


Step = tuple[int, int, int, int]
STEPS = st.lists(st.tuples(st.integers(0, WORKERS - 1), st.integers(1, 6), st.integers(-2, 5), st.integers(0, 3)), max_size=60)


@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_every_worker_sees_the_sum_of_all_within_the_window(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    """Against a model: windows of ten, a clock that goes on, keys that share places, amounts that go down no further than nothing."""
    counts, now = workers(tmp_path_factory.mktemp("counts")), 1
    # Tags one slot apart fall into each other's places.
    tags = {key: key * SLOTS + 7 for key in range(1, 7)}
    told: dict[tuple[int, int, int], int] = {}
    for worker, key, amount, later in steps:
        now += later
        end = (now // 10 + 1) * 10
        counts[worker].add(tags[key], amount, end, now)
        place = (worker, key, end)
        told[place] = max(told.get(place, 0) + amount, 0)
        for other, tag in tags.items():
            expected = sum(count for (_, of, until), count in told.items() if of == other and until > now)
            assert [one.total(tag, now) for one in counts] == [expected] * WORKERS


def test_counts_outlive_their_process(tmp_path: Path) -> None:
    """A restart forgives nothing that has an end; what has none was in flight, and is forgotten."""
    counts = workers(tmp_path)
    counts[0].add(tag_of("rows"), 5, 100, 1)
    counts[0].add(tag_of("in flight"), 2, FOREVER_US, 1)
    counts[1].add(tag_of("in flight"), 1, FOREVER_US, 1)
    again = workers(tmp_path)
    again[0].forget_forever()
    assert [again[2].total(tag_of(key), 2) for key in ("rows", "in flight")] == [5, 1]
    again[0].add(tag_of("in flight"), 1, FOREVER_US, 2)
    assert again[2].total(tag_of("in flight"), 2) == 2


def test_where_no_place_is_left_nobody_is_counted_as_nothing(tmp_path: Path) -> None:
    """Too many callers at one place: the next can't be counted, and is told so, instead of being let past its quota."""
    (counts, *_) = workers(tmp_path)
    for number in range(1, _PROBES + 1):
        counts.add(number * SLOTS, 1, 100, 1)
    with pytest.raises(Unavailable):
        counts.add(1_000 * SLOTS, 1, 100, 1)
    counts.add(1_000 * SLOTS, 1, 200, 101)
    assert counts.total(1_000 * SLOTS, 102) == 1


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still at noon, so that no window ends in the middle of a test."""
    at = 1_790_000_000 // 86_400 * 86_400 + 43_200
    monkeypatch.setattr(time, "time", lambda: float(at))
    monkeypatch.setattr(time, "time_ns", lambda: at * 1_000_000_000)


@pytest.mark.usefixtures("noon")
def test_rows_that_do_not_fit_are_not_counted(tmp_path: Path) -> None:
    """A request that asks for more than is left leaves what is left to others; and when there is more, it is said to the second."""
    (counts, *_) = workers(tmp_path)
    quota = Quotas(counts).of("grant", Quota(requests_per_minute=10, rows_per_day=10, concurrent=10))
    quota.spend_rows(8)
    with pytest.raises(AccessRefused) as refused:
        quota.spend_rows(3)
    assert refused.value.retry_seconds == 43_201
    quota.spend_rows(2)


@pytest.mark.usefixtures("noon")
def test_what_was_refused_is_not_in_flight(tmp_path: Path) -> None:
    """Whoever is over its requests of the minute does not use up what may be in flight."""
    (counts, *_) = workers(tmp_path)
    quota = Quotas(counts).of("grant", Quota(requests_per_minute=2, rows_per_day=10, concurrent=1))
    quota.enter()
    with pytest.raises(AccessRefused, match="at once"):
        quota.enter()
    quota.leave()
    quota.enter()
    quota.leave()
    for _ in range(2):
        with pytest.raises(AccessRefused, match="in a minute"):
            quota.enter()


def test_the_library_hears_when_a_window_ends(tmp_path: Path) -> None:
    """What `limits` tells of a window is that of all workers: what is left of it, and its end by the clock."""
    counts = workers(tmp_path)
    quota = Quotas(counts[0]).of("grant", Quota(requests_per_minute=10, rows_per_day=10, concurrent=10))
    quota.enter()
    limiter, item = FixedWindowRateLimiter(SharedStorage(counts[1])), RateLimitItemPerMinute(10)
    before = time.time()
    told = limiter.get_window_stats(item, "grant")
    assert told.remaining == 9
    assert before < told.reset_time <= time.time() + 60
    assert told.reset_time % 60 == 0
    assert limiter.get_window_stats(item, "nobody").reset_time <= time.time()


def test_nobody_can_give_back_what_was_used_of_a_quota(tmp_path: Path) -> None:
    """One worker's counts are a part of the sum: clearing them is refused, and the count stays."""
    counts = workers(tmp_path)
    storage = SharedStorage(counts[0])
    storage.incr("key", 60, 3)
    for clear in (storage.reset, lambda: storage.clear("key")):
        with pytest.raises(Refused, match="not given back"):
            clear()
    assert storage.get("key") == 3

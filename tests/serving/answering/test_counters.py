"""Counts in shared memory: each worker writes its own, and everybody reads the sum."""

from __future__ import annotations

from pathlib import Path

from lifecycle.serving.answering.counters import LATENCY_BOUNDS_US, CellCounts, Counters, total
from lifecycle.serving.answering.routes import SLOTS
from lifecycle.serving.failures import FailureKind


def test_what_one_worker_counts_another_process_reads(tmp_path: Path) -> None:
    """Two mappings of one file are one set of counts."""
    writing, reading = Counters.open(tmp_path / "counters"), Counters.open(tmp_path / "counters")
    cell = writing.cell(2, 3)
    cell.dispatched(77)
    cell.answered(1_200, slow=True)
    cell.failed(fell_back=True)
    cell.refused()
    found = reading.read(2, 3)
    assert (found.requests, found.errors, found.slow, found.fallbacks, found.refused) == (2, 1, 1, 1, 1)
    assert (found.consecutive_errors, found.last_dispatch_ns, found.latency_sum_us) == (1, 77, 1_200)
    assert reading.read(2, 2) == CellCounts()


def test_an_answer_ends_a_run_of_failures(tmp_path: Path) -> None:
    """Consecutive failures are those since the last answer."""
    counters = Counters.open(tmp_path / "counters")
    cell = counters.cell(0, 1)
    for _ in range(4):
        cell.failed(fell_back=False)
    assert counters.read(0, 1).consecutive_errors == 4
    cell.answered(1, slow=False)
    assert counters.read(0, 1).consecutive_errors == 0


def test_counts_of_all_workers_are_summed_and_runs_of_failures_are_not(tmp_path: Path) -> None:
    """Requests add up; the longest run of failures in any worker counts, and the latest dispatch."""
    first, second = Counters.open(tmp_path / "0"), Counters.open(tmp_path / "1")
    first.cell(0, 1).dispatched(5)
    second.cell(0, 1).dispatched(9)
    for _ in range(2):
        first.cell(0, 1).failed(fell_back=False)
        second.cell(0, 1).failed(fell_back=False)
    summed = total([first, second], 0, 1)
    assert (summed.requests, summed.consecutive_errors, summed.last_dispatch_ns) == (4, 2, 9)


def test_counts_outlive_whoever_counted(tmp_path: Path) -> None:
    """A file that is opened again has what was counted; a cleared cell has nothing."""
    Counters.open(tmp_path / "counters").cell(0, 1).answered(10, slow=False)
    again = Counters.open(tmp_path / "counters")
    assert again.read(0, 1).requests == 1
    again.clear(0, 1)
    assert again.read(0, 1) == CellCounts()


def test_every_latency_has_one_bucket(tmp_path: Path) -> None:
    """Latencies at, below and above the bounds fall into one bucket each."""
    counters = Counters.open(tmp_path / "counters")
    cell = counters.cell(0, 1)
    for latency in (1, LATENCY_BOUNDS_US[0], LATENCY_BOUNDS_US[0] + 1, LATENCY_BOUNDS_US[-1] + 1):
        cell.answered(latency, slow=False)
    buckets = counters.read(0, 1).latency_buckets
    assert (buckets[0], buckets[1], buckets[-1], sum(buckets)) == (2, 1, 1, 4)


def test_rows_in_the_log_are_counted_apart_from_arms(tmp_path: Path) -> None:
    """By model, over all versions, and kept when an arm's cell is given to another."""
    counters = Counters.open(tmp_path / "counters")
    counters.logged(3, 5)
    counters.logged(3, 2)
    counters.clear(3, 1)
    assert [counters.rows_logged(slot) for slot in (2, 3, 4)] == [0, 7, 0]
    assert Counters.open(tmp_path / "counters").rows_logged(3) == 7
    counters.clear_slot(3)
    assert counters.rows_logged(3) == 0


def test_counts_of_before_rows_were_counted_stay(tmp_path: Path) -> None:
    """A shorter file grows, and what stands in it keeps its place."""
    path = tmp_path / "counters"
    Counters.open(path).cell(0, 1).answered(100, False)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 8 * SLOTS)
    counters = Counters.open(path)
    assert path.stat().st_size == size
    assert (counters.read(0, 1).requests, counters.rows_logged(0)) == (1, 0)


def test_failures_are_told_apart_by_kind_and_forgotten_with_their_arm(tmp_path: Path) -> None:
    """A time-out and what is no answer are counted beside the errors; the neighbouring arm has none of them."""
    counters = Counters.open(tmp_path / "counters")
    cell = counters.cell(1, 2)
    kinds: tuple[FailureKind, ...] = ("exception", "timeout", "invalid", "invalid")
    for kind in kinds:
        cell.failed(fell_back=True, kind=kind)
    found = total([counters, counters], 1, 2)
    assert (found.errors, found.exceptions, found.timeouts, found.invalid) == (8, 2, 2, 4)
    assert counters.read(1, 3) == CellCounts()
    counters.clear(1, 2)
    assert counters.read(1, 2) == CellCounts()

"""Counts by arm, in memory that the supervisor reads while the workers count.

Each worker has a file of its own and is its only writer, so nothing is locked and nothing is lost between two of them.
The files outlive their processes: a killed worker, and a killed supervisor, find their counts where they were.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lifecycle.records.bodies.access import REFUSAL_REASONS, RefusalReason
from lifecycle.serving.answering.routes import SLOTS
from lifecycle.serving.failures import FailureKind
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.shared_memory import mapped

#: Arms that a model's counts are kept for. Cell 0 is what went to a person; the others are versions.
CELLS = 16
REFERRAL_CELL = 0
#: Upper bounds of the latency histogram, in microseconds; the last bucket has none.
LATENCY_BOUNDS_US = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)

_REQUESTS, _ERRORS, _SLOW, _FALLBACKS, _REFUSED, _CONSECUTIVE, _LAST_DISPATCH_NS, _LATENCY_SUM_US, _BUCKETS = range(9)
_FIELDS = _BUCKETS + len(LATENCY_BOUNDS_US) + 1
#: After the cells: for each slot, the rows that were put into the prediction log.
_LOGGED = SLOTS * CELLS * _FIELDS
#: After those: for each slot, the copies that a shadow did not take.
_DROPPED = _LOGGED + SLOTS
#: After those: for each reason, the requests that were refused for it, whatever they asked for.
_TURNED_AWAY = _DROPPED + SLOTS
_REASONS: dict[RefusalReason, int] = {reason: _TURNED_AWAY + place for place, reason in enumerate(REFUSAL_REASONS)}
#: After those: for each arm, the failures that were no exceptions, by kind.
_KINDS: tuple[FailureKind, ...] = ("timeout", "invalid")
_FAILED = _TURNED_AWAY + len(_REASONS)
#: After those: for each slot, rows that wait to be written, rows that were lost instead, and requests that wait to be answered.
_WAITING = _FAILED + SLOTS * CELLS * len(_KINDS)
_LOST = _WAITING + SLOTS
_IN_FLIGHT = _LOST + SLOTS
#: After those: for each arm, of its errors and of its slow answers those of a routing key that has had one already.
_AGAIN = _IN_FLIGHT + SLOTS
#: After those: for each arm, requests that it had no room for.
_SPILLED = _AGAIN + SLOTS * CELLS * 2
_BYTES = (_SPILLED + SLOTS * CELLS) * 8


@dataclass(frozen=True, slots=True)
class CellCounts:
    """What one arm answered. `requests` went to it first; of those, `fallbacks` were answered by the champion after all."""

    requests: int = 0
    errors: int = 0
    slow: int = 0
    fallbacks: int = 0
    #: Requests that it and the champion refused alike: the callers' fault, and counted nowhere else.
    refused: int = 0
    #: The longest run of failures that stands at the moment, in any worker.
    consecutive_errors: int = 0
    #: When a request last went to it, on the clock of time.monotonic_ns; 0 where none ever did.
    last_dispatch_ns: int = 0
    latency_sum_us: int = 0
    latency_buckets: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS_US) + 1)
    #: Of the errors: it took too long, and what it answered was no answer. The others are exceptions.
    timeouts: int = 0
    invalid: int = 0
    #: Of the errors and of the slow answers: those of a caller who has had one already, while a version was being rolled out.
    errors_again: int = 0
    slow_again: int = 0
    #: Of the fallbacks: the arm was never asked, because too many waited for it already.
    spilled: int = 0

    @property
    def exceptions(self) -> int:
        """The errors in which it broke, or was gone."""
        return max(0, self.errors - self.timeouts - self.invalid)

    def __add__(self, other: CellCounts) -> CellCounts:
        return CellCounts(
            self.requests + other.requests,
            self.errors + other.errors,
            self.slow + other.slow,
            self.fallbacks + other.fallbacks,
            self.refused + other.refused,
            max(self.consecutive_errors, other.consecutive_errors),
            max(self.last_dispatch_ns, other.last_dispatch_ns),
            self.latency_sum_us + other.latency_sum_us,
            tuple(mine + theirs for mine, theirs in zip(self.latency_buckets, other.latency_buckets, strict=True)),
            self.timeouts + other.timeouts,
            self.invalid + other.invalid,
            self.errors_again + other.errors_again,
            self.slow_again + other.slow_again,
            self.spilled + other.spilled,
        )


class Cell:
    """One arm's counts in one worker, to write."""

    __slots__ = ("_again", "_kinds", "_spilled", "_start", "_words")

    def __init__(self, words: memoryview, place: int) -> None:
        self._words = words
        self._start = place * _FIELDS
        self._kinds = _FAILED + place * len(_KINDS)
        self._again = _AGAIN + place * 2
        self._spilled = _SPILLED + place

    def dispatched(self, now_ns: int) -> None:
        """A request goes to this arm."""
        self._words[self._start + _LAST_DISPATCH_NS] = now_ns

    def answered(self, latency_us: int, slow: bool) -> None:
        words, start = self._words, self._start
        words[start + _REQUESTS] += 1
        words[start + _CONSECUTIVE] = 0
        words[start + _SLOW] += slow
        words[start + _LATENCY_SUM_US] += latency_us
        words[start + _BUCKETS + bisect_left(LATENCY_BOUNDS_US, latency_us)] += 1

    def failed(self, fell_back: bool, kind: FailureKind = "exception", *, again: bool = False) -> None:
        """A request failed; `again`: of a caller of whom one did before, so that it makes no streak longer."""
        words, start = self._words, self._start
        if kind != "exception":
            words[self._kinds + _KINDS.index(kind)] += 1
        words[start + _REQUESTS] += 1
        words[start + _ERRORS] += 1
        words[start + _CONSECUTIVE] += not again
        words[start + _FALLBACKS] += fell_back
        words[self._again] += again

    def slow_again(self) -> None:
        """The answer that was slow is one of a caller who has had such an answer before."""
        self._words[self._again + 1] += 1

    def spilled(self, fell_back: bool) -> None:
        """A request for which this arm had no room went to another. It says nothing about the version."""
        words, start = self._words, self._start
        words[start + _REQUESTS] += 1
        words[start + _FALLBACKS] += fell_back
        words[self._spilled] += 1

    def refused(self) -> None:
        self._words[self._start + _REFUSED] += 1


class Counters:
    """One worker's counts, mapped into this process."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._words = memoryview(memory).cast("Q")
        self._cells: dict[tuple[int, int], Cell] = {}

    @classmethod
    def open(cls, path: Path) -> Counters:
        """The counts in this file, which is made if need be. Raises Unavailable where it can't be written."""
        return cls(mapped(path, _BYTES))

    @classmethod
    def of_all(cls, folder: GatewayFolder) -> list[Counters]:
        """Those of every worker that a gateway ever had. Raises Unavailable like `open`."""
        return [cls.open(path) for path in folder.all_counters]

    def cell(self, slot: int, cell: int) -> Cell:
        """The counts of one arm, to write. They are asked for with every request."""
        found = self._cells.get((slot, cell))
        if found is None:
            found = self._cells[slot, cell] = Cell(self._words, slot * CELLS + cell)
        return found

    def read(self, slot: int, cell: int) -> CellCounts:
        start = (slot * CELLS + cell) * _FIELDS
        words = self._words[start : start + _FIELDS].tolist()
        kinds = _FAILED + (slot * CELLS + cell) * len(_KINDS)
        timeouts, invalid = self._words[kinds : kinds + len(_KINDS)].tolist()
        again = _AGAIN + (slot * CELLS + cell) * 2
        requests, errors, slow, fallbacks, refused, consecutive, last_dispatch_ns, latency_sum_us, *buckets = words
        return CellCounts(
            *(requests, errors, slow, fallbacks, refused, consecutive, last_dispatch_ns, latency_sum_us),
            tuple(buckets),
            timeouts,
            invalid,
            *(self._words[again], self._words[again + 1], self._words[_SPILLED + slot * CELLS + cell]),
        )

    def logged(self, slot: int, rows: int) -> None:
        """So many rows more of this model are in the prediction log. Counted once they are: a count is never ahead of the log."""
        self._words[_LOGGED + slot] += rows

    def rows_logged(self, slot: int) -> int:
        """The rows of a model that this worker, and those before it, put into the prediction log."""
        return self._words[_LOGGED + slot]

    def waiting(self, slot: int, rows: int) -> None:
        """So many rows more of this model wait to be written; fewer, where it is negative."""
        self._words[_WAITING + slot] += rows

    def rows_waiting(self, slot: int) -> int:
        """The rows of a model that its answers did not wait for, and that are not in the prediction log yet."""
        return self._words[_WAITING + slot]

    def lost(self, slot: int, rows: int) -> None:
        """So many rows of this model will never be in the prediction log."""
        self._words[_LOST + slot] += rows

    def rows_dropped(self, slot: int) -> int:
        """The rows of a model, declared as best effort, that this worker and those before it did not put into the prediction log."""
        return self._words[_LOST + slot]

    def entered(self, slot: int) -> None:
        """A request waits: for a canary, or for the disk. `left` must follow."""
        self._words[_IN_FLIGHT + slot] += 1

    def left(self, slot: int) -> None:
        self._words[_IN_FLIGHT + slot] -= 1

    def in_flight(self, slot: int) -> int:
        """The requests for a model that wait in this worker."""
        return self._words[_IN_FLIGHT + slot]

    def picture(self) -> bytes:
        """All counts as they are: where a later one differs, the worker has done something meanwhile."""
        return self._words.tobytes()

    def take_over(self) -> None:
        """Begins where a worker ended that is no more: what it had not written yet is lost, and nobody waits for its answers."""
        for slot in range(SLOTS):
            self.lost(slot, self.rows_waiting(slot))
            self._words[_WAITING + slot] = self._words[_IN_FLIGHT + slot] = 0

    def dropped(self, slot: int) -> None:
        """A copy of a request was not taken by this model's shadow."""
        self._words[_DROPPED + slot] += 1

    def copies_dropped(self, slot: int) -> int:
        """The copies that shadows of this model did not take, in this worker and those before it."""
        return self._words[_DROPPED + slot]

    def turned_away(self, reason: RefusalReason) -> None:
        """A request was refused."""
        self._words[_REASONS[reason]] += 1

    def turned_away_for(self, reason: RefusalReason) -> int:
        """The requests that this worker, and those before it, refused for this reason."""
        return self._words[_REASONS[reason]]

    def clear_slot(self, slot: int) -> None:
        """Begins to count rows and copies anew, for a model that is new in this slot."""
        self._words[_LOGGED + slot] = 0
        self._words[_DROPPED + slot] = 0
        self._words[_LOST + slot] = 0

    def clear(self, slot: int, cell: int) -> None:
        """Forgets an arm's counts, for a version that takes over the cell of one that serves no more."""
        start = (slot * CELLS + cell) * _FIELDS
        kinds, again = _FAILED + (slot * CELLS + cell) * len(_KINDS), _AGAIN + (slot * CELLS + cell) * 2
        spilled = _SPILLED + slot * CELLS + cell
        for word in (*range(start, start + _FIELDS), *range(kinds, kinds + len(_KINDS)), *range(again, again + 2), spilled):
            self._words[word] = 0


def total(workers: Iterable[Counters], slot: int, cell: int) -> CellCounts:
    """One arm's counts over all workers."""
    return sum((counters.read(slot, cell) for counters in workers), CellCounts())

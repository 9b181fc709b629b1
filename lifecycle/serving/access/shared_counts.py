"""Counts that all workers of a gateway share: what a caller has used of its quota, whichever worker answered it.

Each worker has a file of its own and is its only writer, and what counts is the sum over all files: nothing is locked, and a quota
is exceeded by no more than one request for each other worker. The files outlive their processes, so a restart forgives nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.serving.shared_memory import mapped

#: Counts that one file can hold at a time. A slot may be taken again once its window is over, and is never empty again, so that
#: whoever looks for a tag can stop at the first empty one.
SLOTS = 8_192
_WORDS = 3  # tag, end of the window in microseconds, count
_BYTES = SLOTS * _WORDS * 8
_TAG, _END, _COUNT = range(_WORDS)
#: A slot is looked for in so many places after the one that its tag falls on.
_PROBES = 64
FOREVER_US = (1 << 63) - 1


def tag_of(key: str) -> int:
    """A name as a number that is not 0."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") | 1


class SharedCounts:
    """One worker's own counts, and those of all others to read. `paths` are the same, in the same order, in every worker."""

    def __init__(self, paths: Sequence[Path], own: int) -> None:
        """Raises Unavailable where a file can't be made."""
        self._tables = [memoryview(mapped(path, _BYTES)).cast("Q") for path in paths]
        self._own = self._tables[own]

    def total(self, tag: int, now_us: int) -> int:
        """The count over all workers, of windows that are not over."""
        return sum(_count(table, tag, now_us) for table in self._tables)

    def end_of(self, tag: int, now_us: int) -> int:
        """When the window ends in which this is counted, as the last of the workers has it; now, where none counts it."""
        ends = (table[start + _END] for table in self._tables for start in _places(tag) if table[start + _TAG] == tag)
        return max(now_us, max(ends, default=now_us))

    def add(self, tag: int, amount: int, end_us: int, now_us: int) -> None:
        """Counts in this worker, within a window that ends then. Raises Unavailable where there is no slot left."""
        words = self._own
        first = tag % SLOTS * _WORDS
        if words[first + _TAG] == tag and words[first + _END] == end_us:
            words[first + _COUNT] = max(words[first + _COUNT] + amount, 0)
            return
        free = -1
        for start in _places(tag):
            if words[start + _TAG] == tag:
                if words[start + _END] <= now_us:
                    words[start + _COUNT] = 0
                    words[start + _END] = end_us
                words[start + _COUNT] = max(words[start + _COUNT] + amount, 0)
                return
            if free < 0 and words[start + _END] <= now_us:
                free = start
            if words[start + _TAG] == 0:
                break
        if free < 0:
            raise Unavailable("This gateway counts as many callers as it can.", "Revoke grants that nobody needs.")
        # The end goes first and comes last: whoever reads meanwhile finds a window that is over.
        words[free + _END] = 0
        words[free + _TAG] = tag
        words[free + _COUNT] = max(amount, 0)
        words[free + _END] = end_us

    def forget_forever(self) -> None:
        """Clears what has no end: what a worker that was killed had in flight is in flight no more."""
        for start in range(0, SLOTS * _WORDS, _WORDS):
            if self._own[start + _END] == FOREVER_US:
                self._own[start + _END] = self._own[start + _COUNT] = 0


def _places(tag: int) -> range | list[int]:
    first = tag % SLOTS
    if first + _PROBES <= SLOTS:
        return range(first * _WORDS, (first + _PROBES) * _WORDS, _WORDS)
    return [((first + probe) % SLOTS) * _WORDS for probe in range(_PROBES)]


def _count(words: memoryview, tag: int, now_us: int) -> int:
    # Nearly always the first place is it, and a range costs more than the look.
    start = tag % SLOTS * _WORDS
    found = words[start]
    if found == tag:
        return words[start + _COUNT] if words[start + _END] > now_us else 0
    if found == 0:
        return 0
    for start in _places(tag):
        if words[start + _TAG] == tag:
            return words[start + _COUNT] if words[start + _END] > now_us else 0
        if words[start + _TAG] == 0:
            return 0
    return 0

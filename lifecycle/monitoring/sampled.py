"""What is remembered of more answers than memory should hold: an even share, of whichever version and outcome."""

from __future__ import annotations

from zlib import crc32

from lifecycle.records.record import Id

#: Answers that a comparison remembers, about 500 bytes each. An interval over so many is a tenth of a per cent wide.
MOST_REMEMBERED = 1_000_000


class Sample:
    """Which predictions are remembered: all, then one of two, of four, … Chosen by their ids, which know nothing of arm or outcome."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self.one_in = 1
        self._most = most

    def has(self, prediction_id: Id) -> bool:
        # An id (UUIDv7) is random but for its time.
        return self.one_in == 1 or crc32(prediction_id.encode()) % self.one_in == 0

    def thinned(self, remembered: int) -> bool:
        """Whether so many are too many, and half of them are to be forgotten."""
        if remembered <= self._most:
            return False
        self.one_in *= 2
        return True

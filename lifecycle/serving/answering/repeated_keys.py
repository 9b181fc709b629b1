"""Which routing keys have had a bad event already, in memory that all workers share.

A caller whose key sticks to an arm is one cause, however many of their requests go wrong and whichever worker they come to: as evidence
they count once for each arm and kind of event. Keys are kept as hashes under the rollout's own salt, in a table that is never full: where
no place is free, one that is taken gives way, of either arm alike, and its key may count once more.
"""

from __future__ import annotations

import mmap
from hashlib import blake2b
from pathlib import Path

from lifecycle.serving.answering.routes import SLOTS
from lifecycle.serving.shared_memory import mapped

#: Keys that are remembered of one model.
KEYS = 1 << 16
#: Places at which a key may lie.
_PROBES = 16


class RepeatedKeys:
    """The table, mapped into this process. Any number of workers write: of two that meet on one place, one may be counted again."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._places = memoryview(memory).cast("Q")

    @classmethod
    def open(cls, path: Path) -> RepeatedKeys:
        """The table in this file, which is made if need be. Raises Unavailable where it can't be written."""
        return cls(mapped(path, SLOTS * KEYS * 8))

    def again(self, slot: int, cell: int, kind: str, routing_key: str, salt: bytes) -> bool:
        """Whether this key has had such an event in this arm before; from now on it has. Never where a request names no key."""
        if not routing_key:
            return False
        said = f"{cell} {kind} {routing_key}".encode("utf-8", "surrogatepass")
        wanted = int.from_bytes(blake2b(said, digest_size=8, key=salt).digest(), "big") or 1
        first, places = slot * KEYS, self._places
        for probe in range(_PROBES):
            place = first + (wanted + probe) % KEYS
            found = places[place]
            if found == wanted:
                return True
            if found == 0:
                places[place] = wanted
                return False
        places[first + wanted % KEYS] = wanted
        return False

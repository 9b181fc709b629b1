"""The route table: who answers which share of a model's traffic, in memory that all workers share.

The supervisor writes it; every worker reads it on every request, so that a change acts on all of them at their next
request and a rollback waits for nobody. A row carries a checksum: a row that is being written is read again, and never
half.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.serving.folder import unwritable

#: Models that one gateway can serve.
SLOTS = 64
#: Weights are whole numbers of 2^-32, so that a draw of 32 bits is compared and nothing is rounded.
WHOLE = 1 << 32

_ROW = struct.Struct("<QQIIIBBBB8sIIBQ8s")
_CHECKSUM = struct.Struct("<I")
_STRIDE = 128
#: Reading a row again this often takes longer than any write; then whoever wrote it died over it.
_MOST_READS = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """One row. Version 0 is none. `cell` says where an arm's counts lie; `salt` keeps the draw of each rollout apart."""

    epoch: int = 0
    #: The canary's share, in 2^-32.
    weight: int = 0
    champion: int = 0
    canary: int = 0
    #: An answer slower than this is counted as slow; 0 counts none.
    slow_us: int = 0
    champion_cell: int = 0
    canary_cell: int = 0
    #: What no version may answer yet goes to a person, and not to a 503.
    refers: bool = False
    #: The canary is a shadow: callers are answered without it, and `weight` is the share of the requests that are copied to it.
    copies: bool = False
    salt: bytes = b"\0" * 8
    #: The version that served before: it answers where the champion fails, if the champion's plan has it as a tier.
    backup: int = 0
    #: The former champion's own share, drawn before anything else and under a salt of its own: its callers stay with it.
    holdout: int = 0
    holdout_cell: int = 0
    holdout_weight: int = 0
    holdout_salt: bytes = b"\0" * 8
    #: The gateway answers nobody, whatever it serves otherwise: it has been out of reach of its ledger for too long.
    closed: bool = False

    def without_canary(self) -> Route:
        """The same with all that the canary had on the champion."""
        return replace(self, canary=0, canary_cell=0, weight=0, copies=False)

    @property
    def canary_share(self) -> float:
        """The canary's share of the traffic; 0.0 for a shadow, whatever is copied to it."""
        return 0.0 if self.copies else self.weight / WHOLE * (1.0 - self.holdout_share)

    @property
    def holdout_share(self) -> float:
        """The hold-out's share of the traffic."""
        return self.holdout_weight / WHOLE

    @property
    def champion_share(self) -> float:
        """What is left for the champion."""
        return max(0.0, 1.0 - self.holdout_share - self.canary_share)


def as_weight(share: float) -> int:
    """A share between 0 and 1 as a weight."""
    return round(share * WHOLE)


class RouteTable:
    """The table, mapped into this process. One process writes; any number read."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._seen: list[bytes] = [b""] * SLOTS
        self._parsed: list[Route] = [Route()] * SLOTS

    @classmethod
    def create(cls, path: Path) -> RouteTable:
        """A fresh table with no routes, in place of any that was there: routes come from the journal, never from a file left over."""
        try:
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, SLOTS * _STRIDE)
                table = cls(mmap.mmap(descriptor, SLOTS * _STRIDE))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unwritable(path, error) from error
        # Epochs go on from the clock, so that one epoch in the prediction log means one route, across restarts too.
        table._parsed = [Route(epoch=time.time_ns() // 1_000_000)] * SLOTS
        for slot in range(SLOTS):
            table.write(slot, Route())
        return table

    @classmethod
    def open(cls, path: Path) -> RouteTable:
        """The table that the supervisor made, to read only."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return cls(mmap.mmap(descriptor, SLOTS * _STRIDE, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)

    def write(self, slot: int, route: Route) -> Route:
        """Puts a route in force under the next epoch, and returns it."""
        latest = replace(route, epoch=self._parsed[slot].epoch + 1)
        body = _ROW.pack(
            latest.epoch,
            latest.weight,
            latest.champion,
            latest.canary,
            latest.slow_us,
            latest.champion_cell,
            latest.canary_cell,
            latest.refers | latest.closed << 1,
            latest.copies,
            latest.salt,
            latest.backup,
            latest.holdout,
            latest.holdout_cell,
            latest.holdout_weight,
            latest.holdout_salt,
        )
        row = body + _CHECKSUM.pack(zlib.crc32(body))
        start = slot * _STRIDE
        self._memory[start : start + len(row)] = row
        self._seen[slot], self._parsed[slot] = row, latest
        return latest

    def read(self, slot: int) -> Route:
        """The route in force. A row that stays torn (its writer died over it) leaves the last good one, without its canary."""
        start = slot * _STRIDE
        for _ in range(_MOST_READS):
            row = self._memory[start : start + _ROW.size + _CHECKSUM.size]
            if row == self._seen[slot]:
                return self._parsed[slot]
            if zlib.crc32(row[: _ROW.size]) == _CHECKSUM.unpack_from(row, _ROW.size)[0]:
                route = _parsed(row)
                self._seen[slot], self._parsed[slot] = row, route
                return route
        return self._parsed[slot].without_canary()


def _parsed(row: bytes) -> Route:
    epoch, weight, champion, canary, slow_us, champion_cell, canary_cell, refers, copies, *more = _ROW.unpack_from(row)
    route = Route(epoch, weight, champion, canary, slow_us, champion_cell, canary_cell, bool(refers & 1), bool(copies), *more)
    return replace(route, closed=True) if refers & 2 else route

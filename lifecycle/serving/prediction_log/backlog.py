"""The rows of models that are declared as best effort: no answer waits for them, and each one that is lost is counted.

They wait in memory, so many at most, and are written by a thread beside the requests: all at once that come within a moment, because
to give a thread its turn takes as long as an answer. A disk that is full or stands still costs rows and no answers. What a killed
worker had not written yet is lost as well: the shared memory has its number.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

from lifecycle.errors import Unavailable
from lifecycle.serving.prediction_log.writing import Lines, PredictionWriter, prepared

_LOG = logging.getLogger(__name__)
#: So many rows wait at most, in one worker, over all models.
MOST_ROWS_WAITING = 16_384
#: So many rows are written at once; fewer wait for others, so long at most.
_ROWS_AT_ONCE = 1_024
_GATHER_SECONDS = 0.01


class RowCounts(Protocol):
    """Where it is counted what becomes of rows: `counters.Counters`. Called in the loop only."""

    def waiting(self, slot: int, rows: int) -> None: ...

    def logged(self, slot: int, rows: int) -> None: ...

    def lost(self, slot: int, rows: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    model: str
    slot: int
    lines: Lines


class Backlog:
    """One worker's. `writer` is for its thread alone."""

    def __init__(self, writer: PredictionWriter, counts: RowCounts, most_rows: int = MOST_ROWS_WAITING) -> None:
        self._writer = writer
        self._counts = counts
        self._most_rows = most_rows
        self._queue: deque[_Waiting] = deque()
        self._rows = 0
        self._writing: asyncio.Task[None] | None = None
        #: Why the rows of a model are being lost, by model.
        self._faults: dict[str, str] = {}

    def offer(self, model: str, slot: int, rows: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        """Takes rows like `PredictionWriter.append`, or drops them and counts that. Never waits, and never fails."""
        if self._rows + len(rows) > self._most_rows:
            self._counts.lost(slot, len(rows))
            return
        self._queue.append(_Waiting(model, slot, prepared(rows, asked)))
        self._rows += len(rows)
        self._counts.waiting(slot, len(rows))
        if self._idle:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    def close_old(self) -> None:
        """Closes old segments, like `PredictionWriter.close_old`; while it writes, that is done after each turn."""
        if self._idle:
            self._writer.close_old()

    async def end(self, seconds: float) -> None:
        """Writes what waits, for so long, and ends. What is not written by then is lost, and counted."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=seconds)
        if self._idle:
            self._writer.close()
        while self._queue:
            left = self._queue.popleft()
            self._settled(left.slot, len(left.lines.rows), kept=False)

    @property
    def _idle(self) -> bool:
        return self._writing is None or self._writing.done()

    async def _write(self) -> None:
        """Writes until nothing waits."""
        while self._queue:
            if self._rows < _ROWS_AT_ONCE:
                await asyncio.sleep(_GATHER_SECONDS)
            for (model, slot), batch in groupby(self._taken(), key=attrgetter("model", "slot")):
                lines = Lines.joined(one.lines for one in batch)
                try:
                    await asyncio.to_thread(self._writer.add, model, lines)
                except Unavailable as error:
                    self._settled(slot, len(lines.rows), kept=False)
                    self._tell(model, error.what)
                else:
                    self._settled(slot, len(lines.rows), kept=True)
                    self._faults.pop(model, None)
            await asyncio.to_thread(self._writer.close_old)

    def _taken(self) -> Iterator[_Waiting]:
        """What is written in one turn. It counts as waiting until it is."""
        rows = 0
        while self._queue and rows < _ROWS_AT_ONCE:
            rows += len(self._queue[0].lines.rows)
            yield self._queue.popleft()

    def _settled(self, slot: int, rows: int, *, kept: bool) -> None:
        self._rows -= rows
        self._counts.waiting(slot, -rows)
        (self._counts.logged if kept else self._counts.lost)(slot, rows)

    def _tell(self, model: str, fault: str) -> None:
        if self._faults.get(model) != fault:
            _LOG.error("rows of %s are lost, and counted: %s", model, fault)
        self._faults[model] = fault

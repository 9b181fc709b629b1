"""A prediction log whose segments are sealed by a real sealer into a real journal, without a gateway around it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.sealing import Sealer
from lifecycle.serving.prediction_log.segment_check import Sealed
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.prediction_log.writing import PredictionWriter
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.state import SealedStream
from tests.serving.prediction_log.rows import asked, row

MODEL = "credit"


class SealedLog:
    """Two sealed segments of three rows each; `events` is what the ledger was told."""

    def __init__(self, home: Path, segments: int = 2, **changed: Any) -> None:
        self.folder = GatewayFolder(home / "gateway")
        self.folder.make()
        self.log = ModelLog(self.folder.predictions / MODEL)
        self.events: list[Event] = []
        #: Rows that this log never got.
        self.dropped = 0
        self._journal = Journal.open(self.folder.journal)
        for segment in range(segments):
            self.write([3 * segment + number for number in range(3)], **changed)
        self.seal()

    @classmethod
    def goes_on(cls, home: Path, numbers: list[int], *, seal: bool = True, **changed: Any) -> Self:
        """The log of this home with one segment more; `events` is what the ledger is told of it."""
        log = cls(home, segments=0)
        log.write(numbers, **changed)
        if seal:
            log.seal()
        return log

    def write(self, numbers: list[int], **changed: Any) -> None:
        """One segment, which is over, with rows of these numbers."""
        writer = PredictionWriter(self.folder.predictions, 0)
        writer.append(MODEL, [row(number, **changed) for number in numbers], [asked(income=float(number)) for number in numbers])
        writer.close()

    def seal(self) -> None:
        """Seals what is over, and delivers."""
        sealer = Sealer(self.folder.predictions, "local", self)
        asyncio.run(sealer.end())
        assert not sealer.faults, sealer.faults
        while (pending := self._journal.next_pending()) is not None:
            self.events.append(pending.event)
            self._journal.delivered(pending)

    def stream(self, model: str) -> SealedStream | None:
        return self._journal.state.stream(model)

    def commit_seal(self, stream: SealedStream, event: Event) -> None:
        self._journal.commit(self._journal.state.with_sealed(stream), [event])

    def rows_dropped(self, model: str) -> int:
        return self.dropped

    def sealed(self) -> list[Sealed]:
        """What a ledger with these events would say."""
        return [
            Sealed(index, event.subject.name, event.body)
            for index, event in enumerate(self.events)
            if isinstance(event.body, PredictionsSealed)
        ]

    def rows(self, segment: int = 0) -> Path:
        return self.log.files("rows")[segment]

    def values(self, segment: int = 0) -> Path:
        return self.log.files("values")[segment]

"""What one version told callers, segment by segment: the rows, what was asked of each, and whether both are what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Microseconds, Version
from lifecycle.serving.prediction_log.reading import ASKED, opens, value_lines
from lifecycle.serving.prediction_log.segment_reading import SegmentReading, whole_lines
from lifecycle.serving.prediction_log.segments import VALUES, ModelLog

#: A shadow's answers reached nobody.
_UNSEEN = "shadow"


@dataclass(frozen=True, slots=True)
class Told:
    """One answer that a caller was given."""

    row: Prediction
    #: What was asked; None where it is kept no more.
    asked: Mapping[str, Any] | None
    #: Whether its segment is what was sealed (or is not sealed yet), and what is kept what the row is committed to.
    intact: bool


@dataclass
class ToldBy:
    """Reads the log of a model for one version. `sealed` are the segments that the ledger has, by name."""

    log: ModelLog
    version: Version
    since_us: Microseconds
    sealed: Mapping[str, PredictionsSealed]
    #: Answers of the version that were sealed and that the log does not have, as far as was read. Counted by segment: those of one that
    #: reaches over `since_us` are all counted.
    unread: int = 0

    def __iter__(self) -> Iterator[Told]:
        """In the order of the segments. Raises Tampered that names a line that is no row."""
        for segment in sorted(self.log.segments() | self.sealed.keys()):
            seal = self.sealed.get(segment)
            if seal is None or (self._answers_in(seal) and seal.to_us >= self.since_us):
                yield from self._in(segment, seal)

    def _in(self, segment: str, seal: PredictionsSealed | None) -> Iterator[Told]:
        path = self.log.rows(segment)
        reading = SegmentReading(path)
        mine = []
        if path.exists():
            mine = [row for row in map(reading.add, whole_lines(path)) if row.version == self.version and row.arm != _UNSEEN]
        intact = seal is None or (reading.size == seal.rows and reading.content().root == seal.root)
        if seal is not None:
            self.unread += max(0, self._answers_in(seal) - len(mine))
        wanted = [row for row in mine if row.outcome == "answered" and row.at_us >= self.since_us]
        kept = self._kept(segment, frozenset(row.id for row in wanted))
        for row in wanted:
            line = kept.get(row.id)
            asked = None if line is None else {name: line[name] for name in ASKED if name in line}
            yield Told(row, asked, intact and (line is None or opens(row, line)))

    def _answers_in(self, seal: PredictionsSealed) -> int:
        return sum(one.rows for one in seal.versions if one.version == self.version and one.arm != _UNSEEN)

    def _kept(self, segment: str, ids: frozenset[str]) -> dict[str, dict[str, Any]]:
        """What was asked by prediction: beside its segment, or, of an older log, anywhere."""
        if not ids:
            return {}
        beside = self.log.values(segment)
        files = [beside] if beside.exists() else self.log.files(VALUES)
        lines = (line for file in files for line in value_lines(file) if line is not None)
        return {line["id"]: line for line in lines if line["id"] in ids}

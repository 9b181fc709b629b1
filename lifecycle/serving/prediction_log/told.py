"""What one version told callers, segment by segment: the rows, what was asked of each, and whether both are what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Microseconds, Version
from lifecycle.serving.prediction_log.reading import asked_in, opens, value_lines
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
    """Reads the logs of a model, one for each gateway, for one version. `sealed` are the segments that the ledger has, by name: two
    gateways may have given theirs the same.
    """

    logs: Sequence[ModelLog]
    version: Version
    since_us: Microseconds
    sealed: Mapping[str, Sequence[PredictionsSealed]]
    #: Answers of the version that were sealed and that no log here has, as far as was read. Counted by segment: those of one that
    #: reaches over `since_us` are all counted.
    unread: int = 0

    def __iter__(self) -> Iterator[Told]:
        """In the order of the segments. Raises Tampered that names a line that is no row."""
        for segment in sorted(self.sealed.keys() | {name for log in self.logs for name in log.segments()}):
            seals = self.sealed.get(segment, ())
            if not seals or any(self._answers_in(seal) and seal.to_us >= self.since_us for seal in seals):
                yield from self._in(segment, list(seals))

    def _in(self, segment: str, seals: list[PredictionsSealed]) -> Iterator[Told]:
        """Whatever lies under this name. A seal is that of one log: a copy of a sealed segment has none."""
        is_sealed, missing = bool(seals), sum(map(self._answers_in, seals))
        for log in self.logs:
            path = log.rows(segment)
            if not path.exists():
                continue
            reading = SegmentReading(path)
            mine = [row for row in map(reading.add, whole_lines(path)) if row.version == self.version and row.arm != _UNSEEN]
            seal = next((one for one in seals if (one.rows, one.root) == (reading.size, reading.content().root)), None)
            if seal is not None:
                seals.remove(seal)
            missing -= len(mine)
            yield from self._told_in(log, segment, mine, intact=not is_sealed or seal is not None)
        self.unread += max(0, missing)

    def _told_in(self, log: ModelLog, segment: str, mine: Sequence[Prediction], *, intact: bool) -> Iterator[Told]:
        wanted = [row for row in mine if row.outcome == "answered" and row.at_us >= self.since_us]
        kept = _kept(log, segment, frozenset(row.id for row in wanted))
        for row in wanted:
            line = kept.get(row.id)
            asked = None if line is None else asked_in(line)
            yield Told(row, asked, intact and (line is None or opens(row, line)))

    def _answers_in(self, seal: PredictionsSealed) -> int:
        return sum(one.rows for one in seal.versions if one.version == self.version and one.arm != _UNSEEN)


def _kept(log: ModelLog, segment: str, ids: frozenset[str]) -> dict[str, dict[str, Any]]:
    """What was asked by prediction: beside its segment, or, of an older log, anywhere."""
    if not ids:
        return {}
    beside = log.values(segment)
    files = [beside] if beside.exists() else log.files(VALUES)
    lines = (line for file in files for line in value_lines(file) if line is not None)
    return {line["id"]: line for line in lines if line["id"] in ids}

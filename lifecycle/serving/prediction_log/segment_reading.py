"""What a segment of the prediction log holds: the root over its rows, their times, and who answered how often."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lifecycle.errors import Tampered
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.bodies.serving import PredictionsSealed, SealedVersion
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Digest, Id, Microseconds, Version
from lifecycle.records.rollout import Arm

#: So many lines are read before the interpreter is given away, and for so long.
_LINES_AT_ONCE = 128
_BREATH_SECONDS = 0.000_5


class Answerer(NamedTuple):
    """Who answered: which bytes of which version, allowed by which decision, on which arm."""

    version: Version | None
    model_digest: Digest | None
    decision_id: Id | None
    bundle_digest: Digest | None
    arm: Arm


def answerer(row: Prediction | SealedVersion) -> Answerer:
    """Who answered a row, or the rows that a seal adds up."""
    return Answerer(row.version, row.model_digest, row.decision_id, row.bundle_digest, row.arm)


@dataclass(frozen=True)
class SegmentContent:
    """The rows of one segment, added up. `root` is that of RFC 6962 over the lines without their line feeds."""

    rows: int
    root: Digest
    from_us: Microseconds
    to_us: Microseconds
    versions: tuple[SealedVersion, ...]

    def sealed_as(self, segment: str, stream: Id, number: int, rows_dropped: int | None = None) -> PredictionsSealed:
        """What the ledger is told of it, and of the rows that no segment of its stream has."""
        return PredictionsSealed(
            segment=segment,
            stream=stream,
            number=number,
            rows=self.rows,
            from_us=self.from_us,
            to_us=self.to_us,
            root=self.root,
            versions=self.versions,
            rows_dropped=rows_dropped,
        )


def whole_lines(segment: Path) -> Iterator[bytes]:
    """The lines of a file without their line feeds. What a crash tore off at the end never happened."""
    with segment.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line[:-1]


def unhurried(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines, for a thread beside one that may have to roll back: that one waits for no more than a few of them."""
    for number, line in enumerate(lines, start=1):
        yield line
        if number % _LINES_AT_ONCE == 0:
            time.sleep(_BREATH_SECONDS)


def parsed_row(segment: Path, position: int, line: bytes) -> Prediction:
    """A row in the form that is written and no other. Raises Tampered that names the line, which is counted from 1."""
    try:
        return Prediction.model_validate_json(line)
    except ValueError as error:  # pydantic's is one
        raise no_row(segment, position) from error


def no_row(file: Path, position: int) -> Tampered:
    """What there is to say of a line, counted from 0, that is none of the prediction log's."""
    return Tampered(f"Line {position + 1} of {file} is not a row of the prediction log.", "Restore that segment from its backup.")


class SegmentReading:
    """Adds a segment up, row by row."""

    def __init__(self, segment: Path) -> None:
        self._segment = segment
        self._model = segment.parent.parent.name
        self._tree = Frontier()
        self._answered: Counter[Answerer] = Counter()
        self._from_us = self._to_us = 0
        #: Of the lines that were taken in, line feeds included, in bytes.
        self.length = 0

    def add(self, line: bytes) -> Prediction:
        """Takes the next row in. Raises Tampered where the line is none, or one of another model."""
        row = parsed_row(self._segment, self._tree.size, line)
        if row.model != self._model:
            raise Tampered(
                f"Line {self._tree.size + 1} of {self._segment} is a row of {row.model}, and lies among those of {self._model}.",
                "Find out who moved it, and restore that segment from its backup.",
            )
        self._from_us = min(self._from_us, row.at_us) if self._tree.size else row.at_us
        self._to_us = max(self._to_us, row.at_us)
        self._tree.append(leaf_hash(line))
        self.length += len(line) + 1
        self._answered[answerer(row)] += 1
        return row

    @property
    def size(self) -> int:
        """How many rows were taken in."""
        return self._tree.size

    def content(self) -> SegmentContent:
        """What was added up so far."""
        answered = sorted(self._answered.items(), key=lambda one: (one[0].version or 0, one[0].arm, str(one[0])))
        return SegmentContent(
            rows=self._tree.size,
            root=f"sha256:{self._tree.root().hex()}",
            from_us=self._from_us,
            to_us=self._to_us,
            versions=tuple(SealedVersion(**who._asdict(), rows=rows) for who, rows in answered),
        )

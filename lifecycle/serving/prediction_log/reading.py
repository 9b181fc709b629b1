"""The prediction log, to read: rows with what was asked and what turned out to be true."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, compress
from operator import not_
from pathlib import Path
from typing import Any

from lifecycle.errors import MalformedRecord, Tampered, UnknownName
from lifecycle.records.identity import Opening
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Id, Microseconds
from lifecycle.serving.prediction_log.lines import has_own_form
from lifecycle.serving.prediction_log.segment_reading import no_row, parsed_row, whole_lines
from lifecycle.serving.prediction_log.segments import LABELS, ROWS, SLACK_US, VALUES, ModelLog, may_hold_since, model_logs, opened_us

#: The fields of a line beside the rows: those that it has, and those that it may have.
_FIELDS = {
    VALUES: ({"id", "salt", "request_id", "values"}, {"id", "salt", "request_id", "values", "subject", "grant_id", "principal"}),
    LABELS: ({"id", "label", "at_us"}, {"id", "label", "at_us", "grant_id", "asked_by"}),
}
#: So many folders are named to whoever looked in vain.
_MOST_NAMED = 2
#: What a caller sent, by which grant, and who that is, in the fields of a line of values: what the row is committed to.
ASKED = ("request_id", "values", "subject", "grant_id", "principal")


@dataclass(frozen=True)
class Located:
    """A row where it lies: its bytes are the leaf of this number (from 0) in the tree of its segment."""

    log: ModelLog
    segment: str
    position: int
    stored: bytes
    row: Prediction
    #: What was asked: `request_id`, `values`, `subject` where the caller gave one, `grant_id` and `principal` where it was
    #: granted access. None where it is kept no more.
    asked: Mapping[str, Any] | None
    #: Whether that is what the row was committed to.
    fits: bool
    label: str | None

    def as_row(self) -> dict[str, Any]:
        """The row as `PredictionLog.rows` gives it."""
        return _whole(self.row.as_json(), self.asked, self.label)


class PredictionLog:
    """Reads the segments under some folders, one for each gateway, while workers write them. The last line of one may be torn by a
    crash; it is left out. A label may lie in another folder than its row: any gateway of a model takes it.

    A row is that of `records.prediction.Prediction`, and each has besides: `request_id` and `values`, what was asked (None where that
    was erased), and `label` (None until it is known). A line that is anything else raises Tampered that names it.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    def models(self) -> tuple[str, ...]:
        """The models that have rows."""
        return tuple(sorted({log.model for log in self._logs()}))

    def rows(
        self, model: str, since_us: int = 0, until_us: int | None = None, *, version: int | None = None, with_values: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Rows of [since_us, until_us) in the order of their time."""
        logs = self._logs(model)
        lies_in = {log: [row for row in _rows(log, since_us) if _is_in(row, since_us, until_us, version)] for log in logs}
        found = sorted(chain.from_iterable(lies_in.values()), key=lambda row: (row["at_us"], row["id"]))
        sent = _sent_labels(logs, {row["id"] for row in found})
        with_askers = with_values or any("asked_by" in line for line in sent)
        asked: dict[Id, dict[str, Any]] = {}
        for log, rows in lies_in.items() if with_askers else ():
            # What was asked lies in the folder of its row, and nobody else's line stands for it.
            wanted = {row["id"] for row in rows}
            asked |= {line["id"]: line for line in _lines(log, VALUES, since_us) if line["id"] in wanted}
        labels = _labels(sent, asked)
        for row in found:
            yield _whole(row, asked.get(row["id"]) if with_values else None, labels.get(row["id"]))

    def find(self, prediction_id: str) -> dict[str, Any]:
        """The row of one prediction. Raises UnknownName where there is none, Tampered where what was asked is not what was committed to."""
        found = self.locate(prediction_id)
        if not found.fits:
            raise Tampered(
                f"What is kept as asked of prediction {prediction_id} is not what its row was committed to.",
                "Restore that segment from its backup.",
            )
        return found.as_row()

    def locate(self, prediction_id: str) -> Located:
        """The row, with its place in its segment.

        Raises UnknownName where there is none, Tampered for a line that is no row, and where the id stands in two segments: somebody
        who can write here could lay a row of their own beside the one that was sealed.
        """
        segments = [(log, path) for log in self._logs() for path in log.files(ROWS)]
        likely = [_may_hold(path, prediction_id) for _, path in segments]
        found = list(_places(compress(segments, likely), prediction_id))
        if not any(_has_seal(log, path) for log, path, _ in found):
            # Where the times of a file were lost, as in a copy, its row is still found; what is sealed is looked for to the last file.
            found += _places(compress(segments, map(not_, likely)), prediction_id)
        if not found:
            raise UnknownName(
                f"There is no prediction {prediction_id!r} in the log at {', '.join(map(str, self._folders[:_MOST_NAMED]))}.",
                "Take the `prediction_id` from the parameters of an answer of this gateway.",
            )
        if len(found) > 1:
            names = " and ".join(str(path) for _, path, _ in found)
            raise Tampered(
                f"Prediction {prediction_id} stands in {len(found)} segments of the log: {names}.",
                "Keep a copy of the home as evidence, and find out who wrote the one that the ledger has no seal of.",
            )
        log, path, place = found[0]
        return self._located(log, path, *place)

    def _logs(self, model: str | None = None) -> tuple[ModelLog, ...]:
        return tuple(log for folder in self._folders for log in model_logs(folder) if model in (None, log.model))

    def _located(self, log: ModelLog, path: Path, position: int, stored: bytes) -> Located:
        row = parsed_row(path, position, stored)
        line = _asked_of(log, path.name, row.id)
        asked = None if line is None else asked_in(line)
        fits = line is None or opens(row, line)
        sent = _sent_labels(self._logs(log.model), {row.id})
        label = _labels(sent, {} if line is None else {row.id: line}).get(row.id)
        return Located(log, path.name, position, stored, row, asked, fits, label)


def answered_at_us(prediction_id: str) -> Microseconds | None:
    """When a prediction was made, as its id says (UUIDv7, to a millisecond); None for any other id."""
    if len(prediction_id) != 36 or prediction_id[14] != "7":
        return None
    try:
        return int(prediction_id[:8] + prediction_id[9:13], 16) * 1_000
    except ValueError:
        return None


def within(at_us: Microseconds, from_us: Microseconds, to_us: Microseconds) -> bool:
    """Whether a moment may lie in a segment of these times."""
    return from_us - SLACK_US <= at_us <= to_us + SLACK_US


def values_in(file: Path) -> Iterator[dict[str, Any]]:
    """What was asked, line by line, as it is kept. Lines that were erased are left out. Raises Tampered for any other line."""
    return (line for line in value_lines(file) if line is not None)


def value_lines(file: Path) -> Iterator[dict[str, Any] | None]:
    """The same with None for each line that was erased, so that the lines stay beside their rows."""
    for position, line in enumerate(whole_lines(file)):
        yield _parsed(file, position, VALUES, line) if line.strip(b" ") else None


def asked_in(line: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, of a line of values."""
    return {name: line[name] for name in ASKED if name in line}


def opens(row: Prediction, line: Mapping[str, Any]) -> bool:
    """Whether a line of values is what the row was committed to."""
    try:
        opening = Opening(salt_hex=line["salt"], value=asked_in(line))
        # In the form that is written: otherwise a changed byte could open the same.
        as_written = opening.salt_hex == bytes.fromhex(opening.salt_hex).hex()
        return as_written and opening.commitment().digest == row.input_commitment
    except (ValueError, MalformedRecord):
        return False


def _asked_of(log: ModelLog, segment: str, prediction_id: Id) -> dict[str, Any] | None:
    """What was asked of one row: beside its segment, or, of an older log, anywhere."""
    beside = log.values(segment)
    for file in [beside] if beside.exists() else log.files(VALUES):
        found = _position(file, prediction_id)
        if found is not None:
            return _parsed(file, found[0], VALUES, found[1])
    return None


def _places(segments: Iterable[tuple[ModelLog, Path]], prediction_id: str) -> Iterator[tuple[ModelLog, Path, tuple[int, bytes]]]:
    """The segments that have a row of this id, and where in them."""
    for log, path in segments:
        place = _position(path, prediction_id)
        if place is not None:
            yield log, path, place


def _has_seal(log: ModelLog, segment: Path) -> bool:
    return any(seal.segment == segment.name for seal in log.seals())


def _may_hold(segment: Path, prediction_id: str) -> bool:
    """Whether a row of this id can lie in a segment, by the time in the id (UUIDv7) and those of the file."""
    begun_us, at_us = opened_us(segment), answered_at_us(prediction_id)
    return begun_us is None or at_us is None or within(at_us, begun_us, segment.stat().st_mtime_ns // 1_000)


def _position(file: Path, prediction_id: str) -> tuple[int, bytes] | None:
    """The number of the line of this id, from 0, and the line; None where no whole line is."""
    if file.stat().st_size == 0:
        return None
    wanted, at = b'"id":' + json.dumps(prediction_id).encode(), 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (at := content.find(wanted, at)) >= 0 and (end := content.find(b"\n", at)) >= 0:
            start = content.rfind(b"\n", 0, at) + 1
            # Somebody may have sent the same text as a value: the id of a line stands before everything that was sent.
            if content.find(b'"id":', start, end) == at:
                return content[:start].count(b"\n"), content[start:end]
            at = end
    return None


def _rows(log: ModelLog, since_us: Microseconds) -> Iterator[dict[str, Any]]:
    for path in _since(log, ROWS, since_us):
        for position, line in enumerate(whole_lines(path)):
            yield parsed_row(path, position, line).as_json()


def _is_in(row: Mapping[str, Any], since_us: Microseconds, until_us: Microseconds | None, version: int | None) -> bool:
    return since_us <= row["at_us"] and (until_us is None or row["at_us"] < until_us) and version in (None, row["version"])


def _lines(log: ModelLog, kind: str, since_us: Microseconds) -> Iterator[dict[str, Any]]:
    for path in _since(log, kind, since_us):
        if kind == VALUES:
            yield from values_in(path)
        else:
            yield from (_parsed(path, position, kind, line) for position, line in enumerate(whole_lines(path)))


def _since(log: ModelLog, kind: str, since_us: Microseconds) -> Iterator[Path]:
    """The files that can hold something of this time or later."""
    return (path for path in log.files(kind) if may_hold_since(path, since_us))


def _sent_labels(logs: Iterable[ModelLog], wanted: set[str]) -> list[dict[str, Any]]:
    """The lines of labels of these predictions, the last one last."""
    sent = (line for log in logs for line in _lines(log, LABELS, 0) if line["id"] in wanted)
    return sorted(sent, key=lambda line: int(line["at_us"]))


def _labels(sent: Iterable[Mapping[str, Any]], asked: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The label that counts of each prediction: the last one of whoever may say it. Who asked is known as long as that is kept."""
    return {
        line["id"]: line["label"]
        for line in sent
        if "asked_by" not in line or line["asked_by"] == asked.get(line["id"], {}).get("principal")
    }


def _parsed(file: Path, position: int, kind: str, line: bytes) -> dict[str, Any]:
    """A line, in the form that is written and no other. Raises Tampered that names it."""
    must_have, may_have = _FIELDS[kind]
    try:
        value = json.loads(line)
        if not isinstance(value, dict) or not must_have <= value.keys() <= may_have or not has_own_form(kind, value, line):
            raise ValueError("another form")
    except ValueError as error:
        raise no_row(file, position) from error
    return value


def _whole(row: dict[str, Any], asked: Mapping[str, Any] | None, label: str | None) -> dict[str, Any]:
    said = {"request_id": None, "values": None} if asked is None else {name: asked[name] for name in ("request_id", "values")}
    return {**row, **said, "label": label}

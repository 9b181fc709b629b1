"""What is added to a model's prediction log, look by look: rows with what was asked of each, and labels.

Each line is read once. A line that is still being written, or was torn by a crash, waits for its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Microseconds
from lifecycle.serving.prediction_log.segment_reading import no_row, parsed_row, unhurried
from lifecycle.serving.prediction_log.segments import LABELS, ROWS, ModelLog, may_hold_since


class SentLabel(NamedTuple):
    """A label as its line has it."""

    prediction_id: str
    label: str
    #: The application that must have asked for the prediction, else the label counts for nothing; "" where it may be anybody's.
    asked_by: str
    #: When it was sent: the last one counts.
    at_us: Microseconds


class FollowedLog:
    """One model's log from a moment on. Looks may come from any thread, one at a time."""

    def __init__(self, log: ModelLog, since_us: Microseconds) -> None:
        self._log = log
        self._since_us = since_us
        #: By file: where its next line begins, and how many came before.
        self._places: dict[Path, tuple[int, int]] = {}

    def labels(self) -> Iterator[SentLabel]:
        """Labels that were added. Raises Tampered for a line that is none."""
        for path in self._files(LABELS):
            for number, line in self._added(path):
                said = _parsed(path, number, line)
                texts: list[Any] = [said.get("id"), said.get("label"), said.get("asked_by", "")]
                at_us = said.get("at_us")
                if not (all(isinstance(text, str) for text in texts) and isinstance(at_us, int)):
                    raise no_row(path, number)
                prediction_id, label, asked_by = texts
                yield SentLabel(prediction_id, label, asked_by, at_us)

    def rows(self) -> Iterator[tuple[Prediction, dict[str, Any]]]:
        """Rows that were added, each with what was asked (nothing where that was erased). Raises Tampered for a line that is none."""
        for path in self._files(ROWS):
            beside = self._log.values(path.name)
            asked = self._added(beside) if beside.exists() else iter(())
            for number, line in self._added(path):
                row = parsed_row(path, number, line)
                # What was asked is written first, so that it is there whenever its row is.
                yield row, _asked(beside, *next(asked, (number, b"")))

    def _files(self, kind: str) -> list[Path]:
        found = []
        for path in self._log.files(kind):
            # It may have been pruned since it was listed.
            with suppress(FileNotFoundError):
                if may_hold_since(path, self._since_us):
                    found.append(path)
        return found

    def _added(self, path: Path) -> Iterator[tuple[int, bytes]]:
        """Whole lines that were not read before, each with its number, from 0."""
        place, number = self._places.get(path, (0, 0))
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(place)
            for line in unhurried(file):
                if not line.endswith(b"\n"):
                    return
                place += len(line)
                self._places[path] = place, number + 1
                yield number, line[:-1]
                number += 1


def _asked(path: Path, number: int, line: bytes) -> dict[str, Any]:
    return _parsed(path, number, line) if line.strip(b" ") else {}


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise no_row(path, number) from error
    if not isinstance(said, dict):
        raise no_row(path, number)
    return said

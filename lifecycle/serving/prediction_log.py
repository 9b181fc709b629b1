"""The prediction log, to read: rows with what was asked and what turned out to be true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifecycle.errors import MalformedRecord, Tampered, UnknownName
from lifecycle.records.identity import Opening
from lifecycle.records.prediction import Prediction
from lifecycle.serving.predictions import LABELS, ROWS, VALUES

#: A segment that was closed longer than this before a window began can hold nothing of it.
_SLACK_US = 60_000_000
#: The fields of a line beside the rows.
_FIELDS = {VALUES: {"id", "salt", "request_id", "values"}, LABELS: {"id", "label", "at_us"}}


class PredictionLog:
    """Reads the segments under a folder while workers write them. The last line of one may be torn by a crash; it is left out.

    A row is that of `records.prediction.Prediction`, and each has besides: `request_id` and `values`, what was asked (None where that
    was erased), and `label` (None until it is known). A line that is anything else raises Tampered that names it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def models(self) -> tuple[str, ...]:
        """The models that have rows."""
        return tuple(sorted(path.name for path in self._folder.glob("*") if path.is_dir()))

    def rows(
        self, model: str, since_us: int = 0, until_us: int | None = None, *, version: int | None = None, with_values: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Rows of [since_us, until_us) in the order of their time."""
        found = [
            row
            for row in self._lines(model, ROWS, since_us)
            if row["at_us"] >= since_us and (until_us is None or row["at_us"] < until_us) and version in (None, row["version"])
        ]
        found.sort(key=lambda row: (row["at_us"], row["id"]))
        wanted = {row["id"] for row in found}
        asked = {line["id"]: line for line in self._lines(model, VALUES, since_us) if line["id"] in wanted} if with_values else {}
        labels = self._labels(model, wanted)
        for row in found:
            yield _whole(row, asked.get(row["id"]), labels)

    def find(self, prediction_id: str) -> dict[str, Any]:
        """The row of one prediction. Raises UnknownName where there is none, Tampered where what was asked is not what was committed to."""
        for model in self.models():
            for row in self._lines(model, ROWS, 0):
                if row["id"] == prediction_id:
                    asked = next((line for line in self._lines(model, VALUES, 0) if line["id"] == prediction_id), None)
                    _require_committed(row, asked)
                    return _whole(row, asked, self._labels(model, {prediction_id}))
        raise UnknownName(
            f"There is no prediction {prediction_id!r} in the log at {self._folder}.",
            "Take the `prediction_id` from the parameters of an answer of this gateway.",
        )

    def _labels(self, model: str, wanted: set[str]) -> dict[str, str]:
        lines = [line for line in self._lines(model, LABELS, 0) if line["id"] in wanted]
        return {line["id"]: line["label"] for line in sorted(lines, key=lambda line: int(line["at_us"]))}

    def _lines(self, model: str, kind: str, since_us: int) -> Iterator[dict[str, Any]]:
        for segment in sorted((self._folder / model / kind).glob("*.jsonl")):
            if segment.stat().st_mtime_ns // 1_000 < since_us - _SLACK_US:
                continue
            with segment.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if not line.endswith(b"\n"):
                        break
                    try:
                        yield _parsed(kind, line)
                    except ValueError as error:
                        raise Tampered(
                            f"Line {number} of {segment} is not a row of the prediction log.", "Restore that segment from its backup."
                        ) from error


def _parsed(kind: str, line: bytes) -> dict[str, Any]:
    """A line, in the form that is written and no other. Raises ValueError (pydantic's is one)."""
    if kind == ROWS:
        return Prediction.model_validate_json(line).as_json()
    value = json.loads(line)
    if not isinstance(value, dict) or value.keys() != _FIELDS[kind]:
        raise ValueError("other fields")
    return value


def _whole(row: dict[str, Any], asked: dict[str, Any] | None, labels: dict[str, str]) -> dict[str, Any]:
    said = {"request_id": None, "values": None} if asked is None else {name: asked[name] for name in ("request_id", "values")}
    return {**row, **said, "label": labels.get(row["id"])}


def _require_committed(row: dict[str, Any], asked: dict[str, Any] | None) -> None:
    if asked is None:
        return
    try:
        opening = Opening(salt_hex=asked["salt"], value={name: asked[name] for name in ("request_id", "values")})
        fits = opening.commitment().digest == row["input_commitment"]
    except (ValueError, MalformedRecord):
        fits = False
    if not fits:
        raise Tampered(
            f"What is kept as asked of prediction {row['id']} is not what its row was committed to.",
            "Restore that segment from its backup.",
        )

"""The prediction log, to read: rows with what was asked and what turned out to be true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifecycle.errors import Tampered, UnknownName
from lifecycle.serving.predictions import LABELS, ROWS, VALUES

#: A segment that was closed longer than this before a window began can hold nothing of it.
_SLACK_US = 60_000_000


class PredictionLog:
    """Reads the segments under a folder while workers write them. The last line of one may be torn by a crash; it is left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def models(self) -> tuple[str, ...]:
        """The models that have rows."""
        return tuple(sorted(path.name for path in self._folder.glob("*") if path.is_dir()))

    def rows(
        self, model: str, since_us: int = 0, until_us: int | None = None, *, version: int | None = None, with_values: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Rows of [since_us, until_us) in the order of their time.

        Each has `values`, what was asked (None where that was erased), and `label` (None until it is known).
        """
        found = [
            row
            for row in self._lines(model, ROWS, since_us)
            if row["at_us"] >= since_us and (until_us is None or row["at_us"] < until_us) and version in (None, row["version"])
        ]
        found.sort(key=lambda row: (row["at_us"], row["id"]))
        wanted = {row["id"] for row in found}
        values = (
            {line["id"]: line["values"] for line in self._lines(model, VALUES, since_us) if line["id"] in wanted} if with_values else {}
        )
        labels = self._labels(model, wanted)
        for row in found:
            yield {**row, "values": values.get(row["id"]), "label": labels.get(row["id"])}

    def find(self, prediction_id: str) -> dict[str, Any]:
        """The row of one prediction. Raises UnknownName where there is none."""
        for model in self.models():
            for row in self._lines(model, ROWS, 0):
                if row["id"] == prediction_id:
                    values = next((line["values"] for line in self._lines(model, VALUES, 0) if line["id"] == prediction_id), None)
                    return {**row, "values": values, "label": self._labels(model, {prediction_id}).get(prediction_id)}
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
                        yield json.loads(line)
                    except ValueError as error:
                        raise Tampered(
                            f"Line {number} of {segment} is not a row of the prediction log.", "Restore that segment from its backup."
                        ) from error

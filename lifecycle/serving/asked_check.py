"""Holds what is kept as asked against the rows of one segment: it is there, and is what was committed to, or it was erased."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from itertools import chain
from typing import Any

from lifecycle.errors import LifecycleError
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Digest
from lifecycle.serving.prediction_log import opens, value_lines, values_in
from lifecycle.serving.segments import VALUES, ModelLog

#: So many predictions are named one by one; of more, only their number is told.
_MOST_NAMED = 3
_GONE, _OTHER, _BACK = (
    "is gone, and nothing says that it was erased",
    "is not what its row was committed to",
    "was erased, and is there again: erase it once more",
)


class AskedCheck:
    """Fed with the rows in order. Values lie in that order as well; only where they do not, all of them are held at once."""

    def __init__(self, log: ModelLog, segment: str, erased: Container[Digest]) -> None:
        self._log = log
        self._segment = segment
        self._erased = erased
        beside = log.values(segment)
        self._lines: Iterator[dict[str, Any] | None] | None = value_lines(beside) if beside.exists() else None
        self._by_id: dict[str, dict[str, Any]] | None = None
        self._named: dict[str, list[str]] = {_GONE: [], _OTHER: [], _BACK: []}
        self._counted = dict.fromkeys(self._named, 0)
        self._altered = ""

    def look_at(self, row: Prediction) -> None:
        """Takes in the next row. What it finds is told by `found`."""
        if self._altered:
            return
        try:
            line = self._of(row)
        except LifecycleError as error:
            self._altered = error.what
            return
        is_erased = row.input_commitment in self._erased
        if line is None:
            if not is_erased:
                self._note(_GONE, row)
        elif not opens(row, line):
            self._note(_OTHER, row)
        elif is_erased:
            self._note(_BACK, row)

    def found(self) -> Iterator[str]:
        """What is wrong, as whole sentences."""
        if self._altered:
            yield f"what was asked in segment {self._segment} of {self._log.model} was altered: {self._altered}"
        for what, ids in self._named.items():
            if ids:
                more = f" and {self._counted[what] - len(ids)} more" if self._counted[what] > len(ids) else ""
                yield f"what was asked of prediction {', '.join(ids)}{more} {what}"

    def _note(self, what: str, row: Prediction) -> None:
        self._counted[what] += 1
        if len(self._named[what]) < _MOST_NAMED:
            self._named[what].append(row.id)

    def _of(self, row: Prediction) -> Mapping[str, Any] | None:
        """What is kept of a row. Raises Tampered for a line that is none."""
        if self._by_id is None:
            line = None if self._lines is None else next(self._lines, None)
            if line is not None and line["id"] == row.id:
                return line
            if line is None and self._lines is not None:
                return None
            files = self._log.files(VALUES) if self._lines is None else (self._log.values(self._segment),)
            self._by_id = {line["id"]: line for line in chain.from_iterable(values_in(file) for file in files)}
        return self._by_id.get(row.id)

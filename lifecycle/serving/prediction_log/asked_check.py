"""Holds what is kept as asked against the rows of one segment: it is there, and is what was committed to, or it was erased."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from lifecycle.errors import LifecycleError
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Digest
from lifecycle.serving.prediction_log.reading import opens, value_lines, values_in
from lifecycle.serving.prediction_log.segments import VALUES, ModelLog

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
        #: How many lines were those of the rows so far; only of values that lie beside their rows.
        self._taken = 0
        self._surplus: list[str] = []
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

    def told(self) -> Iterator[str]:
        """What is no fault, as whole sentences: ask once, after the last row."""
        if self._altered or not self._log.values(self._segment).exists():
            return
        try:
            rest = self._lines if self._by_id is None else self._by_id.values()
            surplus = [*self._surplus, *(str(line["id"]) for line in rest or () if line is not None)]
        except LifecycleError as error:
            yield f"what was asked in segment {self._segment} of {self._log.model} can't be read to its end: {error.what}"
            return
        if surplus:
            more = f" and {len(surplus) - _MOST_NAMED} more" if len(surplus) > _MOST_NAMED else ""
            lines = "1 line of what was asked is" if len(surplus) == 1 else f"{len(surplus)} lines of what was asked are"
            yield (
                f"{lines} beside the rows of segment {self._segment} of {self._log.model}, and of no row, or of one that has its own "
                f"({', '.join(surplus[:_MOST_NAMED])}{more}): a crash can leave one; erasing whom it is about reaches it"
            )

    def _note(self, what: str, row: Prediction) -> None:
        self._counted[what] += 1
        if len(self._named[what]) < _MOST_NAMED:
            self._named[what].append(row.id)

    def _of(self, row: Prediction) -> Mapping[str, Any] | None:
        """What is kept of a row. Raises Tampered for a line that is none."""
        if self._by_id is None:
            line = None if self._lines is None else next(self._lines, None)
            if self._lines is not None and (line is None or line["id"] == row.id):
                self._taken += 1
                return line
            self._by_id = self._all_by_id()
        return self._by_id.pop(row.id, None) if self._lines is not None else self._by_id.get(row.id)

    def _all_by_id(self) -> dict[str, dict[str, Any]]:
        """What is kept, by prediction: of values beside their rows what was not taken yet, of an older log all."""
        if self._lines is None:
            return {line["id"]: line for line in chain.from_iterable(values_in(file) for file in self._log.files(VALUES))}
        found: dict[str, dict[str, Any]] = {}
        for line in islice(value_lines(self._log.values(self._segment)), self._taken, None):
            if line is not None and found.setdefault(line["id"], line) is not line:
                self._surplus.append(line["id"])
        return found

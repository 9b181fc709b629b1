"""Encodes raw values by fitted columns: a tight loop for a few rows, numpy for many, both with the same result.

The gateway encodes one row per request, where a numpy call per column would cost more than the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lifecycle.errors import LifecycleError
from lifecycle.features.columns import CategoryColumn, NumberColumn

Features = npt.NDArray[np.float32]

#: Up to this many rows the loop is faster than numpy.
FEW_ROWS = 64


class Columns(Protocol):
    """Raw columns by name, as a dict or a pandas frame: lists, arrays or series of equal length. Missing is None or NaN."""

    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...


class FeatureRefused(LifecycleError):
    """A value that the preprocessor can't take. Names the column and the row (None for the column as a whole), never the value."""

    exit_code = 2

    def __init__(self, column: str, problem: str, next_step: str, row: int | None = None) -> None:
        place = f"The column {column!r}" if row is None else f"The column {column!r} in row {row}"
        super().__init__(f"{place} {problem}.", next_step)
        self.column = column
        self.row = row


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """A number column, flattened for the loop. `flag` is the offset of its missing output, or -1."""

    name: str
    offset: int
    flag: int
    mean: float
    scale: float
    clip: float
    filled: float
    nullable: bool
    least: float
    most: float

    @classmethod
    def of(cls, column: NumberColumn, offset: int) -> NumberPlan:
        filled = min(max((column.median - column.mean) / column.scale, -column.clip), column.clip)
        flag = offset + 1 if column.flags_missing else -1
        least, most = (-inf, inf) if column.bounds is None else column.bounds.edges
        return cls(column.name, offset, flag, column.mean, column.scale, column.clip, filled, column.nullable, least, most)

    def fill_row(self, value: Any, row: list[float], index: int = 0) -> None:
        # What nearly every value is; NaN lies between no two numbers. `_fill_row` knows the others.
        if type(value) is float and self.least <= value <= self.most:
            scaled = (value - self.mean) / self.scale
            if -self.clip <= scaled <= self.clip:
                row[self.offset] = scaled
                return
        self._fill_row(value, row, index)

    def _fill_row(self, value: Any, row: list[float], index: int) -> None:
        kind = type(value)
        if kind is not float and kind is not int and value is not None:
            value = plain_number(value, self.name, index)
        try:
            if value is None or isnan(value):
                if not self.nullable:
                    raise missing(self.name, index)
                row[self.offset] = self.filled
                if self.flag >= 0:
                    row[self.flag] = 1.0
                return
            if not self.least <= value <= self.most:
                raise out_of_bounds(self, value, index)
            scaled = (value - self.mean) / self.scale
        except OverflowError:  # an integer that no double can hold
            raise not_finite(self.name, index) from None
        clip = self.clip
        if -clip <= scaled <= clip:
            row[self.offset] = scaled
        elif isfinite(scaled):
            row[self.offset] = clip if scaled > clip else -clip
        else:
            raise not_finite(self.name, index)

    def fill_block(self, values: Any, block: Features) -> None:
        numbers = number_array(values, self.name)
        absent = np.isnan(numbers)
        if absent.any() and not self.nullable:
            raise missing(self.name, int(np.argmax(absent)))
        outside = (numbers < self.least) | (numbers > self.most)
        if outside.any():
            first = int(np.argmax(outside))
            raise out_of_bounds(self, numbers[first], first)
        with np.errstate(over="ignore"):
            scaled = (numbers - self.mean) / self.scale
        infinite = np.isinf(scaled)
        if infinite.any():
            raise not_finite(self.name, int(np.argmax(infinite)))
        block[:, self.offset] = np.where(absent, self.filled, np.clip(scaled, -self.clip, self.clip))
        if self.flag >= 0:
            block[:, self.flag] = absent


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    """A category column, flattened for the loop: the offset of each value's output; -1 where a case has none."""

    name: str
    offsets: Mapping[str, int]
    missing: int
    unknown: int

    @classmethod
    def of(cls, column: CategoryColumn, offset: int) -> CategoryPlan:
        after = offset + len(column.vocabulary)
        missing_at = after if column.nullable else -1
        unknown_at = after + int(column.nullable) if column.unknown == "bucket" else -1
        return cls(column.name, {value: offset + place for place, value in enumerate(column.vocabulary)}, missing_at, unknown_at)

    def fill_row(self, value: Any, row: list[float], index: int = 0) -> None:
        # What nearly every value is; `place` knows the others.
        place = self.offsets.get(value) if type(value) is str else None
        row[self.place(value, index) if place is None else place] = 1.0

    def fill_block(self, values: Any, block: Features) -> None:
        # Each distinct value is looked up once; the first row that holds it is the one that an error names.
        first: dict[Any, int] = {}
        places: dict[Any, int] = {}
        column = list(values)
        for index, value in enumerate(column):
            if isinstance(value, float) and isnan(value):
                column[index] = value = None
            try:
                first.setdefault(value, index)
            except TypeError:
                raise not_text(self.name, index) from None
        for value, index in first.items():
            places[value] = self.place(value, index)
        block[np.arange(len(column)), np.fromiter((places[value] for value in column), dtype=np.intp, count=len(column))] = 1.0

    def place(self, value: Any, index: int) -> int:
        """The offset of the output that stands for this value."""
        if isinstance(value, str):
            found = self.offsets.get(value)
            if found is not None:
                return found
            if self.unknown < 0:
                raise FeatureRefused(
                    self.name,
                    "holds a category that the model was not trained on",
                    f"Send one of {', '.join(self.offsets)}, or train the model with unknown categories in a bucket.",
                    index,
                )
            return self.unknown
        if value is None or (isinstance(value, float) and isnan(value)):
            if self.missing < 0:
                raise missing(self.name, index)
            return self.missing
        raise not_text(self.name, index)


Plan = NumberPlan | CategoryPlan


def encode(plans: Sequence[Plan], width: int, columns: Columns) -> Features:
    """Features, float32 [rows, width]. Raises FeatureRefused that names the column."""
    try:
        raw = [columns[plan.name] for plan in plans]
    except KeyError as error:
        raise FeatureRefused(str(error.args[0]), "is missing", f"Send all of {', '.join(plan.name for plan in plans)}.") from None
    count = len(raw[0])
    for plan, values in zip(plans, raw, strict=True):
        if len(values) != count:
            raise FeatureRefused(plan.name, f"has {len(values)} rows where others have {count}", "Send columns of one length.")
    if count > FEW_ROWS:
        block: Features = np.zeros((count, width), dtype=np.float32)
        for plan, values in zip(plans, raw, strict=True):
            plan.fill_block(values, block)
        return block
    if count == 1:
        row = [0.0] * width
        for plan, values in zip(plans, raw, strict=True):
            # Not by its place: a column of a table goes by the labels of its rows.
            plan.fill_row(next(iter(values)), row)
        return np.array((row,), dtype=np.float32)
    rows = [[0.0] * width for _ in range(count)]
    for plan, values in zip(plans, raw, strict=True):
        fill_row = plan.fill_row
        for index, value in enumerate(values):
            fill_row(value, rows[index], index)
    return np.array(rows, dtype=np.float32).reshape(count, width)


def plain_number(value: Any, name: str, index: int) -> float:
    """A Python float from a numpy scalar; refuses text, truth values and everything else."""
    if isinstance(value, (np.floating, np.integer)) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return float(value)
    raise FeatureRefused(name, "holds something that is not a number", "Send numbers, and null for a missing one.", index)


def number_array(values: Any, name: str) -> npt.NDArray[np.float64]:
    """Doubles with NaN for missing. Text is never parsed into a number."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values) if hasattr(values, "dtype") else None
    if array is not None and array.dtype.kind in "fiu":
        numbers: npt.NDArray[np.float64] = array.astype(np.float64)
        return numbers
    found = np.empty(len(values), dtype=np.float64)
    for index, value in enumerate(values):
        kind = type(value)
        try:
            found[index] = value if kind is float or kind is int else np.nan if value is None else plain_number(value, name, index)
        except OverflowError:
            raise not_finite(name, index) from None
    return found


def missing(name: str, index: int) -> FeatureRefused:
    return FeatureRefused(name, "has no value, and none was missing in the data", "Send a value.", index)


def not_finite(name: str, index: int) -> FeatureRefused:
    return FeatureRefused(name, "holds a number that is not finite", "Send finite numbers, and null for a missing one.", index)


def out_of_bounds(plan: NumberPlan, value: float, index: int) -> FeatureRefused:
    if not isfinite(value):
        return not_finite(plan.name, index)
    allowed = f"below {plan.least:g}" if plan.most == inf else f"over {plan.most:g}" if plan.least == -inf else ""
    problem = f"holds a number {allowed}" if allowed else f"holds a number that is not from {plan.least:g} to {plan.most:g}"
    return FeatureRefused(plan.name, problem, "Send what the data contract permits.", index)


def not_text(name: str, index: int) -> FeatureRefused:
    return FeatureRefused(name, "holds something that is not text", "Send text, and null for a missing category.", index)

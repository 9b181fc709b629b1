"""What was learnt about each raw column, as plain data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from lifecycle.records.manifest import Bounds
from lifecycle.records.record import Record, is_none

#: What a category that training never saw becomes: a slot of its own, or a refusal.
UnknownCategories = Literal["bucket", "refuse"]


class NumberColumn(Record):
    """A number: missing becomes the median, then `(value - mean) / scale`, cut off at `clip` scales either way.

    `flags_missing` adds a second output that is 1 where the value was missing. It stands only where training saw
    missing values, because the weights of an output that never varied are untrained. Where `nullable` is false,
    a missing value is refused. Outside of `bounds` a number is refused as well: only what the data contract permits is ever cut off.
    """

    kind: Literal["number"] = "number"
    name: str = Field(min_length=1)
    median: float
    mean: float
    scale: float = Field(gt=0.0)
    clip: float = Field(default=10.0, gt=0.0)
    nullable: bool
    flags_missing: bool
    bounds: Bounds | None = Field(default=None, exclude_if=is_none)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flags_missing else (self.name,)


class CategoryColumn(Record):
    """A category: one output per value of the vocabulary, one for missing where nullable, one for unknown where bucketed."""

    kind: Literal["category"] = "category"
    name: str = Field(min_length=1)
    vocabulary: tuple[str, ...] = Field(min_length=1)
    nullable: bool
    unknown: UnknownCategories

    @field_validator("vocabulary")
    @classmethod
    def _each_once(cls, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(vocabulary)) != len(vocabulary):
            raise ValueError("a value stands twice in the vocabulary")
        return vocabulary

    @property
    def outputs(self) -> tuple[str, ...]:
        values = tuple(f"{self.name} = {value}" for value in self.vocabulary)
        missing = (f"{self.name} is missing",) if self.nullable else ()
        unknown = (f"{self.name} is unknown",) if self.unknown == "bucket" else ()
        return values + missing + unknown

"""The fitted preprocessor: `preprocessor.json` of a model's manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import isnan
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lifecycle.features.columns import CategoryColumn, NumberColumn, UnknownCategories
from lifecycle.features.encoding import (
    CategoryPlan,
    Columns,
    FeatureRefused,
    Features,
    NumberPlan,
    Plan,
    encode,
    number_array,
)
from lifecycle.records.manifest import Bounds, InputColumn
from lifecycle.records.record import Record

Column = Annotated[NumberColumn | CategoryColumn, Field(discriminator="kind")]


class Preprocessor(Record):
    """Turns raw columns into features. What it learnt is all in its fields; it is fitted on training rows only."""

    schema_version: Literal["lifecycle.preprocessor/1"] = "lifecycle.preprocessor/1"
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("a column stands twice")
        return self

    @classmethod
    def fit(
        cls,
        frame: Columns,
        numbers: Sequence[str],
        categories: Sequence[str],
        *,
        unknown: UnknownCategories = "bucket",
        nullable: Collection[str] = (),
    ) -> Self:
        """What these rows teach about these columns. Numbers come first, in the order given, then categories.

        A column is nullable where a value is missing in `frame`, or where `nullable` names it (a missing value may
        occur in the data although none fell into the training rows). Raises FeatureRefused for a column that is
        absent, of the wrong type, infinite, or without any value.
        """
        learnt: list[NumberColumn | CategoryColumn] = []
        for name in (*numbers, *categories):
            if name not in frame:
                raise FeatureRefused(name, "is missing", "Fit on rows that have every declared feature.")
            values = frame[name]
            learnt.append(_fit_number(name, values, nullable) if name in numbers else _fit_category(name, values, nullable, unknown))
        return cls(columns=tuple(learnt))

    def within(self, bounds: Mapping[str, Bounds]) -> Self:
        """The same preprocessor, which refuses what lies outside of these bounds of its number columns."""
        held = tuple(
            column.model_copy(update={"bounds": bounds[column.name]})
            if isinstance(column, NumberColumn) and column.name in bounds
            else column
            for column in self.columns
        )
        return self.model_copy(update={"columns": held})

    def apply(self, columns: Columns) -> Features:
        """Features, float32 [rows, width], from raw columns by name; columns that it doesn't know are left alone.

        Raises FeatureRefused that names the column (and the row, from 0) for a column that is absent or of another
        length, a value of the wrong type, a number that is not finite or out of its bounds, a missing value where none may be, and an
        unknown category where those are refused.
        """
        return encode(self._plans, self.width, columns)

    @cached_property
    def columns_out(self) -> tuple[str, ...]:
        """What each feature stands for, in order."""
        return tuple(output for column in self.columns for output in column.outputs)

    @cached_property
    def width(self) -> int:
        return len(self.columns_out)

    @cached_property
    def inputs(self) -> tuple[InputColumn, ...]:
        """The raw columns as `schemas.json` declares them to callers."""
        return tuple(
            InputColumn(
                name=column.name,
                kind=column.kind,
                nullable=column.nullable,
                categories=column.vocabulary if isinstance(column, CategoryColumn) else (),
                bounds=column.bounds if isinstance(column, NumberColumn) else None,
            )
            for column in self.columns
        )

    @cached_property
    def _plans(self) -> tuple[Plan, ...]:
        plans: list[Plan] = []
        offset = 0
        for column in self.columns:
            plans.append(NumberPlan.of(column, offset) if isinstance(column, NumberColumn) else CategoryPlan.of(column, offset))
            offset += len(column.outputs)
        return tuple(plans)


def _fit_number(name: str, values: Any, nullable: Collection[str]) -> NumberColumn:
    found = number_array(values, name)
    absent = np.isnan(found)
    known = found[~absent]
    if not known.size:
        raise FeatureRefused(name, "has no value in any row", "Leave it out of the features, or repair its source.")
    if np.isinf(known).any():
        raise FeatureRefused(name, "holds a number that is not finite", "Correct its source.", int(np.argmax(np.isinf(found))))
    median = float(np.median(known))
    filled = np.where(absent, median, found)
    scale = float(filled.std())
    return NumberColumn(
        name=name,
        median=median,
        mean=float(filled.mean()),
        scale=scale if scale > 0.0 else 1.0,
        nullable=bool(absent.any()) or name in nullable,
        flags_missing=bool(absent.any()),
    )


def _fit_category(name: str, values: Any, nullable: Collection[str], unknown: UnknownCategories) -> CategoryColumn:
    known: set[str] = set()
    absent = False
    for index, value in enumerate(values):
        if isinstance(value, str):
            known.add(value)
        elif value is None or (isinstance(value, float) and isnan(value)):
            absent = True
        else:
            raise FeatureRefused(name, "holds something that is not text", "Declare it as a number, or read it as text.", index)
    if not known:
        raise FeatureRefused(name, "has no value in any row", "Leave it out of the features, or repair its source.")
    return CategoryColumn(name=name, vocabulary=tuple(sorted(known)), nullable=absent or name in nullable, unknown=unknown)

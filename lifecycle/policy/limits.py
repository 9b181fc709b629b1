"""Limits: the thresholds of the gates, as data, by set and by name.

A declaration may override a limit by name, within the range that the set permits; everything else is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import JsonObject, Name, Record, describe

Unit = Literal["share", "rows", "psi", "people", "hours"]


class Limit(Record):
    """A threshold, its unit, and the range in which a declaration may override it (`from` and `to` in the file)."""

    value: float
    least: float = Field(alias="from")
    most: float = Field(alias="to")
    unit: Unit
    description: str = Field(min_length=1)

    @model_validator(mode="after")
    def _in_its_own_range(self) -> Limit:
        if not self.least <= self.value <= self.most:
            raise ValueError(f"the value {self.value:g} is not within {self.least:g} and {self.most:g}")
        if self.unit in ("rows", "people") and not self.value.is_integer():
            raise ValueError(f"{self.value:g} is not a number of {self.unit}")
        if self.unit == "share" and (self.least < 0.0 or self.most > 1.0):
            raise ValueError("a share is within 0 and 1")
        return self


class LimitSet(Record):
    """One file of governance/limits; its name is the name of the file."""

    name: Name
    description: str
    limits: dict[Name, Limit] = Field(min_length=1)

    @classmethod
    def read(cls, name: str, text: str) -> LimitSet:
        """The set in this YAML. Raises InvalidDeclaration that names the file and each wrong field."""
        source = f"limits/{name}.yaml"
        value = parse_yaml(text, source)
        if not isinstance(value, dict):
            raise InvalidDeclaration(f"{source} holds no limits.", "Write `description:` and `limits:` with one entry per limit.")
        try:
            return cls.model_validate({"name": name, **value})
        except ValidationError as error:
            raise InvalidDeclaration(
                f"{source} is not a set of limits: {describe(error)}.",
                "Give each limit a value, from, to, a unit (share, rows, psi, people or hours) and a description.",
            ) from error

    def with_overrides(self, overrides: Mapping[str, float]) -> dict[str, float]:
        """Every limit by name, with what a declaration overrides.

        Raises InvalidDeclaration for a name that the set does not have and for a value outside the range of its limit.
        """
        values = {name: limit.value for name, limit in self.limits.items()}
        for name, value in overrides.items():
            limit = self.limits.get(name)
            if limit is None:
                raise InvalidDeclaration(
                    f"The limits {self.name!r} have no {name!r} to override.", f"They have {', '.join(sorted(self.limits))}."
                )
            if not limit.least <= value <= limit.most:
                raise InvalidDeclaration(
                    f"{name} can't be overridden with {value:g}: {self.name!r} permits {limit.least:g} to {limit.most:g} {limit.unit}.",
                    f"Choose a value in that range, or have governance/limits/{self.name}.yaml changed.",
                )
            values[name] = value
        return values

    def as_data(self) -> JsonObject:
        """This set as the engines see it."""
        return {
            "description": self.description,
            "limits": {name: {"value": limit.value, "unit": limit.unit} for name, limit in self.limits.items()},
        }


def set_named(sets: Mapping[str, LimitSet], name: str) -> LimitSet:
    """The set of this name. Raises InvalidDeclaration that lists those that there are."""
    if name not in sets:
        raise InvalidDeclaration(f"There are no limits {name!r}.", f"governance/limits has {', '.join(sorted(sets)) or 'none'}.")
    return sets[name]

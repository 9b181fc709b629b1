"""Limits: the thresholds of the gates, as data, by set and by name.

A set may state other values for a risk tier or a jurisdiction (`cases`, of which a later one stands over an earlier one) and
times in which nothing is deployed (`freezes`). A declaration may override a limit by name, within the range that is permitted
in its case; everything else is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.documents import parse_yaml
from lifecycle.records.gates import RiskTier
from lifecycle.records.record import JsonObject, Microseconds, Name, Record, describe, is_none

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


class InCase(Record):
    """What a limit is in one case. The range may only be narrower than that of the limit; left out, it is the same."""

    value: float
    least: float | None = Field(default=None, alias="from", exclude_if=is_none)
    most: float | None = Field(default=None, alias="to", exclude_if=is_none)


class Case(Record):
    """Other values for a risk tier, for a jurisdiction, or for the two together."""

    risk_tier: RiskTier | None = None
    jurisdiction: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    limits: dict[Name, InCase] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_one(self) -> Case:
        if self.risk_tier is None and self.jurisdiction is None:
            raise ValueError("a case names a risk_tier, a jurisdiction or both")
        return self

    def holds(self, risk_tier: str, jurisdiction: str) -> bool:
        return self.risk_tier in (None, risk_tier) and self.jurisdiction in (None, jurisdiction)

    @property
    def named(self) -> str:
        """What the case is of, such as `high risk and DE`."""
        return " and ".join(name for name in (self.risk_tier and f"{self.risk_tier} risk", self.jurisdiction) if name)

    def __str__(self) -> str:
        ranges = {name: (one.value, one.least, one.most) for name, one in self.limits.items()}
        told = (
            f"{name} {value:g}" + ("" if least is None else f", from {least:g}") + ("" if most is None else f", to {most:g}")
            for name, (value, least, most) in ranges.items()
        )
        return f"{self.named}: {'; '.join(told)}"


class Freeze(Record):
    """A time in which nothing is deployed, in these environments and jurisdictions; none named means in all. A rollback always may."""

    from_us: Microseconds
    until_us: Microseconds
    environments: tuple[Name, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    reason: str = Field(min_length=1)

    def __str__(self) -> str:
        where = ", ".join((*self.environments, *self.jurisdictions)) or "everywhere"
        return f"{self.reason}: {self.from_us} to {self.until_us}, {where}"

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Freeze:
        if self.from_us >= self.until_us:
            raise ValueError("it ends before it begins")
        return self


class LimitSet(Record):
    """One file of governance/limits; its name is the name of the file."""

    name: Name
    description: str
    limits: dict[Name, Limit] = Field(min_length=1)
    cases: tuple[Case, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    @model_validator(mode="after")
    def _cases_stay_within(self) -> LimitSet:
        for case in self.cases:
            for name in case.limits:
                if name not in self.limits:
                    raise ValueError(f"the case of {case.named} names {name!r}, which is no limit of this set")
                limit, stated = self.limits[name], self._stated(name, case)
                if not limit.least <= stated.least <= stated.most <= limit.most:
                    wider = f"{stated.least:g} to {stated.most:g}, beyond {limit.least:g} to {limit.most:g}"
                    raise ValueError(f"the case of {case.named} widens {name}: {wider}")
        return self

    @classmethod
    def read(cls, name: str, text: str) -> LimitSet:
        """The set in this YAML. Raises InvalidDeclaration that names the file and each wrong field."""
        source = f"limits/{name}.yaml"
        value = parse_yaml(text, source)
        if not isinstance(value, dict):
            raise InvalidDeclaration(f"{source} holds no limits.", "Write `description:` and `limits:` with one entry per limit.")
        try:
            return cls.model_validate_json(json.dumps({"name": name, **value}))
        except ValidationError as error:
            raise InvalidDeclaration(
                f"{source} is not a set of limits: {describe(error)}.",
                "Give each limit a value, from, to, a unit (share, rows, psi, people or hours) and a description.",
            ) from error

    def in_case(self, *, risk_tier: str = "", jurisdiction: str = "") -> dict[str, Limit]:
        """Every limit by name as it is for this risk tier and jurisdiction. An empty text for either is none that a case names."""
        found = dict(self.limits)
        for case in self.cases:
            if case.holds(risk_tier, jurisdiction):
                found |= {name: self._stated(name, case) for name in case.limits}
        return found

    def with_overrides(self, overrides: Mapping[str, float], *, risk_tier: str = "", jurisdiction: str = "") -> dict[str, float]:
        """The value of every limit by name in this case, with what a declaration overrides.

        Raises InvalidDeclaration for a name that the set does not have and for a value outside the range of its limit.
        """
        limits = self.in_case(risk_tier=risk_tier, jurisdiction=jurisdiction)
        values = {name: limit.value for name, limit in limits.items()}
        for name, value in overrides.items():
            limit = limits.get(name)
            if limit is None:
                raise InvalidDeclaration(
                    f"The limits {self.name!r} have no {name!r} to override.", f"They have {', '.join(sorted(limits))}."
                )
            if not limit.least <= value <= limit.most:
                raise InvalidDeclaration(
                    f"{name} can't be overridden with {value:g}: {self.name!r} permits {limit.least:g} to {limit.most:g} {limit.unit}.",
                    f"Choose a value in that range, or have governance/limits/{self.name}.yaml changed.",
                )
            values[name] = value
        return values

    def after_freezes(self, at_us: Microseconds) -> Microseconds:
        """This moment, or the first one after it at which no freeze holds anywhere."""
        for freeze in sorted(self.freezes, key=lambda freeze: freeze.from_us):
            if freeze.from_us <= at_us < freeze.until_us:
                at_us = freeze.until_us
        return at_us

    def as_data(self) -> JsonObject:
        """This set as the engines see it."""
        return {
            "description": self.description,
            "limits": {name: {"value": limit.value, "unit": limit.unit} for name, limit in self.limits.items()},
            "values": {name: limit.value for name, limit in self.limits.items()},
            "cases": [
                {
                    "risk_tier": case.risk_tier,
                    "jurisdiction": case.jurisdiction,
                    "values": {name: stated.value for name, stated in case.limits.items()},
                }
                for case in self.cases
            ],
            "freezes": [freeze.as_json() for freeze in self.freezes],
        }

    def _stated(self, name: str, case: Case) -> Limit:
        """The limit of this name as a case states it. Raises ValueError for a value outside its own range."""
        limit, stated = self.limits[name], case.limits[name]
        return Limit.model_validate(
            {
                "value": stated.value,
                "from": limit.least if stated.least is None else stated.least,
                "to": limit.most if stated.most is None else stated.most,
                "unit": limit.unit,
                "description": limit.description,
            }
        )


def set_named(sets: Mapping[str, LimitSet], name: str) -> LimitSet:
    """The set of this name. Raises InvalidDeclaration that lists those that there are."""
    if name not in sets:
        raise InvalidDeclaration(f"There are no limits {name!r}.", f"governance/limits has {', '.join(sorted(sets)) or 'none'}.")
    return sets[name]

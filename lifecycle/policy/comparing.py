"""What changes from one bundle to another: rules by their ids, limits by their names, and which files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.limits import Limit, LimitSet
from lifecycle.policy.rules import Rule


@dataclass(frozen=True)
class Change:
    """One thing that differs. `before` and `after` are "" where it is not there."""

    kind: Literal["gate", "rule", "limit", "file"]
    name: str
    before: str
    after: str


def changes(before: Bundle, after: Bundle) -> tuple[Change, ...]:
    """Every difference, gates first. The text of a policy is a file: what it decides otherwise, a backtest shows."""
    return (*_gates(before, after), *_rules(before, after), *_limits(before, after), *_files(before, after))


def _gates(before: Bundle, after: Bundle) -> Iterator[Change]:
    for gate in sorted(before.rules.keys() ^ after.rules.keys()):
        there = f"{len(before.rules.get(gate) or after.rules[gate])} rules"
        yield Change("gate", gate, there if gate in before.rules else "", there if gate in after.rules else "")


def _rules(before: Bundle, after: Bundle) -> Iterator[Change]:
    for gate in sorted(before.rules.keys() & after.rules.keys()):
        then, now = before.rules[gate], after.rules[gate]
        for rule in sorted(then.keys() | now.keys()):
            old, new = _told(then.get(rule)), _told(now.get(rule))
            if old == new:
                continue
            differing = [field for field in {**old, **new} if old.get(field) != new.get(field)] if old and new else ["severity", "title"]
            yield Change("rule", f"{gate} {rule}", _shown(old, differing), _shown(new, differing))


def _limits(before: Bundle, after: Bundle) -> Iterator[Change]:
    sets = sorted(before.limit_sets.keys() | after.limit_sets.keys())
    for name in sets:
        then, now = (bundle.limit_sets[name].limits if name in bundle.limit_sets else {} for bundle in (before, after))
        for limit in sorted(then.keys() | now.keys()):
            old, new = _bounds(then, limit), _bounds(now, limit)
            if old != new:
                yield Change("limit", f"{name} {limit}", old, new)
        yield from _beside_limits(name, before.limit_sets.get(name), after.limit_sets.get(name))


def _beside_limits(name: str, before: LimitSet | None, after: LimitSet | None) -> Iterator[Change]:
    """What a set says of single cases, and when nothing is deployed."""
    for kind in ("cases", "freezes"):
        then, now = (() if one is None else tuple(str(stated) for stated in getattr(one, kind)) for one in (before, after))
        for stated in dict.fromkeys((*then, *now)):
            if then.count(stated) != now.count(stated):
                yield Change("limit", f"{name} {kind}", stated if stated in then else "", stated if stated in now else "")


def _files(before: Bundle, after: Bundle) -> Iterator[Change]:
    for name in sorted(before.files.keys() | after.files.keys()):
        old, new = before.files.get(name), after.files.get(name)
        if old != new:
            yield Change("file", name, _lines(old), _lines(new))


def _told(rule: Rule | None) -> dict[str, str]:
    """What a rule says about itself, by field."""
    return {} if rule is None else {field: str(getattr(rule, field)) for field in Rule.model_fields if field != "id"}


def _shown(told: Mapping[str, str], fields: list[str]) -> str:
    return "; ".join(f"{field} {told[field]}" for field in fields if field in told)


def _bounds(limits: Mapping[str, Limit], name: str) -> str:
    limit = limits.get(name)
    return "" if limit is None else f"{limit.value:g} {limit.unit}, from {limit.least:g} to {limit.most:g}"


def _lines(text: str | None) -> str:
    return "" if text is None else f"{len(text.splitlines())} lines"

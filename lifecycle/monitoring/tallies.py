"""The shares that two versions are compared by, counted answer by answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from lifecycle.measures.proportions import paired_share_difference, share, share_difference
from lifecycle.monitoring.comparison import ComparedShare, Measure
from lifecycle.records.record import Id, Microseconds, Name

OURS, THEIRS = 0, 1


class Answer(NamedTuple):
    """What of an answer is compared. Of a copy, `prediction_id` is that of the answer that a caller was told."""

    prediction_id: Id
    at_us: Microseconds
    decision: str
    label: str | None
    groups: Mapping[Name, str]


class _Key(NamedTuple):
    """Of what a share is."""

    measure: Measure
    column: Name | None = None
    group: str | None = None


@dataclass(slots=True)
class _Share:
    """Hits on both sides, and of how many; `both`: rows that are hits on both, where the sides are paired."""

    hits: list[int] = field(default_factory=lambda: [0, 0])
    of: list[int] = field(default_factory=lambda: [0, 0])
    both: int = 0


class Tally:
    """Counts. Of sides that are paired, every answer is counted by `pair`, else by `one`."""

    def __init__(self, positive: str, *, paired: bool) -> None:
        self._positive = positive
        self._paired = paired
        self._shares: dict[_Key, _Share] = {}

    def one(self, side: int, answer: Answer) -> None:
        """An answer of one side."""
        for key, hit in self._facts(answer):
            self._count(key, side, hit=hit)

    def pair(self, ours: Answer, theirs: Answer) -> None:
        """What both sides answered to the same request: label and groups are one."""
        for (key, hit), (_, told) in zip(self._facts(ours), self._facts(theirs), strict=True):
            self._count(key, OURS, hit=hit)
            self._count(key, THEIRS, hit=told)
            self._shares[key].both += hit and told

    def shares(self, minimum_group_n: int) -> tuple[ComparedShare, ...]:
        """All of them: those of all rows first. A group with fewer rows than this on either side is told without numbers."""
        return tuple(self._compared(key, self._shares[key], minimum_group_n) for key in sorted(self._shares, key=_order))

    def _facts(self, answer: Answer) -> Iterator[tuple[_Key, bool]]:
        facts: list[tuple[Measure, bool]] = [("positive", answer.decision == self._positive)]
        if answer.label is not None:
            facts.append(("wrong", answer.decision != answer.label))
            if answer.label == self._positive:
                facts.append(("missed", answer.decision != self._positive))
        for measure, hit in facts:
            yield _Key(measure), hit
            for column, group in answer.groups.items():
                yield _Key(measure, column, group), hit

    def _count(self, key: _Key, side: int, *, hit: bool) -> None:
        counted = self._shares.setdefault(key, _Share())
        counted.hits[side] += hit
        counted.of[side] += 1

    def _compared(self, key: _Key, counted: _Share, minimum_group_n: int) -> ComparedShare:
        ours = theirs = apart = None
        if key.column is None or min(counted.of) >= minimum_group_n:
            ours, theirs = (share(hits, of) for hits, of in zip(counted.hits, counted.of, strict=True))
            if self._paired:
                only_ours, only_theirs = (hits - counted.both for hits in counted.hits)
                apart = paired_share_difference(only_ours, only_theirs, counted.of[OURS])
            else:
                apart = share_difference(ours, theirs)
        return ComparedShare(measure=key.measure, column=key.column, group=key.group, ours=ours, theirs=theirs, difference=apart)


def _order(key: _Key) -> tuple[bool, str, str, int]:
    return key.column is not None, key.column or "", key.group or "", get_args(Measure).index(key.measure)

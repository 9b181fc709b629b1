"""Two versions beside each other on live traffic: what each of them answered, and what turned out to be true.

Callers fell to one or the other at random, or one answered copies of what the other was asked; then they are compared request by
request. Only what a version answered itself is its: what another one said in its place was never drawn for that one. Of a person
(`subject`) of whom one application has asked more than once, the first answer is compared: who asks often is still one person.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lifecycle.measures.proportions import share
from lifecycle.monitoring.comparison import ArmFigures, ArmsCompared
from lifecycle.monitoring.sampled import Sample
from lifecycle.monitoring.tallies import OURS, THEIRS, Answer, Tally
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Id, Name, Version
from lifecycle.records.rollout import Arm

#: A row with what was asked, as far as that is kept.
Row = tuple[Prediction, Mapping[str, Any]]


@dataclass(frozen=True)
class Sides:
    """Which rows are whose, and what is asked of them."""

    ours: tuple[Arm, Version]
    theirs: tuple[Arm, Version]
    #: The outcome that the model gives a probability of.
    positive: str
    #: What turned out to be true of a prediction, for whoever asked for it; None while that is not known.
    label_of: Callable[[Id, str], str | None]
    #: The groups that a row belongs to, by attribute, from the values that were sent.
    groups_of: Callable[[Mapping[str, Any]], Mapping[Name, str]]
    #: A group with fewer rows on either side is not compared.
    minimum_group_n: int

    @property
    def paired(self) -> bool:
        """Whether ours answered copies of what theirs was asked."""
        return self.ours[0] == "shadow"

    def side_of(self, row: Prediction) -> int | None:
        """Whose row this is. What fell to a version and another one answered is that one's row, with `fallback_from`."""
        for side, (arm, version) in ((OURS, self.ours), (THEIRS, self.theirs)):
            if row.fallback_from == version or (row.fallback_from is None and (row.arm, row.version) == (arm, version)):
                return side
        return None


@dataclass
class _Arm:
    """One side while its rows come in."""

    requests: int = 0
    latencies_us: array[int] = field(default_factory=lambda: array("Q"))
    #: The first answer about each person, and each answer about nobody in particular.
    first: dict[object, Answer] = field(default_factory=dict)

    def answered(self, row: Prediction, decision: str, asked: Mapping[str, Any], sides: Sides) -> None:
        """An answer of this side's own, to be remembered."""
        principal, subject, values = str(asked.get("principal") or ""), asked.get("subject"), asked.get("values")
        told = row.shadow_of or row.id
        groups = sides.groups_of(values) if isinstance(values, dict) else {}
        # About whom a copy was is known from what was copied.
        person = (principal, subject) if subject and row.shadow_of is None else told
        before = self.first.get(person)
        if before is None or row.at_us < before.at_us:
            self.first[person] = Answer(told, row.at_us, decision, sides.label_of(told, principal), groups)

    def forget(self, sample: Sample) -> None:
        self.first = {person: answer for person, answer in self.first.items() if sample.has(answer.prediction_id)}

    def figures(self, whose: tuple[Arm, Version], compared: Iterable[Answer]) -> ArmFigures:
        import numpy as np

        latencies = np.frombuffer(self.latencies_us, dtype=np.uint64) / 1_000.0
        p50, p99 = (round(float(at), 3) for at in np.percentile(latencies, (50, 99))) if latencies.size else (None, None)
        labels = [answer.label for answer in compared]
        return ArmFigures(
            version=whose[1],
            arm=whose[0],
            requests=self.requests,
            answered=len(self.latencies_us),
            compared=len(labels),
            labelled=sum(label is not None for label in labels),
            latency_p50_ms=p50,
            latency_p99_ms=p99,
        )


def compare(rows: Iterable[Row], sides: Sides, sample: Sample) -> ArmsCompared:
    """Both sides over these rows, which are read once, in any order. Rows of other arms and versions are passed over."""
    ours, theirs = arms = (_Arm(), _Arm())
    for row, asked in rows:
        side = sides.side_of(row)
        if side is not None:
            _take(arms, side, row, asked, sides, sample)
    tally = Tally(sides.positive, paired=sides.paired)
    otherwise = 0
    if sides.paired:
        pairs = _pairs(ours, theirs)
        for shadow, told in pairs:
            tally.pair(shadow, told)
            otherwise += shadow.decision != told.decision
        compared = [shadow for shadow, _ in pairs], [told for _, told in pairs]
    else:
        compared = list(ours.first.values()), list(theirs.first.values())
        for side, answers in enumerate(compared):
            for answer in answers:
                tally.one(side, answer)
    return ArmsCompared(
        ours=ours.figures(sides.ours, compared[OURS]),
        theirs=theirs.figures(sides.theirs, compared[THEIRS]),
        paired=sides.paired,
        one_in=sample.one_in,
        disagreement=share(otherwise, len(compared[OURS])) if sides.paired else None,
        shares=tally.shares(sides.minimum_group_n),
    )


def _take(arms: tuple[_Arm, _Arm], side: int, row: Prediction, asked: Mapping[str, Any], sides: Sides, sample: Sample) -> None:
    """A row that fell to this side."""
    arms[side].requests += 1
    if row.outcome != "answered" or row.output is None or row.fallback_from is not None:
        return
    arms[side].latencies_us.append(row.latency_us)
    if sample.has(row.shadow_of or row.id):
        arms[side].answered(row, row.output.decision, asked, sides)
        if sample.thinned(len(arms[OURS].first) + len(arms[THEIRS].first)):
            for arm in arms:
                arm.forget(sample)


def _pairs(ours: _Arm, theirs: _Arm) -> list[tuple[Answer, Answer]]:
    """What the shadow said, with what was told: what it was sent is a copy, so that label and groups are those of the row that was told."""
    said = {answer.prediction_id: answer.decision for answer in ours.first.values()}
    return [(told._replace(decision=said[told.prediction_id]), told) for told in theirs.first.values() if told.prediction_id in said]

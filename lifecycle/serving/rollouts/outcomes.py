"""What turned out to be true of a rollout's answers: labels by arm, stage and group, once they count.

A fold over answers and labels, in any order. An answer counts once, when it is old enough and its label is known, with the label that
it has then; of a person (`subject`) of whom one application has asked a version more than once, the first. Of answers that are too
many to be remembered an even share is left out, of both arms alike: what is left is still a fair comparison.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from lifecycle.records.record import Id, Microseconds
from lifecycle.serving.rollouts.rails import Rail
from lifecycle.serving.rollouts.seen import Labels

#: Answers that are remembered while their labels are awaited, about 300 bytes each.
MOST_ANSWERS = 200_000
#: Labels that are kept for answers that are not known yet: a row may reach the log a moment after its label.
MOST_EARLY = 10_000


@dataclass(slots=True)
class Answered:
    """One answer of an arm: when, by the canary or by its control, what was decided, and of whom."""

    at_us: Microseconds
    by_canary: bool
    decision: str
    #: The row's group by column, for the columns that guardrails name.
    groups: Mapping[str, str]
    subject: str = ""
    #: The application that asked for it; "" where the gateway was open.
    principal: str = ""
    label: str | None = None
    #: The ages, as bits, at which it was counted.
    counted: int = 0


class OutcomeBook:
    """One rollout's. `rails` are all of its plan; those that wait for no labels count nothing."""

    def __init__(self, rails: Sequence[Rail], most_answers: int = MOST_ANSWERS) -> None:
        self._rails = rails
        self._ages = sorted({_age_us(rail) for rail in rails if rail.guardrail.on_labels})
        self._most = most_answers
        #: One of so many answers is remembered.
        self._one_in = 1
        self._answers: dict[Id, Answered] = {}
        self._early: dict[tuple[Id, str], str] = {}
        self._due: list[tuple[Microseconds, int, Id]] = []
        #: By age, arm, and who that is to whom: what one application calls somebody says nothing of whom another means by it.
        self._people: set[tuple[int, bool, str, str]] = set()
        #: By rail, time of the answer's stage, arm and whether it is bad.
        self._counts: Counter[tuple[int, int, bool, bool]] = Counter()

    @property
    def columns(self) -> frozenset[str]:
        """The columns that answers must come with."""
        return frozenset(rail.guardrail.column for rail in self._rails if rail.guardrail.column is not None)

    def answered(self, prediction_id: Id, answer: Answered) -> None:
        """An answer was given."""
        if not self._remembers(prediction_id):
            return
        self._answers[prediction_id] = answer
        for asked_by in (answer.principal, ""):
            label = self._early.pop((prediction_id, asked_by), None)
            if label is not None:
                self.labelled(prediction_id, label, asked_by)
        while len(self._answers) > self._most:
            self._one_in *= 2
            self._answers = {known: of for known, of in self._answers.items() if self._remembers(known)}

    def labelled(self, prediction_id: Id, label: str, asked_by: str = "") -> None:
        """A label came. The last one that comes before it counts is the one that does.

        `asked_by`: whose answer it must be, else it is passed over: a caller who may label its own answers and no others. "": anybody's.
        """
        answer = self._answers.get(prediction_id)
        if answer is None:
            self._early[prediction_id, asked_by] = label
            if len(self._early) > MOST_EARLY:
                del self._early[next(iter(self._early))]
            return
        if asked_by not in ("", answer.principal):
            return
        if answer.label is None:
            # Once: whoever sends a label over and over takes no memory by it.
            for place, age_us in enumerate(self._ages):
                heapq.heappush(self._due, (answer.at_us + age_us, place, prediction_id))
        answer.label = label

    def counts(self, stage_starts_us: Sequence[Microseconds], now_us: Microseconds) -> tuple[tuple[Labels, ...], ...]:
        """What counts by now, by rail and by stage. The starts that were given before must not change."""
        while self._due and self._due[0][0] <= now_us:
            _, place, prediction_id = heapq.heappop(self._due)
            answer = self._answers.get(prediction_id)
            if answer is not None and not answer.counted >> place & 1:
                self._count(answer, place, bisect_right(stage_starts_us, answer.at_us) - 1)
                if answer.counted + 1 == 1 << len(self._ages):
                    del self._answers[prediction_id]
        return tuple(
            tuple(self._labels(number, stage) for stage in range(len(stage_starts_us))) if rail.guardrail.on_labels else ()
            for number, rail in enumerate(self._rails)
        )

    def _count(self, answer: Answered, place: int, stage: int) -> None:
        answer.counted |= 1 << place
        if answer.subject:
            person = (place, answer.by_canary, answer.principal, answer.subject)
            if person in self._people:
                return
            if len(self._people) >= self._most:
                self._people.clear()
            self._people.add(person)
        for number, rail in enumerate(self._rails):
            if rail.guardrail.on_labels and _age_us(rail) == self._ages[place] and _is_about(rail, answer):
                self._counts[number, stage, answer.by_canary, answer.decision != answer.label] += 1

    def _labels(self, rail: int, stage: int) -> Labels:
        right, wrong = ([self._counts[rail, stage, by_canary, bad] for by_canary in (True, False)] for bad in (False, True))
        return Labels(right[0] + wrong[0], wrong[0], right[1] + wrong[1], wrong[1])

    def _remembers(self, prediction_id: Id) -> bool:
        # An id (UUIDv7) is random, and so knows nothing of arm or outcome.
        return self._one_in == 1 or crc32(prediction_id.encode()) % self._one_in == 0


def _age_us(rail: Rail) -> int:
    return round((rail.guardrail.mature_seconds or 0.0) * 1_000_000)


def _is_about(rail: Rail, answer: Answered) -> bool:
    guardrail = rail.guardrail
    if guardrail.favourable is not None and answer.label != guardrail.favourable:
        return False
    return guardrail.column is None or answer.groups.get(guardrail.column) == rail.group

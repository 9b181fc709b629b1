"""What a comparison of two versions on live traffic says: the words and numbers that people and programs read."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.evidence import Measurement
from lifecycle.records.record import Count, Name, Record, Version
from lifecycle.records.rollout import Arm

#: - `positive`: answers that decide the positive outcome.
#: - `wrong`: of the answers with a label, those that decided otherwise.
#: - `missed`: of those whose label is the positive outcome, the same: people who should have been told yes.
Measure = Literal["positive", "wrong", "missed"]


class ArmFigures(Record):
    """One side: what fell to it, what of that it answered itself, what of those is compared, and how many of them have a label."""

    version: Version
    arm: Arm
    requests: Count
    answered: Count
    compared: Count
    labelled: Count
    latency_p50_ms: float | None
    latency_p99_ms: float | None


class ComparedShare(Record):
    """One share on both sides; `difference` is ours less theirs. All three are None for a group that is too small on either side."""

    measure: Measure
    column: Name | None
    group: str | None
    ours: Measurement | None
    theirs: Measurement | None
    difference: Measurement | None


class ArmsCompared(Record):
    """Ours is the version that a rollout brought, theirs the champion that it was put beside."""

    ours: ArmFigures
    theirs: ArmFigures
    #: Whether both answered the same requests (a shadow); `disagreement` is then how often they decided otherwise.
    paired: bool
    #: Of so many answers one is compared, where there are more than can be remembered.
    one_in: Count
    disagreement: Measurement | None
    #: First those of all rows, then those of each group.
    shares: tuple[ComparedShare, ...]

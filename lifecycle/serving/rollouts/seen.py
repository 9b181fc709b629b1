"""What the controller looks at: counts by arm and step, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observed:
    """What one arm was asked in a stage, and how much of it went wrong."""

    requests: int = 0
    errors: int = 0
    slow: int = 0
    #: Of the errors and of the slow answers: those of callers who have had one in this arm already. They are no evidence.
    errors_again: int = 0
    slow_again: int = 0
    #: Requests that fell to it and that it had no room for: another arm answered them.
    spilled: int = 0

    @property
    def asked(self) -> int:
        """The requests that really reached it."""
        return max(0, self.requests - self.spilled)

    @property
    def taken(self) -> float:
        """The part of the requests that fell to it which really reached it."""
        return self.asked / self.requests if self.requests else 1.0

    def since(self, earlier: Observed) -> Observed:
        """What came after an earlier look; a count that was lost meanwhile is none."""
        return Observed(
            max(0, self.requests - earlier.requests),
            max(0, self.errors - earlier.errors),
            max(0, self.slow - earlier.slow),
            max(0, self.errors_again - earlier.errors_again),
            max(0, self.slow_again - earlier.slow_again),
            max(0, self.spilled - earlier.spilled),
        )

    def __add__(self, other: Observed) -> Observed:
        return Observed(
            self.requests + other.requests,
            self.errors + other.errors,
            self.slow + other.slow,
            self.errors_again + other.errors_again,
            self.slow_again + other.slow_again,
            self.spilled + other.spilled,
        )


@dataclass(frozen=True, slots=True)
class StageCounts:
    """One step's share of the traffic, and what both arms made of it. At the weight 1.0 there is no control."""

    weight: float
    canary: Observed
    control: Observed

    @property
    def split(self) -> float:
        """The canary's share of what both arms were really asked: the weight, less what either had no room for."""
        canary, control = self.weight * self.canary.taken, (1.0 - self.weight) * self.control.taken
        return canary / (canary + control) if canary else 0.0


@dataclass(frozen=True, slots=True)
class Labels:
    """What turned out to be true of what both arms answered in a stage: how many answers have a label that counts, and how many are bad."""

    canary: int = 0
    canary_bad: int = 0
    control: int = 0
    control_bad: int = 0

    def since(self, earlier: Labels) -> Labels:
        """What came after an earlier look."""
        return Labels(
            self.canary - earlier.canary,
            self.canary_bad - earlier.canary_bad,
            self.control - earlier.control,
            self.control_bad - earlier.control_bad,
        )

    def __add__(self, other: Labels) -> Labels:
        return Labels(
            self.canary + other.canary,
            self.canary_bad + other.canary_bad,
            self.control + other.control,
            self.control_bad + other.control_bad,
        )


@dataclass(frozen=True, slots=True)
class View:
    """All that the controller looks at. The last of `stages` is the step that the rollout is in."""

    stages: Sequence[StageCounts]
    baked_seconds: float
    #: The canary's failures in a row, in the worker where there are most.
    consecutive_errors: int
    has_champion: bool
    #: How the canary's process ended, if it did.
    death: str = ""
    #: A person has said that it may become the champion, where the plan leaves that to one.
    promoted: bool = False
    #: When this was seen, on a clock that only goes forward.
    now_seconds: float = 0.0
    #: Whether a failure of the canary caused this look, and not the time.
    woken: bool = False
    #: By rail, as `rails_of` has them, and by stage; empty for rails that wait for no labels, and before any is known.
    labels: Sequence[Sequence[Labels]] = ()

    def labels_of(self, rail: int) -> Sequence[Labels]:
        """The labels of one rail, by stage."""
        return self.labels[rail] if rail < len(self.labels) else ()

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

    def since(self, earlier: Observed) -> Observed:
        """What came after an earlier look; a count that was lost meanwhile is none."""
        return Observed(max(0, self.requests - earlier.requests), max(0, self.errors - earlier.errors), max(0, self.slow - earlier.slow))


@dataclass(frozen=True, slots=True)
class StageCounts:
    """One step's share of the traffic, and what both arms made of it. At the weight 1.0 there is no control."""

    weight: float
    canary: Observed
    control: Observed


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

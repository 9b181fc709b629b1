"""How other tools take a canary out: a share of successes per interval, and so many intervals in which it is too low.

Flagger (`interval`, `threshold`, a metric's `thresholdRange.min`) and Argo Rollouts (`interval`, `successCondition`, `failureLimit`) both
count failed measurements; neither looks at the stable version beside the canary. An interval without a request is no measurement.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """Rolls back at the `failures`-th interval in which the canary's share of successes lies below `share`."""

    name: str
    interval_seconds: int
    share: float
    failures: int

    def rolls_back_at(self, requests: Counts, bad: Counts) -> float | None:
        """The second at which it rolls back, from the canary's counts per second; None where it does not."""
        whole = len(requests) // self.interval_seconds * self.interval_seconds
        asked = requests[:whole].reshape(-1, self.interval_seconds).sum(axis=1)
        failed = bad[:whole].reshape(-1, self.interval_seconds).sum(axis=1)
        too_low = (asked > 0) & (failed > (1.0 - self.share) * asked)
        places = np.flatnonzero(too_low)
        return None if len(places) < self.failures else float((places[self.failures - 1] + 1) * self.interval_seconds)


#: As the tools' own guides set them: Flagger's canary analysis (1 m, 99 %, 5 failed checks), Argo's analysis (5 m, 95 %, more than 3).
DOCUMENTED = (Rule("flagger_documented", 60, 0.99, 5), Rule("argo_documented", 300, 0.95, 4))


def candidates() -> list[Rule]:
    """What is tried when a rule is tuned: intervals close to ours, shares and failures around the documented ones."""
    grid = itertools.product((1, 5, 10), (0.80, 0.90, 0.95, 0.97, 0.98, 0.99), (1, 2, 3, 5))
    return [Rule(f"tuned_{interval}s_{share:.0%}_{failures}_failed", interval, share, failures) for interval, share, failures in grid]


def tuned(healthy: Sequence[tuple[Counts, Counts]], faulty: Sequence[tuple[Counts, Counts, float]], most_false: float) -> Rule:
    """The candidate that finds the faults soonest (by the median) among those that roll back at most this share of the healthy canaries.

    `healthy` and `faulty` are counts per second; a faulty run names the second in which its fault began.
    """

    def median_delay(rule: Rule) -> float:
        found = [(rule.rolls_back_at(requests, bad), began) for requests, bad, began in faulty]
        return float(np.median([at - began if at is not None and at > began else np.inf for at, began in found]))

    def false(rule: Rule) -> float:
        return sum(rule.rolls_back_at(requests, bad) is not None for requests, bad in healthy) / len(healthy)

    return min((rule for rule in candidates() if false(rule) <= most_false), key=median_delay)

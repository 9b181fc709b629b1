"""Anytime-valid evidence that a canary does worse: it may be looked at after every request, at no cost in false alarms.

The null hypothesis is the split itself. While an arm takes the share w of randomly assigned traffic, every bad event
falls to it with probability w, whatever the rate of bad events does over time: an outage that both arms suffer moves
nothing. Under an alternative where the canary's odds of a bad event are `odds` times the control's, it falls to the
canary with probability odds·w / (odds·w + 1 − w). The product of the likelihood ratios of all events so far is a test
martingale under the null (Wald 1945; Robbins 1970), and so is its average over odds; it exceeds 1/alpha at any time
with probability of at most alpha (Ville 1939; Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and
safe anytime-valid inference", §2 and §3). Because w is known when an event happens, the product runs on over steps of a
rollout, each with the weight of its time.

Only counts per step are needed. The events must be independent: a key that sticks to its arm, or a stall, makes them
less so (count one event per key where that matters).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincc, betaln, logsumexp

#: The odds ratios that are averaged over, evenly in their logarithm: from "hardly worse" to "nearly always".
ODDS: npt.NDArray[np.float64] = np.geomspace(1.05, 1_000.0, 48)


@dataclass(frozen=True, slots=True)
class BadEvents:
    """Bad events while the canary took the share `weight`: in the canary, and in the control beside it."""

    weight: float
    canary: int
    control: int


def log_evidence_of_split(stages: Iterable[BadEvents], tolerated_odds: float = 1.0) -> float:
    """The natural logarithm of the e-value against "the canary's odds of a bad event are at most `tolerated_odds` times the control's".

    Stages without a control (a weight of 0 or 1) say nothing and count for nothing. 0.0 where there is no event.
    """
    total = np.zeros_like(ODDS)
    for stage in stages:
        if not 0.0 < stage.weight < 1.0 or stage.canary + stage.control == 0:
            continue
        tolerated = tolerated_odds * stage.weight
        worse = ODDS * tolerated
        rest = 1.0 - stage.weight
        # log(p1/p0) for an event in the canary, log((1-p1)/(1-p0)) for one in the control; both share the last term.
        shared = np.log(tolerated + rest) - np.log(worse + rest)
        total += stage.canary * np.log(ODDS) + (stage.canary + stage.control) * shared
    return float(logsumexp(total) - math.log(ODDS.size))


def log_evidence_of_share(bad: int, total: int, ceiling: float) -> float:
    """The natural logarithm of the e-value against "at most the share `ceiling` of requests goes wrong".

    For a version that has no control beside it. The alternative is uniform over (ceiling, 1), so that
    E = ∫_c^1 p^k (1−p)^(n−k) dp / (1−c) ÷ c^k (1−c)^(n−k), in closed form by the incomplete beta function.
    Raises ValueError unless 0 < ceiling < 1 and 0 ≤ bad ≤ total.
    """
    if not 0.0 < ceiling < 1.0 or not 0 <= bad <= total:
        raise ValueError(f"no evidence can be taken of {bad} in {total} against a share of {ceiling}")
    above = float(betaincc(bad + 1, total - bad + 1, ceiling))
    if above == 0.0:
        return -math.inf
    integral = float(betaln(bad + 1, total - bad + 1)) + math.log(above) - math.log1p(-ceiling)
    return integral - bad * math.log(ceiling) - (total - bad) * math.log1p(-ceiling)


def log_threshold(alpha: float) -> float:
    """The log e-value from which on the null is rejected, with a false-alarm rate of at most `alpha` over all time."""
    return -math.log(alpha)

"""Anytime-valid evidence that a canary does worse: it may be looked at after every request, at no cost in false alarms.

**The null hypothesis is the split.** While an arm takes the share w of randomly assigned traffic, every bad event falls to it with
probability w, whatever the rate of bad events does over time: an outage that both arms suffer moves nothing. Where the canary's odds
of a bad event are `odds` times the control's, it falls to the canary with probability odds·w / (odds·w + 1 − w). The likelihood
ratios of all events multiply to a test martingale (Wald 1945; Robbins 1970), and so does their average over odds; it exceeds 1/alpha at
any time with a probability of at most alpha (Ville 1939; Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe
anytime-valid inference", §2 and §3). w is known when an event happens, so the product runs on over the steps of a rollout.

**Bursts.** A stall or a lost connection makes many bad events of one cause. So events are taken by slots of time: within a slot, the
likelihood ratios are *averaged*, and only slots are multiplied. The average has the expectation 1 under the null however the
events of a slot depend on each other, for it takes only their mean: a bet on the mean of a bounded variable (Waudby-Smith and
Ramdas 2024, "Estimating means of bounded random variables by betting", §4). A slot counts for at most one event.

**Labels.** Of an answer whose outcome is known, it is known too which arm gave it, however many labels each arm got: those of approvals
alone, or of one group of people. So labels are bet on within strata that hold their margins: given how many labelled answers each arm
has in one, and how many of all of them are wrong, the wrong ones of the canary are hypergeometric where the arms do equally well,
and Fisher's noncentral hypergeometric where its odds are others (Fisher 1935). Their likelihood ratio has the expectation 1
whatever the rate is, and whatever it was a moment ago; the share that the canary has of a group's labels needs not be known beforehand
(compare Turner, Ly and Grünwald 2024, "Generic E-variables for exact sequential k-sample tests", for blocks of given sizes).

**Late faults.** What was good for an hour outweighs what is bad since a minute. `Evidence` therefore also takes up a fresh product at
every moment, each with its part of a prior over when the fault begins: Page's CUSUM (1954) takes the largest of them, Shiryaev (1963)
and Roberts (1966) their sum; both are e-detectors (Shin, Ramdas and Rinaldo 2024, "E-detectors"). Without a prior such a watch with the
threshold c runs for c slots on average before it errs (its ARL), and so errs for sure in the end. With a prior that sums to 1 the sum is
itself an e-process, and errs with a probability of at most alpha for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln

Floats = npt.NDArray[np.float64]

#: The odds ratios that are averaged over, evenly in their logarithm: from "hardly worse" to "nearly always". What is worse still is
#: found by the last of them within a few events more.
ODDS: Floats = np.geomspace(1.2, 50.0, 32)


@dataclass(frozen=True, slots=True)
class BadEvents:
    """Bad events while the canary took the share `weight`: in the canary, and in the control beside it."""

    weight: float
    canary: int
    control: int


def log_evidence_of_less(bad: int, total: int, ceiling: float) -> float:
    """The natural logarithm of the e-value against "the share `ceiling` of requests goes wrong, or more".

    The alternative is uniform over (0, ceiling), so that E = ∫_0^c p^k (1−p)^(n−k) dp / c ÷ c^k (1−c)^(n−k), in closed form by the
    incomplete beta function. This is what lets a version go on that hardly ever fails: n clean answers give about (1−c)^−n / cn.
    Raises ValueError unless 0 < ceiling < 1 and 0 ≤ bad ≤ total.
    """
    if not 0.0 < ceiling < 1.0 or not 0 <= bad <= total:
        raise ValueError(f"no evidence can be taken of {bad} in {total} against a share of {ceiling}")
    below = float(betainc(bad + 1, total - bad + 1, ceiling))
    if below == 0.0:
        return -math.inf
    integral = float(betaln(bad + 1, total - bad + 1)) + math.log(below) - math.log(ceiling)
    return integral - bad * math.log(ceiling) - (total - bad) * math.log1p(-ceiling)


def log_evidence_of_no_worse(stages: Iterable[BadEvents], margin_odds: float) -> float:
    """The natural logarithm of the e-value against "the canary's odds of a bad event are `margin_odds` times the control's, or more".

    Non-inferiority: evidence of this kind lets a version go on, and not the absence of the other. The alternatives are odds below the
    margin, down to those of a version that hardly fails. For events that have each a cause of its own.
    """
    total = np.zeros_like(ODDS)
    for stage in stages:
        if 0.0 < stage.weight < 1.0:
            null = float(share_at_odds(stage.weight, margin_odds))
            better = share_at_odds(null, 1.0 / ODDS)
            total += stage.canary * np.log(better / null) + stage.control * np.log((1.0 - better) / (1.0 - null))
    return _log_mean(total)


def log_threshold(alpha: float) -> float:
    """The log e-value from which on the null is rejected, with a false-alarm rate of at most `alpha` over all time."""
    return -math.log(alpha)


# Bets: what one slot of time adds to the logarithm of each product, one per alternative.


def share_at_odds(weight: float, odds: float | Floats) -> Floats:
    """The share of all bad events that falls to an arm of this weight whose odds of one are `odds` times those of the other arm."""
    worse = np.asarray(odds, dtype=np.float64) * weight
    return np.asarray(worse / (worse + (1.0 - weight)), dtype=np.float64)


def log_bets(hits: float, events: float, null: float, alternatives: Floats) -> Floats:
    """What a slot says for each alternative share, against the share `null`: the logarithm of the mean likelihood ratio of its events.

    `hits` of its `events` were what is bet on. Of expectation 1 (before the logarithm) where each event is a hit with probability
    `null`, and of at most 1 where it is one with less, for alternatives above the null (with more, for alternatives below it).
    0 for a slot without events. Raises ValueError for counts that can't be and for a null that is no share.
    """
    if not 0.0 < null < 1.0 or not 0 <= hits <= events:
        raise ValueError(f"no bet can be settled on {hits} of {events} events at a share of {null}")
    if events == 0:
        return np.zeros_like(alternatives)
    part = hits / events
    return np.asarray(np.log(part * alternatives / null + (1.0 - part) * (1.0 - alternatives) / (1.0 - null)), dtype=np.float64)


def bets_on_split(bad: BadEvents) -> Floats:
    """A slot's bets against "the canary's odds of a bad event are at most the control's", one for each of ODDS."""
    return log_bets(bad.canary, bad.canary + bad.control, bad.weight, share_at_odds(bad.weight, ODDS))


def bets_on_ceiling(bad: int, requests: int, ceiling: float) -> Floats:
    """A slot's bets against "at most the share `ceiling` of requests goes wrong", one for each of ODDS over the ceiling's."""
    return log_bets(bad, requests, ceiling, share_at_odds(ceiling, ODDS))


def bets_on_labels(wrong: int, labelled: int, control_wrong: int, control_labelled: int) -> Floats:
    """A stratum's bets against "of the labelled answers, the canary's are wrong at no more than the control's odds", one for each of ODDS.

    `wrong` of the canary's `labelled` answers, and of the control's. 0 where one arm has none, or all or none are wrong: then nothing can
    be compared. Raises ValueError for counts that can't be.
    """
    if not (0 <= wrong <= labelled and 0 <= control_wrong <= control_labelled):
        raise ValueError(f"no bet can be settled on {wrong} of {labelled} labels beside {control_wrong} of {control_labelled}")
    bad, logs = wrong + control_wrong, np.log(ODDS)
    possible = np.arange(max(0, bad - control_labelled), min(bad, labelled) + 1, dtype=np.float64)
    chances = _log_choose(labelled, possible) + _log_choose(control_labelled, bad - possible)
    chances -= np.logaddexp.reduce(chances)
    return np.asarray(wrong * logs - np.logaddexp.reduce(chances[:, np.newaxis] + np.multiply.outer(possible, logs), axis=0))


def bets_on_wrong_labels(wrong: int, labelled: int, ceiling: float) -> Floats:
    """Bets against "at most the share `ceiling` of labelled answers is wrong", for labels that have each a cause of its own."""
    worse = share_at_odds(ceiling, ODDS)
    return np.asarray(wrong * np.log(worse / ceiling) + (labelled - wrong) * np.log((1.0 - worse) / (1.0 - ceiling)))


def log_evidence_of_mean(values: npt.ArrayLike, ceiling: float) -> float:
    """The natural logarithm of the e-value against "the mean of these values, each between 0 and 1, is at most `ceiling`".

    One bet per value, for values whose causes have nothing to do with each other: wrong or right, squared errors of probabilities.
    Raises ValueError for values past 0 or 1 and for a ceiling that is no share.
    """
    known = np.asarray(values, dtype=np.float64)
    if not 0.0 < ceiling < 1.0 or ((known < 0.0) | (known > 1.0)).any():
        raise ValueError(f"no bet can be settled on values past 0 or 1, or against a mean of {ceiling}")
    worse = share_at_odds(ceiling, ODDS)
    # The bets of log_bets are linear in the value, so that all of them are two outer products.
    gains = np.multiply.outer(known, worse / ceiling) + np.multiply.outer(1.0 - known, (1.0 - worse) / (1.0 - ceiling))
    return _log_mean(np.log(gains).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the slots so far have made of a stake of 1: half of it bet from the start, half taken up by and by.

    `early` and `late` are logarithms per alternative. Their mean is an e-process: a false alarm at 1/alpha has a probability of at
    most alpha, over all time. `early` alone is Robbins' mixture, `late` alone the weighted sum of Shiryaev and Roberts.
    """

    early: Floats
    late: Floats

    @classmethod
    def none(cls, alternatives: int = ODDS.size) -> Evidence:
        """Before the first slot."""
        return cls(np.zeros(alternatives), np.full(alternatives, -np.inf))

    def after(self, bets: Floats, mass: float) -> Evidence:
        """With one slot more. `mass` is the part of the prior for a fault that begins with it; over all slots at most 1 in sum."""
        begun = np.logaddexp(self.late, math.log(mass)) if mass > 0.0 else self.late
        return Evidence(self.early + bets, begun + bets)

    @property
    def log_early(self) -> float:
        """The logarithm of the e-value for a fault that was there from the start."""
        return _log_mean(self.early)

    @property
    def log_late(self) -> float:
        """The logarithm of the e-value for a fault that began some time."""
        return _log_mean(self.late)

    @property
    def log_value(self) -> float:
        """The logarithm of the e-value of both together, each at half the stake."""
        return float(np.logaddexp(self.log_early, self.log_late)) - math.log(2.0)


def onset_prior(seconds: float, expected_seconds: float) -> float:
    """How much of the prior lies before `seconds`: three quarters evenly over the time that is expected, the rest thinning out after that.

    3t/4T up to T, then 1 − T/4t: 1 in the end, so that a rollout that waits for its requests is watched as long as it takes.
    """
    if seconds <= expected_seconds:
        return 0.75 * max(0.0, seconds) / expected_seconds
    return 1.0 - 0.25 * expected_seconds / seconds


def log_evidence_of_ratio(counts: Iterable[tuple[float, int, int]], concentration: float = 1_000.0) -> float:
    """The natural logarithm of the e-value against "each request goes to the canary with probability `weight`", in either direction.

    `counts` are (weight, requests of the canary, requests of the control) per step. The alternative of each step is a beta
    distribution around its weight, `concentration` requests strong (Lindon and Malek 2022, "Anytime-valid inference for multinomial
    count data", §3: the check of the sample ratio).
    """
    total = 0.0
    for weight, canary, control in counts:
        if 0.0 < weight < 1.0:
            a, b = concentration * weight, concentration * (1.0 - weight)
            total += float(betaln(a + canary, b + control) - betaln(a, b)) - canary * math.log(weight) - control * math.log1p(-weight)
    return total


def log_evidence_of_labels(wrong: int, labelled: int, control_wrong: int, control_labelled: int) -> float:
    """The natural logarithm of the e-value against "of the labelled answers, the canary's are wrong at no more than the control's odds"."""
    return _log_mean(bets_on_labels(wrong, labelled, control_wrong, control_labelled))


def log_evidence_of_higher_mean(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> float:
    """The natural logarithm of the e-value against "in the mean our values, each between 0 and 1, are no larger than theirs".

    Each value of the smaller side is held against the mean of as many of the larger one as there are to each: a bet 1 + λ(x − y)
    on a difference of no positive mean (Waudby-Smith and Ramdas 2024, §4), averaged over λ. 0.0 where one side has no values. Raises
    ValueError for values past 0 or 1.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (ours, theirs)]
    if any(((side < 0.0) | (side > 1.0)).any() for side in sides):
        raise ValueError("no bet can be settled on values past 0 or 1")
    pairs = min(side.size for side in sides)
    if not pairs:
        return 0.0
    mine, beside = (side[: side.size // pairs * pairs].reshape(pairs, -1).mean(axis=1) for side in sides)
    stakes = np.geomspace(0.02, 0.95, ODDS.size)
    return _log_mean(np.log1p(np.multiply.outer(mine - beside, stakes)).sum(axis=0))


def _log_choose(of: int, taken: Floats) -> Floats:
    """The logarithm of how many ways there are to take so many."""
    return np.asarray(-betaln(of - taken + 1.0, taken + 1.0) - math.log(of + 1.0))


def _log_mean(logs: Floats) -> float:
    """The logarithm of the mean of what has these logarithms."""
    largest = float(logs.max())
    if largest == -math.inf:
        return -math.inf
    return largest + math.log(float(np.exp(logs - largest).mean()))

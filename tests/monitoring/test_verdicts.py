"""Verdicts: breached where the data say so, and not where chance could."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lifecycle.monitoring import verdicts
from lifecycle.monitoring.shifts import shift_of_numbers
from lifecycle.monitoring.verdicts import FALSE_ALARMS, Shift
from lifecycle.records.evidence import Measurement
from tests.monitoring.answers import Watched


def test_no_data_is_never_a_breach() -> None:
    """With nothing to go by every guardrail says that there is not enough data."""
    watch = Watched(accuracy_limit=0.8)
    found = [
        verdicts.errors(0, 0, watch),
        verdicts.latency(None, 0, watch),
        verdicts.drift("drift", {}, watch),
        verdicts.accuracy(None, watch),
    ]
    assert {one.verdict for one in found if one is not None} == {"not_enough_data"}


def test_without_a_limit_accuracy_is_not_judged() -> None:
    """A model that declares no accuracy limit has no verdict on it."""
    assert verdicts.accuracy(Measurement(value=0.1, low=0.1, high=0.1, n=1_000), Watched()) is None


@pytest.mark.parametrize(
    ("failed", "requests", "verdict"),
    [(0, 1_000, "holds"), (10, 1_000, "holds"), (2, 100, "not_enough_data"), (60, 1_000, "breached"), (99, 99, "not_enough_data")],
)
def test_errors_breach_where_the_exact_bound_does(failed: int, requests: int, verdict: str) -> None:
    """2 of 100 against 1 % may be chance, 60 of 1,000 is not; under 100 requests nothing is said."""
    assert verdicts.errors(failed, requests, Watched()).verdict == verdict


def test_the_bound_on_errors_is_that_of_clopper_and_pearson() -> None:
    """The number of failures from which on it is a breach is scipy's, for one-sided 99 %."""
    watch, requests = Watched(error_share_limit=0.05), 400
    first = next(k for k in range(requests) if verdicts.errors(k, requests, watch).verdict == "breached")
    lower = [stats.binomtest(k, requests).proportion_ci(1 - 2 * FALSE_ALARMS, method="exact").low for k in (first - 1, first)]
    assert lower[0] <= 0.05 < lower[1]


def test_a_late_percentile_is_a_breach() -> None:
    """The 99th percentile of what happened is compared as it is."""
    assert verdicts.latency(251.0, 100, Watched()).verdict == "breached"
    assert verdicts.latency(250.0, 100, Watched()).verdict == "holds"


@pytest.mark.parametrize(("value", "high", "verdict"), [(0.85, 0.9, "holds"), (0.75, 0.82, "not_enough_data"), (0.70, 0.78, "breached")])
def test_accuracy_breaches_where_its_whole_interval_is_below(value: float, high: float, verdict: str) -> None:
    """A value below the limit whose interval still reaches it is too little to tell."""
    found = verdicts.accuracy(Measurement(value=value, low=value - 0.05, high=high, n=200), Watched(accuracy_limit=0.8))
    assert found is not None
    assert found.verdict == verdict


def test_the_psi_that_chance_makes_is_as_rare_as_stated() -> None:
    """Of 2,000 pairs of samples of one source about 1 % exceed the bound, and far more than 1 % exceed the usual limit of 0.2."""
    generator = np.random.default_rng(11)
    shifts = [shift_of_numbers(generator.normal(size=1_000), generator.normal(size=100)) for _ in range(2_000)]
    beyond = sum(shift.psi > shift.by_chance(0.01) for shift in shifts)
    # 1 % of 2,000 is 20; the 99.99 % range of that binomial, widened for the chi-squared approximation at 10 rows a bin.
    assert 2 <= beyond <= 60


def test_a_small_sample_is_not_drift() -> None:
    """A PSI past the limit that chance makes from so few rows is not_enough_data; from many rows it is a breach."""
    few, many = Shift(0.22, 10, 2_000, 100), Shift(0.22, 10, 2_000, 5_000)
    assert verdicts.drift("drift", {"age": few}, Watched()).verdict == "not_enough_data"
    assert verdicts.drift("drift", {"age": many}, Watched()).verdict == "breached"


def test_the_column_that_moved_for_sure_is_the_one_shown() -> None:
    """A larger PSI that may be chance does not hide a smaller one that is not."""
    shifts = {"noisy": Shift(0.5, 30, 2_000, 110), "moved": Shift(0.3, 10, 2_000, 5_000)}
    found = verdicts.drift("drift", shifts, Watched())
    assert (found.verdict, found.value) == ("breached", 0.3)

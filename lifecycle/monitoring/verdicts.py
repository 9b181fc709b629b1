"""A verdict per guardrail: within its limit, past it, or too little to tell.

One rule for all of them: a guardrail is breached where the data say so beyond what chance would do. A figure that is past its limit
but could be there by chance is `not_enough_data`, and so is any figure from fewer rows than the declared minimum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from lifecycle.records.bodies.serving import GuardrailVerdict
from lifecycle.records.evidence import Measurement

#: How often a guardrail may call out where nothing has changed, per window: over all columns for drift, one-sided for errors.
FALSE_ALARMS = 0.01


class Watch(Protocol):
    """What monitoring alarms at, as a model declares it."""

    @property
    def psi_limit(self) -> float: ...
    @property
    def error_share_limit(self) -> float: ...
    @property
    def latency_p99_ms_limit(self) -> float: ...
    @property
    def accuracy_limit(self) -> float | None: ...
    @property
    def labels_mature_hours(self) -> float: ...
    @property
    def minimum_n(self) -> int: ...


@dataclass(frozen=True)
class Shift:
    """The PSI of one column between reference and window, and how many rows and bins it comes from."""

    psi: float
    bins: int
    reference_rows: int
    rows: int

    def by_chance(self, alpha: float) -> float:
        """The PSI that two samples of one source exceed with probability `alpha` only.

        PSI · nm / (n + m) is about chi-squared with (bins - 1) degrees of freedom: B. Yurdakul and J. Naranjo, Statistical properties
        of the population stability index, Journal of Risk Model Validation 14 (2020).
        """
        from scipy.special import chdtri

        return float(chdtri(max(self.bins - 1, 1), alpha)) * (1.0 / self.rows + 1.0 / self.reference_rows)


def drift(name: str, shifts: Mapping[str, Shift], watch: Watch) -> GuardrailVerdict:
    """The verdict on the column that moved most; a shift past the limit counts where chance would not make one so large."""
    told = [shift for shift in shifts.values() if shift.rows >= max(watch.minimum_n, 1)]
    if not told:
        return GuardrailVerdict(guardrail=name, value=None, limit=watch.psi_limit, verdict="not_enough_data")
    past = [shift for shift in told if shift.psi > watch.psi_limit]
    for_sure = [shift for shift in past if shift.psi > shift.by_chance(FALSE_ALARMS / len(told))]
    return GuardrailVerdict(
        guardrail=name,
        value=max(shift.psi for shift in for_sure or told),
        limit=watch.psi_limit,
        verdict=_verdict(past=bool(past), for_sure=bool(for_sure)),
    )


def errors(failed: int, requests: int, watch: Watch) -> GuardrailVerdict:
    """The verdict on the share of requests that the version could not answer, by the exact binomial bound.

    C. Clopper and E. Pearson, Biometrika 26 (1934): the smallest share under which so many failures are not yet a surprise.
    """
    from scipy.special import betaincinv

    if requests < max(watch.minimum_n, 1):
        return GuardrailVerdict(guardrail="errors", value=None, limit=watch.error_share_limit, verdict="not_enough_data")
    at_least = float(betaincinv(failed, requests - failed + 1, FALSE_ALARMS)) if failed else 0.0
    share, limit = failed / requests, watch.error_share_limit
    return GuardrailVerdict(guardrail="errors", value=share, limit=limit, verdict=_verdict(past=share > limit, for_sure=at_least > limit))


def latency(p99_ms: float | None, answers: int, watch: Watch) -> GuardrailVerdict:
    """The verdict on the 99th percentile, in milliseconds. A percentile of what happened is no estimate: past is past."""
    if p99_ms is None or answers < watch.minimum_n:
        return GuardrailVerdict(guardrail="latency_p99_ms", value=None, limit=watch.latency_p99_ms_limit, verdict="not_enough_data")
    past = p99_ms > watch.latency_p99_ms_limit
    return GuardrailVerdict(
        guardrail="latency_p99_ms", value=p99_ms, limit=watch.latency_p99_ms_limit, verdict=_verdict(past=past, for_sure=past)
    )


def accuracy(measured: Measurement | None, watch: Watch) -> GuardrailVerdict | None:
    """The verdict on accuracy where a limit is declared: breached where the whole interval lies below it."""
    limit = watch.accuracy_limit
    if limit is None:
        return None
    if measured is None or measured.n < watch.minimum_n:
        return GuardrailVerdict(guardrail="accuracy", value=None, limit=limit, verdict="not_enough_data")
    return GuardrailVerdict(
        guardrail="accuracy",
        value=measured.value,
        limit=limit,
        verdict=_verdict(past=measured.value < limit, for_sure=measured.high < limit),
    )


def _verdict(*, past: bool, for_sure: bool) -> Literal["holds", "breached", "not_enough_data"]:
    return "breached" if for_sure else "not_enough_data" if past else "holds"

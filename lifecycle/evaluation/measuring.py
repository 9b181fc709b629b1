"""The metrics of a model on rows, and of candidate against champion on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle.evaluation.slicing import Group
from lifecycle.measures.classification import METRICS, Scored
from lifecycle.measures.intervals import Resamples, difference
from lifecycle.records.evidence import Comparison, Measurement, SliceComparison, SliceMetrics


def metrics_of(rows: Scored, threshold: float, names: Sequence[str], resamples: Resamples) -> dict[str, Measurement]:
    """Every named metric that these rows determine (an AUC needs both outcomes), with its interval."""
    measured = {name: resamples.measure(METRICS[name](rows, threshold)) for name in names}
    return {name: found for name, found in measured.items() if found is not None}


def slice_metrics(
    groups: Sequence[Group], rows: Scored, threshold: float, names: Sequence[str], *, minimum_n: int, seed: int
) -> tuple[SliceMetrics, ...]:
    """The metrics of every group; none for a group that is smaller than `minimum_n`."""
    found = []
    for group in groups:
        enough = group.n >= minimum_n
        metrics = metrics_of(rows.where(group.rows), threshold, names, Resamples(group.n, seed=seed)) if enough else {}
        found.append(SliceMetrics(column=group.column, group=group.name, n=group.n, enough_data=enough, metrics=metrics))
    return tuple(found)


def compare(
    candidate: Scored, champion: Scored, thresholds: tuple[float, float], names: Sequence[str], resamples: Resamples
) -> tuple[Comparison, ...]:
    """Candidate less champion, paired: every resample draws the same rows for both. `thresholds` in that order."""
    found = []
    for name in names:
        statistics = METRICS[name](candidate, thresholds[0]), METRICS[name](champion, thresholds[1])
        ours, theirs, apart = (resamples.measure(each) for each in (*statistics, difference(*statistics)))
        if ours is not None and theirs is not None and apart is not None:
            found.append(Comparison(metric=name, candidate=ours, champion=theirs, difference=apart))
    return tuple(found)


def compare_slices(
    groups: Sequence[Group],
    candidate: Scored,
    champion: Scored,
    thresholds: tuple[float, float],
    names: Sequence[str],
    *,
    minimum_n: int,
    seed: int,
) -> tuple[SliceComparison, ...]:
    """The same within every group that reaches `minimum_n`."""
    found = []
    for group in groups:
        enough = group.n >= minimum_n
        sides = candidate.where(group.rows), champion.where(group.rows)
        comparisons = compare(*sides, thresholds, names, Resamples(group.n, seed=seed)) if enough else ()
        found.append(SliceComparison(column=group.column, group=group.name, n=group.n, enough_data=enough, comparisons=comparisons))
    return tuple(found)

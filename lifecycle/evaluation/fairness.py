"""What the model's decisions do to each protected group.

The values are fairlearn's; the intervals are bootstrap intervals of the same definitions (`measures.fairness`), and the
two implementations must agree on the value, or nothing is said.
"""

from __future__ import annotations

import math
import warnings

from lifecycle.errors import LifecycleError
from lifecycle.measures import fairness as measured
from lifecycle.measures.fairness import Decided, rates
from lifecycle.measures.intervals import Resamples, Statistic
from lifecycle.records.evidence import Fairness, GroupRates, Measurement

#: How far two ways to compute one rate may lie apart.
_AGREEMENT = 1e-9


class FairnessUnclear(LifecycleError):
    """Two implementations of one fairness measure disagree, so neither is evidence."""


def fairness_of(attribute: str, rows: Decided, *, minimum_n: int, seed: int) -> Fairness:
    """The rates of every group, and how far apart those are that have enough rows.

    With fewer than two such groups the verdict is `not_enough_data` and there is no measure to gate on. A measure that
    the rows don't determine (a group without one of the outcomes) is absent.
    """
    sizes = rows.group_sizes()
    known = rates(rows)
    large = [name for name, n in sizes.items() if n >= minimum_n]
    groups = tuple(
        GroupRates(
            group=name,
            n=n,
            enough_data=name in large,
            selection_rate=known[name].selection if name in large else None,
            true_positive_rate=known[name].true_positive if name in large else None,
            false_positive_rate=known[name].false_positive if name in large else None,
        )
        for name, n in sizes.items()
    )
    judged = rows.among(large) if len(large) > 1 else None
    if judged is None:
        return Fairness(
            attribute=attribute,
            minimum_n=minimum_n,
            verdict="not_enough_data",
            groups=groups,
            demographic_parity_difference=None,
            demographic_parity_ratio=None,
            equalised_odds_difference=None,
        )
    resamples = Resamples(len(judged), seed=seed)
    values = _by_fairlearn(judged)

    def agreed(name: str, statistic: Statistic) -> Measurement | None:
        found = resamples.measure(statistic)
        if found is not None and not math.isclose(found.value, values[name], abs_tol=_AGREEMENT):
            raise FairnessUnclear(
                f"The {name} of {attribute} is {values[name]} by fairlearn and {found.value} by our own measure.",
                "Do not judge this version; report the rows' digest as a defect of the measures.",
            )
        return found

    return Fairness(
        attribute=attribute,
        minimum_n=minimum_n,
        verdict="measured",
        groups=groups,
        demographic_parity_difference=agreed("demographic parity difference", measured.demographic_parity_difference(judged)),
        demographic_parity_ratio=agreed("demographic parity ratio", measured.demographic_parity_ratio(judged)),
        equalised_odds_difference=agreed("equalised odds difference", measured.equalised_odds_difference(judged)),
    )


def _by_fairlearn(rows: Decided) -> dict[str, float]:
    from fairlearn import metrics

    arguments = (rows.labels, rows.decisions)
    with warnings.catch_warnings():
        # scikit-learn warns of a group without one of the outcomes; such a measure is absent below.
        warnings.simplefilter("ignore")
        return {
            "demographic parity difference": float(metrics.demographic_parity_difference(*arguments, sensitive_features=rows.groups)),
            "demographic parity ratio": float(metrics.demographic_parity_ratio(*arguments, sensitive_features=rows.groups)),
            "equalised odds difference": float(metrics.equalized_odds_difference(*arguments, sensitive_features=rows.groups)),
        }

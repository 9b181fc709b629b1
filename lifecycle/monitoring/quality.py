"""How good a version's answers were, as soon as their outcomes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lifecycle.records.evidence import Measurement

if TYPE_CHECKING:
    from lifecycle.measures.intervals import Floats


def quality_of(labelled: Sequence[Mapping[str, Any]], *, positive: str, seed: int) -> dict[str, Measurement]:
    """Accuracy, AUC, log loss and Brier score of the answers with an outcome, each with its 95 % bootstrap interval.

    A measure that these rows don't determine (AUC where only one outcome occurred) is left out. Empty without rows.
    """
    import numpy as np

    from lifecycle.measures.classification import Scored, auc, brier, log_loss
    from lifecycle.measures.intervals import Resamples

    if not labelled:
        return {}
    scored = Scored.of(
        [float(row["label"] == positive) for row in labelled],
        [row["output"]["probability"] for row in labelled],
    )
    # What was decided counts, and not what some threshold would decide today.
    right = np.array([float(row["output"]["decision"] == row["label"]) for row in labelled])

    def share_right(weights: Floats) -> Floats:
        shares: Floats = (weights @ right) / weights.sum(axis=1)
        return shares

    resamples = Resamples(len(labelled), seed=seed)
    statistics = {"accuracy": share_right, "auc": auc(scored), "brier": brier(scored), "log_loss": log_loss(scored)}
    measured = {name: resamples.measure(statistic) for name, statistic in statistics.items()}
    return {name: found for name, found in measured.items() if found is not None}

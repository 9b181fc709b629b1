"""Follows the edges behind one prediction (`lineage.explanation` has the picture): one file for each part of what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle.lineage.explaining.allowing import follow_allowing
from lifecycle.lineage.explaining.answering import Asked, follow_answer
from lifecycle.lineage.explaining.chain import Chain, Store
from lifecycle.lineage.explaining.judging import follow_judging
from lifecycle.lineage.explaining.making import follow_making
from lifecycle.lineage.explaining.sealing import Placed, follow_sealing
from lifecycle.lineage.explaining.version import follow_version
from lifecycle.lineage.explaining.walk import Verifiers, Walk
from lifecycle.lineage.explanation import Explanation
from lifecycle.records.prediction import Prediction

__all__ = ["Asked", "Chain", "Placed", "Store", "Verifiers", "explain"]


def explain(
    row: Prediction, asked: Asked, placed: Placed, chain: Chain, store: Store, verifiers: Verifiers, shown: Mapping[str, Any]
) -> Explanation:
    """Every edge behind a prediction but the last, the ledger checkpoint. `shown` is what is shown of the row."""
    walk = Walk(row, chain, store, verifiers)
    follow_answer(walk, asked)
    trained = follow_version(walk)
    if row.version is not None:
        deployment = follow_allowing(walk)
        follow_judging(walk, deployment)
        follow_making(walk, trained)
    follow_sealing(walk, placed)
    return Explanation(shown, tuple(walk.steps))

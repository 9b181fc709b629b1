"""How a model takes rows that are a little wrong, as they come in production: the same test rows, disturbed, answered again.

What is compared is the ranking, paired: the AUC on the disturbed rows less that on the rows as they are. Which rows are
disturbed, and how, follows from one seed, which is part of the method and not a choice of a version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lifecycle.evaluation.ports import EvaluationData
from lifecycle.evaluation.served import ServedModel
from lifecycle.measures.classification import METRICS, Scored
from lifecycle.measures.intervals import Resamples, difference
from lifecycle.records.evidence import Disturbance, Disturbed

if TYPE_CHECKING:
    import pandas as pd

#: How far a number moves: this share of its standard deviation in the training rows.
NOISE = 0.1
#: The share of the values of each category that are drawn anew from the training rows.
REDRAWN = 0.05


def robustness_of(
    model: ServedModel, training: pd.DataFrame, rows: pd.DataFrame, spec: EvaluationData, scored: Scored, resamples: Resamples, *, seed: int
) -> tuple[Disturbed, ...]:
    """What each disturbance that these columns permit does to the answers on `rows`, whose answers as they are `scored` holds.

    Numbers stay within what the training rows show, so that a disturbed row is one that the model takes.
    """
    chance = np.random.default_rng(seed)
    trials: list[tuple[Disturbance, float, pd.DataFrame]] = []
    if spec.numbers:
        trials.append(("noise", NOISE, _with_noise(training, rows, spec.numbers, chance)))
    if spec.categories:
        trials.append(("categories", REDRAWN, _redrawn(training, rows, spec.categories, chance)))
    return tuple(_tried(model, kind, strength, disturbed, scored, resamples) for kind, strength, disturbed in trials)


def _tried(model: ServedModel, kind: Disturbance, strength: float, rows: pd.DataFrame, scored: Scored, resamples: Resamples) -> Disturbed:
    answers = Scored(scored.labels, model.probabilities(model.features(rows)))
    auc = METRICS["auc"]
    apart = resamples.measure(difference(auc(answers, model.threshold), auc(scored, model.threshold)))
    assert apart is not None  # the rows hold both outcomes: without them nothing is judged
    changed = (answers.probabilities >= model.threshold) != (scored.probabilities >= model.threshold)
    return Disturbed(disturbance=kind, strength=strength, auc_difference=apart, decisions_changed=float(changed.mean()))


def _with_noise(training: pd.DataFrame, rows: pd.DataFrame, numbers: tuple[str, ...], chance: np.random.Generator) -> pd.DataFrame:
    moved = {}
    for name in numbers:
        known = training[name].to_numpy(dtype=np.float64)
        noise = chance.normal(0.0, NOISE * float(np.nanstd(known)), len(rows))
        moved[name] = np.clip(rows[name].to_numpy(dtype=np.float64) + noise, np.nanmin(known), np.nanmax(known))
    return rows.assign(**moved)


def _redrawn(training: pd.DataFrame, rows: pd.DataFrame, categories: tuple[str, ...], chance: np.random.Generator) -> pd.DataFrame:
    redrawn = {}
    for name in categories:
        drawn = chance.choice(training[name].to_numpy(), len(rows))
        redrawn[name] = rows[name].where(chance.random(len(rows)) >= REDRAWN, drawn)
    return rows.assign(**redrawn)

"""Rows that are disturbed as they are in production: what that does to the ranking is measured, and is the same every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lifecycle.evaluation import robustness
from lifecycle.evaluation.judging import SEED, Judged, Question
from lifecycle.evaluation.robustness import NOISE, REDRAWN, robustness_of
from lifecycle.evaluation.served import ServedModel
from lifecycle.measures.classification import Scored
from lifecycle.measures.intervals import Resamples

pytestmark = pytest.mark.xdist_group("training")


def rows_of(question: Question) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training rows and the test rows."""
    training, rows = (question.frame[question.frame["split"] == split].reset_index(drop=True) for split in ("train", "test"))
    return training, rows


def test_numbers_and_categories_are_disturbed(judged: Judged) -> None:
    """Each with its strength, on every test row, and with the share of decisions that it changes."""
    found = judged.evidence.robustness
    assert found is not None
    assert [(one.disturbance, one.strength) for one in found] == [("noise", NOISE), ("categories", REDRAWN)]
    for one in found:
        assert one.auc_difference.low <= one.auc_difference.value <= one.auc_difference.high
        assert one.auc_difference.n == judged.evidence.rows
        assert 0.0 <= one.decisions_changed <= 1.0


def test_rows_that_are_torn_apart_cost_the_ranking(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise as large as the numbers vary leaves even the upper bound below zero: the measure can say no."""
    monkeypatch.setattr(robustness, "NOISE", 1.0)
    training, rows = rows_of(question)
    model = ServedModel(question.parts)
    labels = (rows[question.spec.target] == question.spec.positive).to_numpy().astype(np.float64)
    scored = Scored(labels, model.probabilities(model.features(rows)))
    noise, _ = robustness_of(model, training, rows, question.spec, scored, Resamples(len(rows), seed=SEED), seed=SEED)
    assert noise.auc_difference.high < 0.0
    assert noise.decisions_changed > 0.0


def test_disturbed_rows_are_rows_that_the_model_takes(question: Question) -> None:
    """Numbers stay within what training showed and missing where they are, categories are known ones, and the rows given stay."""
    training, rows = rows_of(question)
    before, chance = rows.copy(), np.random.default_rng(1)
    moved = robustness._with_noise(training, rows, question.spec.numbers, chance)
    redrawn = robustness._redrawn(training, rows, question.spec.categories, chance)
    for name in question.spec.numbers:
        known = moved[name].dropna()
        assert known.between(training[name].min(), training[name].max()).all()
        assert (moved[name].isna() == rows[name].isna()).all()
        assert (known != rows[name].dropna()).any()
    for name in question.spec.categories:
        assert set(redrawn[name]) <= set(training[name])
        assert (redrawn[name] != rows[name]).mean() <= 3 * REDRAWN
    pd.testing.assert_frame_equal(rows, before)

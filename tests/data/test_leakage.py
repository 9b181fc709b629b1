"""Features that know the answer are found, whatever they hide it in; honest ones are not accused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lifecycle.data.leakage import rank_auc, single_feature_auc
from tests.data.rows import loans, spec_of

SPEC = spec_of(Path("loans.csv"))


def asked(frame: pd.DataFrame) -> dict[str, float]:
    return single_feature_auc(SPEC, frame, (frame["paid"] == "yes").to_numpy())


def test_honest_features_know_what_they_know() -> None:
    """Income tells something, town nothing, and neither is near to knowing all."""
    found = asked(loans(rows=3_000))
    assert 0.75 < found["income"] < 0.9
    assert found["town"] < 0.55
    assert found["amount"] < 0.55


@pytest.mark.parametrize(
    "leak",
    [
        lambda paid: np.where(paid, 2.0, 1.0),
        lambda paid: np.where(paid, 1.0, 2.0),
        lambda paid: np.where(paid, np.nan, np.arange(len(paid)) % 17.0),
        lambda paid: np.where(paid, 50.0, np.arange(len(paid)) % 2 * 100.0),
        lambda paid: np.where(paid, 666.0, np.arange(len(paid)) * 3.0),
    ],
    ids=[
        "it is the answer",
        "it is the answer backwards",
        "it is missing where the answer is yes",
        "the middle is yes",
        "a sentinel is yes",
    ],
)
def test_a_number_that_knows_the_answer_is_found(leak: object) -> None:
    """By its order, against its order, by being missing, by a bend or by a sentinel."""
    assert callable(leak)
    frame = loans()
    frame["amount"] = leak((frame["paid"] == "yes").to_numpy())
    assert asked(frame)["amount"] > 0.95


@pytest.mark.parametrize("answers", [("sold", "kept"), ("sold", None)], ids=["by a value", "by being missing"])
def test_a_category_that_knows_the_answer_is_found(answers: tuple[str, str | None]) -> None:
    """By one of its values, or by having none."""
    frame = loans()
    frame["town"] = pd.Series([answers[0] if paid == "yes" else answers[1] for paid in frame["paid"]], dtype="str")
    assert asked(frame)["town"] > 0.95


def test_a_category_with_a_value_for_each_row_is_not_accused() -> None:
    """A name would know every answer if it were asked about the rows it learnt from; it is asked about others."""
    frame = loans()
    frame["town"] = [f"row {position}" for position in frame.index]
    assert asked(frame)["town"] < 0.6


def test_one_outcome_alone_leaks_nothing() -> None:
    """Where there is nothing to tell apart, no feature tells it."""
    assert set(asked(loans().assign(paid="yes")).values()) == {0.5}


def test_a_feature_without_any_value_tells_nothing() -> None:
    """An empty column is no error and no leak."""
    assert asked(loans().assign(income=np.nan))["income"] == 0.5


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60).filter(lambda rows: len({hit for _, hit in rows}) == 2)
)
def test_the_figure_is_the_area_under_the_curve(rows: list[tuple[int, bool]]) -> None:
    """It agrees with scikit-learn on any scores, ties and all, and turns round with them."""
    scores, positive = np.array([score for score, _ in rows], dtype=float), np.array([hit for _, hit in rows])
    assert rank_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert rank_auc(-scores, positive) == pytest.approx(1.0 - rank_auc(scores, positive))

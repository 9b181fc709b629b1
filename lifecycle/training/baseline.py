"""Gradient boosting, trained beside every network on the same rows: what a candidate is measured against.

Only its predictions of the test rows are kept, as plain numbers: scikit-learn has no format for a model that
does not unpickle.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from lifecycle.records.record import JsonObject

if TYPE_CHECKING:
    import pandas as pd

    from lifecycle.training.request import TrainingRequest

BASELINE_NAME = "hist_gradient_boosting"
_ITERATIONS, _LEARNING_RATE, _LEAVES = 120, 0.05, 15


def baseline_predictions(request: TrainingRequest) -> JsonObject:
    """`{"dataset_digest", "rows", "probabilities", …}`: the probability of the positive outcome per test row, by its number there."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    spec = request.spec
    training, test = request.rows("train"), request.rows("test")
    model = HistGradientBoostingClassifier(
        max_iter=_ITERATIONS,
        learning_rate=_LEARNING_RATE,
        max_leaf_nodes=_LEAVES,
        categorical_features="from_dtype",
        early_stopping=False,
        random_state=request.seed,
    )
    vocabularies = {name: sorted(training[name].dropna().unique()) for name in spec.categories}
    # One thread: on a few thousand rows more only wait for each other, on a busy machine for minutes.
    with threadpool_limits(limits=1):
        model.fit(_features(training, spec.numbers, vocabularies), (training[spec.target] == spec.positive).to_numpy())
        probabilities = model.predict_proba(_features(test, spec.numbers, vocabularies))[:, 1]
    return {
        "dataset_digest": request.dataset_digest,
        "library": f"scikit-learn {version('scikit-learn')}",
        "iterations": _ITERATIONS,
        "learning_rate": _LEARNING_RATE,
        "leaves": _LEAVES,
        "seed": request.seed,
        "rows": [int(row) for row in test["row_id"]],
        "probabilities": [round(float(probability), 9) for probability in probabilities],
    }


def _features(rows: pd.DataFrame, numbers: tuple[str, ...], vocabularies: dict[str, list[str]]) -> pd.DataFrame:
    """Numbers as they are (missing is a branch of a tree), categories by the vocabulary of the training rows."""
    import pandas as pd

    columns = {name: rows[name].astype("float64") for name in numbers}
    columns |= {name: pd.Series(pd.Categorical(rows[name], categories=values), index=rows.index) for name, values in vocabularies.items()}
    return pd.DataFrame(columns)

"""Evidently's reports on a window: HTML to look at, and the values that are the record.

Methods and thresholds are given, never defaulted: Evidently changes its method at a thousand rows. Its HTML has random ids, so that
no two are alike; its JSON differs in the last digits and in order between processes, so the record keeps names and values only,
sorted and rounded.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle.errors import Unavailable
from lifecycle.monitoring.traffic import Traffic
from lifecycle.monitoring.yardstick import Yardstick

if TYPE_CHECKING:
    import pandas as pd

#: Past this many rows Evidently takes minutes; a seeded sample is reported on, and the verdicts are taken on all rows.
MOST_ROWS = 50_000
#: Digits that are the same in every process (the differences between two were 1.7e-14).
DIGITS = 9
#: What Evidently raises where a column does not suit it; it has no errors of its own.
_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_MISSING = "(missing)"


@dataclass(frozen=True)
class Report:
    """One report: its title, the value of each metric by name, and its drawing: an iframe that holds everything it needs.

    A drawing is 4 MB, so only what no table can say is drawn.
    """

    title: str
    html: str | None
    values: dict[str, Any]


def input_report(traffic: Traffic, yardstick: Yardstick, *, psi_limit: float, seed: int) -> Report:
    """A summary of every input and its drift against the rows that the version was trained on.

    Columns that have no value on one of the two sides are left out: there is nothing to draw. Raises Unavailable where Evidently fails.
    """
    from evidently import DataDefinition, Dataset
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    columns, numbers, categories = yardstick.columns, yardstick.numbers, yardstick.categories
    current = _frame(traffic.inputs(columns), numbers)
    before = _frame({column: yardstick.trained_on[column].tolist() for column in columns}, numbers)
    held = [column for column in columns if current[column].notna().any() and before[column].notna().any()]
    definition = DataDefinition(
        numerical_columns=[column for column in numbers if column in held],
        categorical_columns=[column for column in categories if column in held],
    )
    presets = [DataSummaryPreset(columns=held), DataDriftPreset(columns=held, method="psi", threshold=psi_limit)]
    now, then = (Dataset.from_pandas(_sample(frame[held], seed), data_definition=definition) for frame in (current, before))
    return _run("Inputs, against the rows that the version was trained on", presets, now, then, drawn=True)


def outcome_report(traffic: Traffic, *, positive: str, seed: int) -> Report | None:
    """Classification quality of the answers whose outcome is known; None until both outcomes have occurred.

    Raises Unavailable where Evidently fails.
    """
    import pandas as pd
    from evidently import BinaryClassification, DataDefinition, Dataset
    from evidently.presets import ClassificationPreset

    known = traffic.labelled()
    if len({row["label"] for row in known}) != 2:
        return None
    frame = pd.DataFrame(
        {
            "outcome": [row["label"] for row in known],
            "decision": [row["output"]["decision"] for row in known],
            "probability": [row["output"]["probability"] for row in known],
        }
    )
    task = BinaryClassification(target="outcome", prediction_labels="decision", prediction_probas="probability", pos_label=positive)
    scored = Dataset.from_pandas(_sample(frame, seed), data_definition=DataDefinition(classification=[task]))
    return _run("Answers, against what turned out to be true", [ClassificationPreset()], scored, None, drawn=False)


def _run(title: str, presets: Sequence[Any], now: Any, then: Any, *, drawn: bool) -> Report:
    from evidently import Report as EvidentlyReport

    try:
        # Evidently is written against older pandas, which says so at every call.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            snapshot = EvidentlyReport(list(presets)).run(now, then)
            found: list[Mapping[str, Any]] = json.loads(snapshot.json())["metrics"]
            html = snapshot.get_html_str(as_iframe=True) if drawn else None
    except _FAILURES as error:
        raise Unavailable(
            f"Evidently can't report on this window: {type(error).__name__}: {error}.",
            "The verdicts stand without it. Look at the columns of the window, then run the monitoring again.",
        ) from error
    return Report(title, html, {str(metric["metric_name"]): rounded(metric["value"]) for metric in found})


def _frame(columns: Mapping[str, Sequence[Any]], numbers: Sequence[str]) -> pd.DataFrame:
    """Numbers as doubles, categories as text. A missing category is one of its own; a column of nothing but those stays empty."""
    import pandas as pd

    made: dict[str, pd.Series[Any]] = {}
    for name, values in columns.items():
        if name in numbers:
            made[name] = pd.Series(values, dtype="float64")
        else:
            text = [None if value is None or value != value else str(value) for value in values]
            known = any(value is not None for value in text)
            made[name] = pd.Series([_MISSING if value is None and known else value for value in text], dtype="object")
    return pd.DataFrame(made)


def _sample(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= MOST_ROWS else frame.sample(MOST_ROWS, random_state=seed, ignore_index=True)


def rounded(value: Any) -> Any:
    """A JSON value whose numbers are the same in every process and with every number of threads; what is not finite is null."""
    if isinstance(value, dict):
        return {str(name): rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value

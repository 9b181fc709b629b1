"""The Evidently report of an evaluation: canonical JSON, which is the record, and HTML, which is a view of it.

Method and threshold of drift are always stated: Evidently's own choice changes at 1,000 rows.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from lifecycle.errors import MalformedRecord
from lifecycle.evaluation.ports import EvaluationData, Probabilities
from lifecycle.records.record import canonical_bytes

if TYPE_CHECKING:
    import pandas as pd

PSI_THRESHOLD = 0.2
#: Evidently's floats differ in their last digits from process to process, as its sums follow the order of sets.
SIGNIFICANT_DIGITS = 9


@dataclass(frozen=True)
class RenderedReport:
    """`json` is the same for the same rows. `html` holds random ids and is not."""

    json: bytes
    html: bytes


def evaluation_report(
    training: pd.DataFrame,
    judged: pd.DataFrame,
    data: EvaluationData,
    training_probabilities: Probabilities,
    probabilities: Probabilities,
    threshold: float,
) -> RenderedReport:
    """Data summary, drift from training to judged rows, and classification, by Evidently."""
    columns = [*data.numbers, *data.categories, data.target]
    with warnings.catch_warnings():
        # Evidently 0.7 calls pandas, numpy and litestar in ways that they warn of; none is about these rows.
        warnings.simplefilter("ignore")
        from evidently import BinaryClassification, DataDefinition, Dataset, Report
        from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset

        definition = DataDefinition(
            numerical_columns=list(data.numbers),
            categorical_columns=list(data.categories),
            classification=[
                BinaryClassification(
                    target=data.target, prediction_labels="decision", prediction_probas="probability", pos_label=data.positive
                )
            ],
        )

        def dataset(rows: pd.DataFrame, given: Probabilities) -> Dataset:
            decided = [data.positive if probability >= threshold else data.negative for probability in given]
            return Dataset.from_pandas(rows[columns].assign(probability=given, decision=decided), data_definition=definition)

        report = Report(
            [
                DataSummaryPreset(),
                DataDriftPreset(columns=[*data.numbers, *data.categories], method="psi", threshold=PSI_THRESHOLD),
                ClassificationPreset(probas_threshold=threshold),
            ]
        )
        # Evidently takes the rows that are looked at first, and the reference second.
        snapshot = report.run(dataset(judged, probabilities), dataset(training, training_probabilities))
        return RenderedReport(json=canonical_report(snapshot.json()), html=snapshot.get_html_str(as_iframe=False).encode())


def canonical_report(content: str) -> bytes:
    """A report's JSON in one form: keys sorted, floats of so many digits, metrics in order of their name and id.

    Raises MalformedRecord where it is not a report.
    """
    value = json.loads(content, parse_constant=lambda _: None)
    if not isinstance(value, dict) or not isinstance(value.get("metrics"), list):
        raise MalformedRecord("This is not an Evidently report: it has no metrics.", "Use Snapshot.json() of Evidently 0.7.")
    metrics = sorted((_rounded(metric) for metric in value["metrics"]), key=_order)
    return canonical_bytes({"format": "lifecycle.report/1", "metrics": metrics, "tests": _rounded(value.get("tests", []))})


def _order(metric: JsonValue) -> tuple[str, str]:
    fields = metric if isinstance(metric, dict) else {}
    return str(fields.get("metric_name")), str(fields.get("id"))


def _rounded(value: JsonValue) -> JsonValue:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return value

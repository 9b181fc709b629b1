"""Judges one version, and writes the evidence document that gates, approvers and auditors read."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.evaluation.drift import drift_of
from lifecycle.evaluation.fairness import fairness_of
from lifecycle.evaluation.measuring import compare, compare_slices, metrics_of, slice_metrics
from lifecycle.evaluation.page import evidence_page
from lifecycle.evaluation.ports import EagerNetwork, EvaluationData, Keep, Probabilities
from lifecycle.evaluation.report import RenderedReport, evaluation_report
from lifecycle.evaluation.robustness import robustness_of
from lifecycle.evaluation.served import ServedModel
from lifecycle.evaluation.slicing import Group, groups_of
from lifecycle.measures.classification import Scored
from lifecycle.measures.fairness import Decided
from lifecycle.measures.intervals import LEVEL, RESAMPLES, Resamples
from lifecycle.records.evidence import AgainstChampion, Evidence, Fairness, Parity
from lifecycle.records.manifest import Part
from lifecycle.records.record import Digest, JsonObject, digest_of

if TYPE_CHECKING:
    import pandas as pd

PROTECTED_PREFIX = "protected_"
#: What decides the numbers, beside the rows and the bytes.
PACKAGES = ("evidently", "fairlearn", "numpy", "onnxruntime", "pandas")
#: Resampling is part of the method and not a choice of a version: no seed can be looked for that flatters one.
SEED = 20_260_101


@dataclass(frozen=True, eq=False)
class Question:
    """Which bytes are to be judged, on which rows, beside what. `frame` is the dataset version, all splits."""

    model: str
    version: int
    model_digest: Digest
    dataset_digest: Digest
    parts: Mapping[Part, bytes]
    frame: pd.DataFrame
    spec: EvaluationData
    metrics: tuple[str, ...]
    slices: tuple[str, ...]
    minimum_group_n: int
    training: EagerNetwork
    baseline_name: str
    baseline: JsonObject
    champion_version: int | None = None
    champion_digest: Digest | None = None
    champion_parts: Mapping[Part, bytes] | None = None


@dataclass(frozen=True)
class Judged:
    """The evidence, and the report that it names by digest."""

    evidence: Evidence
    report: RenderedReport


def judge(question: Question, *, keep: Keep) -> Judged:
    """The evidence on one version, from the test rows of its dataset. The reports are kept before it names them.

    The same question gives the same evidence but for the digest of the HTML. Raises FeatureRefused where the model can't
    take a test row, Tampered where its weights are not those of its network, InvalidDeclaration where there are no test
    rows of both outcomes.
    """
    training, rows = (question.frame[question.frame["split"] == split].reset_index(drop=True) for split in ("train", "test"))
    labels = (rows[question.spec.target] == question.spec.positive).to_numpy().astype(np.float64)
    if len(np.unique(labels)) < 2:
        raise InvalidDeclaration(
            f"The test rows of {question.model} hold {len(rows)} rows and not both outcomes.", "Look at the data and its split shares."
        )
    model = ServedModel(question.parts)
    features = model.features(rows)
    scored = Scored(labels, model.probabilities(features))
    resamples = Resamples(len(rows), seed=SEED)
    groups = tuple(group for column in question.slices for group in groups_of(column, rows, training))
    report = evaluation_report(
        training, rows, question.spec, model.probabilities(model.features(training)), scored.probabilities, model.threshold
    )
    baseline = Scored(labels, _baseline(question, rows))
    # The page shows the evidence and so can't be named by it yet: until it is made, the report stands in its place.
    draft = Evidence(
        model=question.model,
        version=question.version,
        model_digest=question.model_digest,
        dataset_digest=question.dataset_digest,
        rows=len(rows),
        threshold=model.threshold,
        metrics=metrics_of(scored, model.threshold, question.metrics, resamples),
        baseline=metrics_of(baseline, model.threshold, question.metrics, resamples),
        baseline_name=question.baseline_name,
        slices=slice_metrics(groups, scored, model.threshold, question.metrics, minimum_n=question.minimum_group_n, seed=SEED),
        fairness=_fairness(question, rows, scored, model.threshold),
        parity=_parity(question, features, scored.probabilities),
        drift=drift_of(training, rows, question.spec.numbers, question.spec.categories),
        against_champion=_against_champion(question, rows, scored, model.threshold, groups, resamples),
        robustness=robustness_of(model, training, rows, question.spec, scored, resamples, seed=SEED),
        report_json_digest=keep(report.json),
        report_html_digest=digest_of(report.html),
        computed_with=_computed_with(),
    )
    page = evidence_page(draft, report.html)
    return Judged(evidence=draft.model_copy(update={"report_html_digest": keep(page)}), report=RenderedReport(json=report.json, html=page))


def _fairness(question: Question, rows: pd.DataFrame, scored: Scored, threshold: float) -> tuple[Fairness, ...]:
    decisions = (scored.probabilities >= threshold).astype(np.float64)
    return tuple(
        fairness_of(
            name,
            Decided.of(decisions, scored.labels, rows[PROTECTED_PREFIX + name].astype(str).tolist()),
            minimum_n=question.minimum_group_n,
            seed=SEED,
        )
        for name in question.spec.protected
    )


def _parity(question: Question, features: Any, served: Probabilities) -> Parity:
    """The graph that serves against the network in the framework that trained it, on every test row."""
    eager = question.training.eager(question.parts)(features)
    return Parity(rows=len(served), largest_difference=float(np.abs(eager - served).max()))


def _baseline(question: Question, rows: pd.DataFrame) -> Probabilities:
    """The baseline's stored predictions, in the order of these rows. A row's number means nothing in another dataset version."""
    stored = question.baseline
    ids, given = stored.get("rows"), stored.get("probabilities")
    if not isinstance(ids, list) or not isinstance(given, list) or len(ids) != len(given):
        raise MalformedRecord("The baseline's predictions have no rows or no probabilities.", "Train the candidate again.")
    by_row = dict(zip(ids, given, strict=True))
    missing = [row for row in rows["row_id"] if row not in by_row]
    if missing or stored.get("dataset_digest") != question.dataset_digest:
        raise MalformedRecord(
            f"The baseline predicted rows of {stored.get('dataset_digest')}, not those of {question.dataset_digest}.",
            "Judge a version on the dataset version that it was trained on.",
        )
    return np.array([by_row[row] for row in rows["row_id"]], dtype=np.float64)


def _against_champion(
    question: Question, rows: pd.DataFrame, scored: Scored, threshold: float, groups: tuple[Group, ...], resamples: Resamples
) -> AgainstChampion | None:
    if question.champion_parts is None or question.champion_version is None or question.champion_digest is None:
        return None
    champion = ServedModel(question.champion_parts)
    theirs = Scored(scored.labels, champion.probabilities(champion.features(rows)))
    thresholds = (threshold, champion.threshold)
    return AgainstChampion(
        champion_version=question.champion_version,
        champion_digest=question.champion_digest,
        comparisons=compare(scored, theirs, thresholds, question.metrics, resamples),
        slices=compare_slices(groups, scored, theirs, thresholds, question.metrics, minimum_n=question.minimum_group_n, seed=SEED),
    )


def _computed_with() -> JsonObject:
    return {
        "python": platform.python_version(),
        "packages": {name: version_of(name) for name in PACKAGES},
        "intervals": {"method": "percentile bootstrap", "level": LEVEL, "resamples": RESAMPLES, "seed": SEED},
    }

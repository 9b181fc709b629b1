from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn import metrics

from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord, Tampered
from lifecycle.evaluation.judging import Judged, Question, judge
from lifecycle.evaluation.served import ServedModel
from lifecycle.features import FeatureRefused
from lifecycle.records.evidence import Evidence
from lifecycle.records.record import digest_of
from lifecycle.training.run import TrainingResult
from tests.evaluation.conftest import METRICS

pytestmark = pytest.mark.xdist_group("training")


def tampered_graph(graph: bytes, factor: float) -> bytes:
    """The same graph, with the weights of one layer multiplied."""
    model = onnx.load_from_string(graph)
    tensor = model.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), tensor.name))
    content: bytes = model.SerializeToString()
    return content


def test_the_evidence_is_of_the_test_rows_only(judged: Judged, question: Question) -> None:
    """Every metric has its interval and as many rows as the test split has."""
    evidence = judged.evidence
    assert evidence.rows == int((question.frame["split"] == "test").sum())
    assert tuple(evidence.metrics) == METRICS
    for measured in (*evidence.metrics.values(), *evidence.baseline.values()):
        assert measured.low <= measured.value <= measured.high
        assert measured.n == evidence.rows


def test_the_metrics_are_those_of_the_bytes_that_serve(judged: Judged, question: Question) -> None:
    """Computed once more, by scikit-learn, from the graph."""
    rows = question.frame[question.frame["split"] == "test"]
    model = ServedModel(question.parts)
    probabilities = model.probabilities(model.features(rows))
    labels = rows["status"] == "good"
    assert judged.evidence.metrics["auc"].value == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    assert judged.evidence.metrics["accuracy"].value == pytest.approx(((probabilities >= 0.5) == labels).mean())
    assert judged.evidence.baseline["auc"].value == pytest.approx(metrics.roc_auc_score(labels, question.baseline["probabilities"]))


def test_the_evidence_survives_its_canonical_bytes(judged: Judged) -> None:
    """What a gate reads is what was written."""
    assert Evidence.parse(judged.evidence.canonical()) == judged.evidence


def test_the_reports_are_kept_under_the_digests_that_the_evidence_names(judged: Judged, kept: dict[str, bytes]) -> None:
    """Both of them, before it names them."""
    assert kept[judged.evidence.report_json_digest] == judged.report.json
    assert kept[judged.evidence.report_html_digest] == judged.report.html


def test_the_same_question_gets_the_same_evidence(judged: Judged, question: Question, champion: TrainingResult) -> None:
    """But for the HTML, which holds random ids."""
    beside = replace(question, champion_version=1, champion_digest=digest_of(b"champion"), champion_parts=champion.parts)
    again = judge(beside, keep=digest_of).evidence
    assert again.model_copy(update={"report_html_digest": judged.evidence.report_html_digest}) == judged.evidence


def test_every_slice_is_there_and_a_small_one_says_nothing(judged: Judged) -> None:
    """Categories by value, numbers by quartile; below the minimum n there are no metrics."""
    slices = {(found.column, found.group): found for found in judged.evidence.slices}
    assert {group for column, group in slices if column == "home"} == {"owner", "rent", "parents"}
    assert len([column for column, _ in slices if column == "years"]) == 4
    assert sum(found.n for (column, _), found in slices.items() if column == "years") == judged.evidence.rows
    for found in slices.values():
        assert found.enough_data == (found.n >= 20) == bool(found.metrics)
    assert not slices["home", "parents"].enough_data


def test_each_protected_attribute_is_measured(judged: Judged) -> None:
    """By group, and how far apart the groups are."""
    (found,) = judged.evidence.fairness
    assert (found.attribute, found.verdict, found.minimum_n) == ("band", "measured", 20)
    assert {group.group for group in found.groups} == {"<30", "30+"}
    for measured in (found.demographic_parity_difference, found.demographic_parity_ratio, found.equalised_odds_difference):
        assert measured is not None
        assert measured.low <= measured.value <= measured.high


def test_the_graph_agrees_with_the_network(judged: Judged) -> None:
    """To a millionth, on every test row."""
    assert judged.evidence.parity.rows == judged.evidence.rows
    assert judged.evidence.parity.largest_difference < 1e-6


def test_a_graph_that_is_not_the_network_shows(question: Question) -> None:
    """Weights changed in the graph alone are a difference far above what a gate allows."""
    parts = {**question.parts, "graph": tampered_graph(question.parts["graph"], 1.2)}
    assert judge(replace(question, parts=parts), keep=digest_of).evidence.parity.largest_difference > 1e-3


def test_candidate_and_champion_are_compared_on_the_same_rows(judged: Judged) -> None:
    """Metric by metric, paired, and within every slice that is large enough."""
    against = judged.evidence.against_champion
    assert against is not None
    assert (against.champion_version, against.champion_digest) == (1, digest_of(b"champion"))
    assert tuple(comparison.metric for comparison in against.comparisons) == METRICS
    for comparison in against.comparisons:
        assert comparison.difference.value == pytest.approx(comparison.candidate.value - comparison.champion.value)
        assert comparison.candidate == judged.evidence.metrics[comparison.metric]
    assert [found.enough_data for found in against.slices] == [found.enough_data for found in judged.evidence.slices]


def test_a_model_is_no_better_than_itself(question: Question) -> None:
    """Against its own bytes every difference is 0 without any width."""
    own = replace(question, champion_version=1, champion_digest=question.model_digest, champion_parts=question.parts)
    against = judge(own, keep=digest_of).evidence.against_champion
    assert against is not None
    assert {(found.difference.low, found.difference.high) for found in against.comparisons} == {(0.0, 0.0)}


def test_without_a_champion_nothing_is_compared(question: Question) -> None:
    """The first version stands alone."""
    assert judge(question, keep=digest_of).evidence.against_champion is None


def test_the_drift_of_every_feature_is_measured(judged: Judged) -> None:
    """Training rows against test rows, by the index of stability."""
    assert [found.column for found in judged.evidence.drift] == ["income", "years", "home"]
    assert all(0.0 <= found.psi < 0.5 for found in judged.evidence.drift)


def test_what_it_was_computed_with_names_packages_and_the_method_and_no_machine(judged: Judged) -> None:
    """What decides the numbers, and nothing that changes from host to host."""
    assert set(judged.evidence.computed_with) == {"python", "packages", "intervals"}


def test_a_test_row_that_the_model_refuses_ends_the_judging(question: Question) -> None:
    """With the column's name; no evidence is made of the rows that it happened to take."""
    frame = question.frame.copy()
    frame.loc[frame["split"] == "test", "years"] = np.nan
    with pytest.raises(FeatureRefused, match="'years'"):
        judge(replace(question, frame=frame), keep=digest_of)


def test_test_rows_of_one_outcome_judge_nothing(question: Question) -> None:
    """They determine no AUC and no odds."""
    frame = question.frame[(question.frame["split"] != "test") | (question.frame["status"] == "good")]
    with pytest.raises(InvalidDeclaration, match="not both outcomes"):
        judge(replace(question, frame=frame), keep=digest_of)


def test_a_baseline_of_another_dataset_version_is_refused(question: Question) -> None:
    """Rows are known by their number, which means nothing in another version."""
    with pytest.raises(MalformedRecord, match="The baseline predicted rows of"):
        judge(replace(question, dataset_digest=digest_of(b"another")), keep=digest_of)


@pytest.mark.parametrize("baseline", [{}, {"rows": [], "probabilities": []}, {"rows": ["a"], "probabilities": []}])
def test_a_baseline_of_other_rows_is_refused(question: Question, baseline: Any) -> None:
    """A missing prediction is never taken for a wrong one."""
    with pytest.raises(MalformedRecord, match="baseline"):
        judge(replace(question, baseline=baseline), keep=digest_of)


@pytest.mark.parametrize("graph", [b"", b"not a graph", b"\x80\x05."], ids=["empty", "text", "a pickle"])
def test_a_graph_that_is_none_is_refused(question: Question, graph: bytes) -> None:
    """No error of ONNX Runtime crosses the department."""
    with pytest.raises(MalformedRecord, match="can't be loaded"):
        judge(replace(question, parts={**question.parts, "graph": graph}), keep=digest_of)


def test_a_graph_for_other_features_is_refused(question: Question) -> None:
    """A preprocessor of fewer columns does not fit it."""
    model = ServedModel(question.parts)
    with pytest.raises(MalformedRecord, match="does not take these features"):
        model.probabilities(np.zeros((2, 3), dtype=np.float32))


def test_weights_that_are_not_the_networks_are_refused(question: Question) -> None:
    """Evidence of parity needs the weights of the manifest."""
    with pytest.raises(Tampered, match="weights"):
        judge(replace(question, parts={**question.parts, "weights": b"broken"}), keep=digest_of)


def test_a_part_that_is_not_a_record_is_refused(question: Question) -> None:
    """As the records say it."""
    with pytest.raises(LifecycleError):
        judge(replace(question, parts={**question.parts, "schemas": b"{}"}), keep=digest_of)


def test_importing_the_department_imports_nothing_heavy() -> None:
    """Judging does, when it is asked to."""
    heavy = "{'torch', 'evidently', 'onnxruntime', 'fairlearn', 'pandas'}"
    code = f"import sys, lifecycle.evaluation.judging; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

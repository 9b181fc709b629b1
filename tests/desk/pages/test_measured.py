"""The rows of the page against what the real gate says: a number is beyond its limit where the policy says so, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.desk.pages.measured import DIFFERENCES, DRIFT, FAIRNESS, METRICS, PARITY, ROBUSTNESS, ROWS, SLICES, Ruled, measured
from lifecycle.desk.plots.strips import Bound
from lifecycle.measures.names import Metric
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.gates import GateInput, PromotionEvidence
from tests.desk.pages.judgements import approved_question, judged, rows_of
from tests.policy.questions import challenging, changed, comparison

RULED: tuple[Ruled, ...] = (*METRICS.values(), *DIFFERENCES.values(), *FAIRNESS.values(), SLICES, DRIFT, PARITY, ROBUSTNESS, ROWS)


@pytest.mark.parametrize("ruled", RULED, ids=lambda ruled: ruled.limit)
def test_the_policy_limits_each_number_by_the_limit_beside_it(bundle: Bundle, ruled: Ruled) -> None:
    """The rule stands in the policy, reads that limit, and compares on the side that the page draws. `similar` compares groups."""
    assert ruled.rule in bundle.rules["promotion"]
    assert ruled.limit in bundle.limit_sets["consumer_credit"].limits
    text = bundle.files["policies/lib/candidate/candidate.rego"]
    rule = text[text.index(f'passed contains "{ruled.rule}"') :]
    following = rule.partition("# title:")[0]
    assert f"limits.values.{ruled.limit}" in following
    compares = ">=" if ruled.kind == "least" else "<="
    assert compares in following or (ruled.kind == "most" and "similar(" in following) or (ruled is SLICES and "holding_up" in following)


def evaluation(question: GateInput) -> Any:
    assert isinstance(question.evidence, PromotionEvidence)
    return question.evidence.evaluation


@pytest.mark.parametrize(("metric", "end", "broken"), [("auc", "low", 0.5), ("accuracy", "low", 0.5), ("calibration_error", "high", 0.4)])
def test_a_metric_is_beyond_its_limit_where_the_gate_says_so(
    keeper: GateKeeper, bundle: Bundle, metric: str, end: str, broken: float
) -> None:
    """That row alone, whatever the value in the middle is."""
    question = changed(approved_question(bundle), "evidence", "evaluation", "metrics", metric, end, broken)
    verdicts = {row.name: row.verdict for row in rows_of(keeper, question).metrics}
    assert verdicts.pop(metric) == "beyond"
    assert set(verdicts.values()) <= {"within", "unlimited"}


def test_the_limits_are_those_that_the_decision_went_by(keeper: GateKeeper, bundle: Bundle) -> None:
    """A limit that the declaration overrides is the one that is drawn."""
    limits = {row.name: row.bound for row in rows_of(keeper, approved_question(bundle, limit_overrides={"auc_least": 0.7})).metrics}
    assert limits["auc"] == Bound(0.7, "least")
    assert limits["calibration_error"] == Bound(0.1, "most")


def test_a_metric_without_a_rule_has_no_limit(keeper: GateKeeper, bundle: Bundle) -> None:
    """It is shown, and not said to be within anything."""
    question = approved_question(bundle)
    auc = evaluation(question).as_json()["metrics"]["auc"]
    rows = {row.name: row for row in rows_of(keeper, changed(question, "evidence", "evaluation", "metrics", "brier", auc)).metrics}
    assert (rows["brier"].verdict, rows["brier"].bound) == ("unlimited", None)


def test_a_difference_from_the_champion_is_judged_by_its_metric(keeper: GateKeeper, bundle: Bundle) -> None:
    """A worse AUC is beyond the margin; an equal accuracy beside it is not. The margin lies below zero."""
    rows = {row.difference.name: row.difference for row in rows_of(keeper, challenging(approved_question(bundle), -0.2, -0.1)).against}
    assert rows["auc"].verdict == "beyond"
    assert rows["accuracy"].verdict == "within"
    assert rows["auc"].bound == Bound(-0.03, "least")


def test_a_slice_is_judged_by_its_name(keeper: GateKeeper, bundle: Bundle) -> None:
    """One slice that is surely worse is told apart from one that is not, and one too small is not judged."""

    def part(group: str, high: float, *, enough: bool = True) -> Any:
        compared = [comparison("auc", -0.3, high)] if enough else []
        return {"column": "home", "group": group, "n": 300, "enough_data": enough, "comparisons": compared}

    def measured_slice(group: str, *, enough: bool = True) -> Any:
        return {"column": "home", "group": group, "n": 300, "enough_data": enough, "metrics": {}}

    question = challenging(approved_question(bundle), 0.0, 0.1, [part("rent", -0.2), part("owner", 0.1), part("priv", 0.0, enough=False)])
    slices = [measured_slice("rent"), measured_slice("owner"), measured_slice("priv", enough=False)]
    rows = {row.group: row for row in rows_of(keeper, changed(question, "evidence", "evaluation", "slices", slices)).slices}
    assert [rows[group].verdict for group in ("rent", "owner", "priv")] == ["beyond", "within", "unlimited"]


@pytest.mark.parametrize(("measure", "other"), [tuple(FAIRNESS), tuple(reversed(tuple(FAIRNESS)))])
def test_a_difference_between_groups_is_judged_by_its_attribute(keeper: GateKeeper, bundle: Bundle, measure: str, other: str) -> None:
    """The attribute whose groups are too far apart, by the measure in which they are."""
    question = approved_question(bundle)
    attribute = evaluation(question).fairness[0].as_json()
    worse = {**attribute, "attribute": "worse", measure: {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}}
    rows = {
        row.found.attribute: {found.name: found.verdict for found in row.differences}
        for row in rows_of(keeper, changed(question, "evidence", "evaluation", "fairness", [attribute, worse])).fairness
    }
    assert rows.pop("worse") == {measure: "beyond", other: "within"}
    assert all(verdict == "within" for found in rows.values() for verdict in found.values())


def test_a_column_that_moved_is_named(keeper: GateKeeper, bundle: Bundle) -> None:
    """The others are within their limit; the one that moved most stands first."""
    drift = [{"column": "age", "psi": 0.01}, {"column": "income", "psi": 0.9}]
    rows = rows_of(keeper, changed(approved_question(bundle), "evidence", "evaluation", "drift", drift)).drift
    assert [(row.column, row.verdict) for row in rows] == [("income", "beyond"), ("age", "within")]


def test_what_was_not_judged_is_not_said_to_be_within_anything(bundle: Bundle) -> None:
    """Without a judgement no row has a verdict or a limit."""
    rows = measured(evaluation(approved_question(bundle)), None)
    assert {row.verdict for row in rows.metrics} <= {"unjudged", "unlimited"}
    assert {row.bound for row in rows.metrics} == {None}
    assert rows.parity_verdict == rows.rows_verdict == "unjudged"


def test_a_policy_that_has_no_such_rule_limits_nothing(keeper: GateKeeper, bundle: Bundle) -> None:
    """Rules are another organisation's to name: a row whose rule was not asked is shown without a limit's verdict."""
    judgement = judged(keeper, approved_question(bundle))
    result = judgement.decision.result.model_copy(update={"evaluated": ("OWN-001",)})
    other = type(judgement)(judgement.decision.model_copy(update={"result": result}), "event-1", 0, {})
    rows = measured(evaluation(approved_question(bundle)), other)
    assert {row.verdict for row in rows.metrics} == {"unlimited"}


def test_every_metric_has_its_words() -> None:
    """What can be declared can be shown."""
    from typing import get_args

    from lifecycle.desk.pages.measured import NAMES

    assert set(NAMES) == set(get_args(Metric))

"""The page of a version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.desk.pages.version import VersionView, report_page, version_view
from lifecycle.errors import Tampered, UnknownName
from lifecycle.life.evaluation import evaluate_candidate
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.bodies.training import ModelEvaluated
from lifecycle.wiring import Departments
from tests.desk.pages.judgements import approved_question, judged, rows_of
from tests.desk.pages.rendered import Element, html_of, rendered
from tests.policy.questions import challenging, changed
from tests.scenarios.homes import copy_of_home_at_the_gate


@pytest.fixture(scope="module")
def view(looked_at: Departments) -> VersionView:
    """credit:1 as it waits."""
    return version_view(looked_at, "credit", 1)


def page_of(view: VersionView, person: str = "rita") -> Element:
    return rendered("version.html", "/versions/credit/1", who=person, view=view)


def test_it_says_what_the_version_is_for_and_by_what_it_is_judged(view: VersionView) -> None:
    """From what was declared when it was trained."""
    assert (view.name, view.state, view.environment) == ("credit:1", "waiting", "local")
    assert (view.declared.purpose, view.declared.risk_tier, view.declared.limits) == ("credit_scoring", "high", "consumer_credit")
    page = page_of(view)
    assert page.one("h1").says == "credit:1 … waiting"
    assert view.description in page.one("main").says


def test_it_asks_for_a_decision_where_one_is_wanted(view: VersionView) -> None:
    """With the form that a passkey signs, the token of the session in it, and a label to its reason."""
    form = page_of(view).one("form", action="/versions/credit/1/signing")
    assert form.one("input", name="csrf").attributes["value"] == "token"
    reason = form.one("textarea", name="reason")
    assert form.one("label", for_=reason.attributes["id"]).says
    assert {button.attributes["value"] for button in form.all("button")} == {"approve", "reject"}
    assert "1 of 1 approval" in page_of(view).one("section", aria_labelledby="ask").says


def test_the_evidence_stands_before_the_decision(view: VersionView) -> None:
    """Whoever decides comes to the form after the metrics, the fairness, the history and what will be signed; a link leads there."""
    sections = [one.attributes["aria-labelledby"] for one in page_of(view).all("section")]
    assert sections[0] == "ask"
    assert sections[-2:] == ["bytes", "decide"]
    assert page_of(view).one("section", aria_labelledby="ask").one("a").attributes["href"] == "#decide"
    assert not page_of(replace(view, waiting=None)).all("form", action="/versions/credit/1/signing")


def test_who_had_a_part_in_it_is_told_before_they_try(view: VersionView) -> None:
    """The records name the demo's engineer as a member of the team; the officer has no part."""
    assert view.parts_of("demo_engineer")
    assert "You had a part in this." in page_of(view, "demo_engineer").one("main").says
    assert view.parts_of("demo_risk_officer") == ()
    assert "You had a part" not in page_of(view, "demo_risk_officer").one("main").says


def test_every_metric_stands_with_its_interval_its_limit_and_its_verdict(view: VersionView) -> None:
    """Each row has a drawing and says the same in words."""
    assert view.measured is not None
    rows = page_of(view).one("section", aria_labelledby="metrics").all("li")
    assert len(rows) == len(view.measured.metrics) == 5
    auc = next(row for row in rows if row.says.startswith("AUC"))
    found = view.measured.metrics[0].measured
    for said in (f"{found.value:.3f}", f"[{found.low:.3f}, {found.high:.3f}]", "within its limit", "at least 0.78"):
        assert said in auc.says
    assert len(auc.all("svg")) == 2


def test_fairness_slices_and_drift_are_drawn_and_written(view: VersionView) -> None:
    """Every group that is large enough has its drawing; one that is not says so."""
    assert view.measured is not None
    page = page_of(view)
    for attribute in view.measured.fairness:
        for group in attribute.found.groups:
            assert group.group.replace("_", " ") in page.one("section", aria_labelledby="fairness").says
    slices = page.one("section", aria_labelledby="slices").one("tbody").all("tr")
    for row, shown in zip(view.measured.slices, slices, strict=True):
        assert ("not enough data" in shown.says) == (not row.enough_data)
        assert len(shown.all("svg")) == (2 if row.enough_data else 0)
    disturbed, drift = (table.all("tr") for table in page.one("section", aria_labelledby="reliance").all("tbody"))
    assert len(disturbed) == len(view.measured.robustness) == 2
    assert len(drift) == len(view.measured.drift)


def test_a_champion_is_shown_only_where_there_is_one(view: VersionView, keeper: GateKeeper, bundle: Bundle) -> None:
    """A first version has none; a later one is shown beside it, difference by difference."""
    assert not page_of(view).all("section", aria_labelledby="champion")
    question = challenging(approved_question(bundle), -0.2, -0.1)
    beside = replace(view, measured=rows_of(keeper, question), judgement=judged(keeper, question))
    section = page_of(beside).one("section", aria_labelledby="champion")
    assert "−0.200" in section.says
    assert "beyond its limit" in section.says
    assert section.one("a").attributes["href"] == "/versions/credit/1"


def test_a_violation_is_told_with_what_was_observed_and_how_to_mend_it(view: VersionView, keeper: GateKeeper, bundle: Bundle) -> None:
    """In the words of the rule."""
    question = changed(approved_question(bundle), "evidence", "evaluation", "metrics", "auc", "low", 0.4)
    section = page_of(replace(view, judgement=judged(keeper, question))).one("section", aria_labelledby="verdict")
    for said in (
        "denied",
        "The lower bound of the AUC is below its limit.",
        "PRM-004",
        "observed 0.4",
        "allowed 0.78",
        "Improve the model",
    ):
        assert said in section.says


def test_the_history_tells_the_newest_first_with_its_records(view: VersionView) -> None:
    """Down to the training, each with the places of its records in the ledger."""
    assert [line.kind for line in view.history] == ["request", "decision", "evaluation", "training"]
    indexes = [line.indexes[0] for line in view.history]
    assert indexes == sorted(indexes, reverse=True)


def test_what_an_officer_signed_is_shown_with_its_reason(tmp_path: Path) -> None:
    """Then nothing is asked any more of that role, and the reason stands on the page, as text."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    reason = "Read it; <b>the AUC</b> holds."
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason=reason)
    found = version_view(departments, "credit", 1)
    (answer,) = found.answers
    assert (answer.approver, answer.approved, answer.reason) == (cast.officer, True, reason)
    assert page_of(found).one("blockquote").says == reason
    assert "&lt;b&gt;the AUC&lt;/b&gt;" in html_of("version.html", "/", view=found)


def test_a_newer_evaluation_was_not_judged_by_the_older_decision(tmp_path: Path) -> None:
    """Its rows say so, and the decision stays on the page for what it is: one on other evidence."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    before = version_view(departments, "credit", 1)
    credit = departments.model("credit")
    stricter = credit.model_copy(update={"minimum_group_n": 2 * credit.minimum_group_n})
    evaluate_candidate(departments, stricter, 1, Step(run_id="second"))
    after = version_view(departments, "credit", 1)
    assert after.evidence_digest != before.evidence_digest
    assert after.measured is not None
    assert {row.verdict for row in after.measured.metrics} == {"unjudged", "unlimited"}
    assert after.judgement is not None


def test_the_report_is_the_page_that_was_recorded(looked_at: Departments, view: VersionView) -> None:
    """Byte for byte, and a page of its own in a frame that is closed off."""
    body = standing.body_of(standing.evaluated(looked_at, "credit", 1), ModelEvaluated)
    assert report_page(looked_at, "credit", 1) == looked_at.artifacts.read(body.report_html_digest)
    frame = page_of(view).one("iframe")
    assert frame.attributes["src"] == "/versions/credit/1/report"
    assert frame.attributes["sandbox"] == "allow-scripts"
    assert frame.attributes["title"]


def test_a_report_that_was_swapped_is_not_shown(tmp_path: Path) -> None:
    """Its digest is that of the record, or nothing is shown."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    body = standing.body_of(standing.evaluated(departments, "credit", 1), ModelEvaluated)
    (stored,) = (
        path for path in departments.settings.home.rglob(f"*{body.report_html_digest.removeprefix('sha256:')[2:]}*") if path.is_file()
    )
    stored.chmod(0o600)
    stored.write_bytes(b"<html><body>All is well.</body></html>")
    with pytest.raises(Tampered):
        report_page(departments, "credit", 1)


def test_what_the_store_has_lost_is_said_to_be_lost(view: VersionView) -> None:
    """A report, or the evidence itself: nothing is left out in silence."""
    without = page_of(replace(view, has_report=False)).one("section", aria_labelledby="report")
    assert "Lost." in without.says
    assert not without.all("iframe")
    assert "The evidence is lost." in page_of(replace(view, measured=None)).one("main").says
    assert "Not evaluated." in page_of(replace(view, measured=None, evidence_digest=None)).one("main").says


def test_a_version_of_a_model_that_is_declared_no_more_is_shown(departments: Departments) -> None:
    """From its records; nobody can be asked about it."""
    vars(departments)["models"] = ()
    view = version_view(departments, "credit", 1)
    assert (view.description, view.waiting) == ("", None)
    assert not page_of(view).all("form", action="/versions/credit/1/signing")


def test_a_version_that_there_is_not_is_said_to_be_none(looked_at: Departments) -> None:
    """With the names of those that there are."""
    for model, version in (("credit", 9), ("nobody", 1), ("../../etc", 1)):
        with pytest.raises(UnknownName):
            version_view(looked_at, model, version)


def test_no_view_makes_a_record(looked_at: Departments) -> None:
    """Looking changes nothing."""
    size = looked_at.ledger.head().size
    version_view(looked_at, "credit", 1)
    assert looked_at.ledger.head().size == size

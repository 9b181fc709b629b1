"""Why one prediction is what it is: every edge is followed, and one that is missing is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lifecycle.lineage.explaining import Asked, Chain, Placed, Store, Verifiers, explain
from lifecycle.lineage.explanation import NotExplained
from lifecycle.lineage.explanation_page import page_of
from lifecycle.records.bodies.governors import EnrolledKey, KeyEnrolled
from lifecycle.records.bodies.keeping import ErasedRows, SubjectErased
from lifecycle.records.events import Subject
from lifecycle.records.prediction import PredictedOutput
from tests.lineage import in_memory, lives
from tests.lineage.explained import SEGMENT, Case, life, row, sealed
from tests.lineage.statements import RITA_S_PUBLIC_KEY


def test_a_passkey_that_was_registered_at_the_desk_enrols_its_person() -> None:
    """An approval leads to the registration as it does to an enrolment; another key's registration is none."""
    case = Case().without("enrolled-rita")
    rita = Subject(kind="person", name="rita")
    for key_id, missing in (("another-key", ["enrolment of rita"]), ("key-of-rita", [])):
        key = EnrolledKey(id=key_id, public=RITA_S_PUBLIC_KEY)
        body = KeyEnrolled(person="rita", key=key, registry="home", registry_digest=in_memory.PEOPLE)
        case.ledger.add(body, rita, run_id=None, event_id=f"registered-{key_id}")
        assert case.missing() == missing


def test_a_prediction_is_followed_to_its_source_and_its_proof() -> None:
    """Every edge, in the order of the parts, and all of them hold."""
    found = Case().explained()
    assert [(step.part, step.edge) for step in found.steps] == [
        ("answer", "prediction"),
        ("answer", "input"),
        ("version", "version"),
        ("version", "signature"),
        ("allowed", "deployment decision"),
        ("allowed", "policy bundle"),
        ("allowed", "rollout"),
        ("allowed", "route"),
        ("allowed", "promotion decision"),
        ("allowed", "approval by rita"),
        ("allowed", "enrolment of rita"),
        ("judged", "evaluation"),
        ("judged", "evaluation report"),
        ("made", "training"),
        ("made", "training decision"),
        ("made", "code"),
        ("made", "dataset"),
        ("made", "source"),
        ("proof", "seal"),
        ("proof", "segment"),
    ]
    assert {step.standing for step in found.steps} == {"holds"}
    found.require_whole()


#: An event behind the prediction, and the edge that is missing without it.
EVENTS = {
    "trained-1": ["version"],
    "deployment-1": ["deployment decision"],
    "rollout-requested-1": ["rollout"],
    "completed-1": ["route"],
    "promotion-1-again": ["promotion decision"],
    "approved-1": ["approval by rita"],
    "enrolled-rita": ["enrolment of rita"],
    "evaluated-1": ["evaluation"],
    "started-1": ["training"],
    "access-1": ["training decision"],
    "ingested": ["dataset"],
    "sealed-1": ["seal"],
}


def named(event_id: str) -> str:
    """Decisions in the lives are recorded under ids that the ledger gives."""
    found = [one.event for one in life().recorded]
    by_decision = {getattr(getattr(event.body, "decision", None), "id", event.id): event.id for event in found}
    return by_decision.get(event_id, event_id)


@pytest.mark.parametrize("event_id", EVENTS)
def test_a_deleted_event_names_its_edge(event_id: str) -> None:
    """Whichever event behind a prediction is gone: the explanation fails, and says which edge led there."""
    case = Case().without(named(event_id))
    assert case.missing() == EVENTS[event_id]
    with pytest.raises(NotExplained, match=f"the edge “{EVENTS[event_id][0]}” is missing") as caught:
        case.explained().require_whole()
    assert caught.value.edges == tuple(EVENTS[event_id])
    assert caught.value.exit_code == 4


def test_every_record_behind_a_prediction_is_an_edge_that_can_be_deleted() -> None:
    """No event that an explanation rests on is left out of the test above."""
    case = Case()
    ids = {one.index: one.event.id for one in case.ledger.recorded}
    assert {ids[index] for index in case.explained().indexes} == {named(event_id) for event_id in EVENTS}


@pytest.mark.parametrize(
    ("artifact", "edge"),
    [
        ("model 1", "signature"),
        ("signature 1", "signature"),
        ("bundle", "policy bundle"),
        ("evidence 1", "evaluation report"),
        ("report 1", "evaluation report"),
        ("page 1", "evaluation report"),
        ("dataset", "dataset"),
    ],
)
def test_a_deleted_artifact_names_its_edge(artifact: str, edge: str) -> None:
    """So does whatever is gone from the store."""
    case = Case()
    del case.artifacts[in_memory.digest(artifact)]
    assert case.missing() == [edge]


@pytest.mark.parametrize(
    ("changed", "edge"),
    [
        pytest.param({"model_digest": in_memory.model_digest(2)}, "version", id="other bytes"),
        pytest.param({"version": 9}, "version", id="a version that never was"),
        pytest.param({"decision_id": "promotion-1"}, "deployment decision", id="a decision of another gate"),
        pytest.param({"decision_id": "deployment-3"}, "deployment decision", id="a decision about another version"),
        pytest.param({"bundle_digest": in_memory.LIMITS}, "deployment decision", id="another bundle"),
        pytest.param({"at_us": in_memory.START_US}, "rollout", id="before any rollout"),
        pytest.param({"arm": "canary", "at_us": in_memory.START_US}, "rollout", id="a canary before its rollout"),
    ],
)
def test_a_row_that_says_something_else_is_not_explained(changed: dict[str, Any], edge: str) -> None:
    """What the row claims is held against the records."""
    assert edge in Case(row=row(**changed)).missing()


def test_a_canary_needs_a_step_of_its_rollout() -> None:
    """It takes its share from a step on, whether the rollout ended or not."""
    ledger = in_memory.Ledger([one for one in life().recorded if one.event.id != "sealed-1"])
    sealed(ledger, arm="canary")
    case = Case(ledger=ledger, row=row(arm="canary"))
    assert case.missing() == []
    assert case.without("completed-1").missing() == []
    assert case.without("step-0", "step-1").missing() == ["route"]


@pytest.mark.parametrize(
    ("changed", "edge"),
    [
        pytest.param({"signature_fault": "the signature does not hold"}, "signature", id="model signature"),
        pytest.param({"statement_fault": "rita did not sign this"}, "enrolment of rita", id="approval signature"),
        pytest.param({"asked": Asked(None, fits=True)}, "input", id="values gone without an erasure"),
        pytest.param({"asked": Asked({"values": {"age": 1.0}}, fits=False)}, "input", id="values that do not open the commitment"),
    ],
)
def test_what_does_not_verify_is_missing(changed: dict[str, Any], edge: str) -> None:
    """An edge that is there and does not hold is as good as gone."""
    case = replace(Case(), **changed)
    assert case.missing() == [edge]


def test_a_row_that_does_not_stand_under_its_seal_is_missing() -> None:
    """The seal is there, and the row is not under its root."""
    case = Case()
    case.placed = replace(case.sealed(), unproven="the rows of the segment are not those that were sealed")
    assert case.missing() == ["segment"]


def test_a_seal_of_another_segment_proves_nothing() -> None:
    """Nor does one that never heard of who answered."""
    case = Case()
    case.placed = replace(case.sealed(), segment="another")
    assert case.missing() == ["seal"]
    assert "seal" in Case(row=row(arm="canary")).missing()


def test_a_segment_that_is_still_written_waits() -> None:
    """A prediction of just now is explained: that it is not sealed yet is said, and is no fault."""
    found = Case(placed=Placed(SEGMENT, 1, 0, None, waiting="its segment is still written")).explained()
    found.require_whole()
    assert [(step.edge, step.why) for step in found.waiting] == [("segment", "its segment is still written")]


def test_events_that_wait_in_the_journal_are_edges_that_wait() -> None:
    """A ledger that is behind the gateway has not lost anything."""
    case = Case()
    waiting = [one.event for one in case.ledger.recorded if one.event.id == "completed-1"]
    behind = case.without("completed-1")
    chain = Chain.read(behind.ledger, "credit", waiting)
    found = explain(
        case.row,
        case.asked,
        case.sealed(),
        chain,
        Store(case.artifacts.__contains__, case.read),
        Verifiers(lambda model, signature: "", lambda envelope, key: ""),
        {},
    )
    assert not found.missing
    assert [step.edge for step in found.waiting] == ["route"]


def test_what_was_erased_is_told_and_leaves_everything_standing() -> None:
    """Values and rows of data that an event says were erased are not missing."""
    case = replace(Case(), asked=Asked(None, fits=True))
    body = SubjectErased(
        erasure_id="erasure-1",
        reason="asked to be forgotten",
        openings=(),
        predictions=(case.row.input_commitment,),
        datasets=(ErasedRows(dataset_digest=in_memory.DATASET, rows=(3, 4), remaining_digest=in_memory.digest("rest")),),
    )
    case.ledger.add(body, Subject(kind="ledger", name="ledger"), run_id=None)
    del case.artifacts[in_memory.DATASET]
    assert case.missing() == ["dataset"]
    case.artifacts[in_memory.digest("rest")] = b"rest"
    found = case.explained()
    assert not found.missing
    assert any("asked to be forgotten" in step.detail for step in found.steps if step.edge == "input")
    assert any("2 erased since" in step.detail for step in found.steps if step.edge == "dataset")


def test_a_referral_was_answered_by_no_version() -> None:
    """Where no version answered there is nothing behind it but its proof."""
    referred = row(
        version=None,
        model_digest=None,
        decision_id=None,
        bundle_digest=None,
        arm="referral",
        outcome="referred",
        output=PredictedOutput(probability=None, decision="refer"),
    )
    ledger = in_memory.Ledger()
    sealed(ledger, **{name: getattr(referred, name) for name in ("version", "model_digest", "decision_id", "bundle_digest", "arm")})
    found = Case(ledger=ledger, row=referred).explained()
    assert [step.edge for step in found.steps] == ["prediction", "input", "version", "seal", "segment"]
    assert not found.missing


def test_what_hangs_on_a_missing_edge_is_unreached_and_not_blamed() -> None:
    """Without the deployment decision neither rollout nor promotion can be followed; only the decision is named."""
    found = Case().without(named("deployment-1")).explained()
    unreached = {step.edge for step in found.steps if step.standing == "unreached"}
    assert unreached == {"policy bundle", "rollout", "route", "promotion decision", "evaluation", "evaluation report"}


def test_a_fallback_and_a_revocation_are_told() -> None:
    """Which version had failed, and that what answered was revoked since."""
    case = Case(row=row(fallback_from=3))
    lives.revoked(case.ledger, 1)
    found = case.explained()
    assert "in the place of version 3" in found.steps[0].detail
    assert any("revoked since: “it leaked”" in step.detail for step in found.steps)
    assert not found.missing


def test_json_has_every_edge_and_what_is_missing() -> None:
    """The form that programs read."""
    found = Case().without("completed-1").explained().as_json()
    assert (found["schema_version"], found["holds"]) == ("lifecycle.explanation/1", False)
    assert found["missing"] == [{"edge": "route", "why": "the ledger holds no end of that rollout before the answer"}]
    steps = found["steps"]
    assert isinstance(steps, list)
    assert isinstance(steps[0], dict)
    assert set(steps[0]) == {"edge", "part", "what", "detail", "digest", "ledger_index", "standing", "why", "facts"}


def test_the_page_needs_nothing_else_and_lets_nothing_out() -> None:
    """No script, no address of anything to load, and what people wrote is text."""
    case = Case()
    lives.revoked(case.ledger, 1)
    page = page_of(case.explained())
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    for step in case.explained().steps:
        assert step.digest is None or step.digest in page
    assert "Every edge holds" in page


def test_the_page_says_first_what_is_missing() -> None:
    """Before anything else, and by the name of the edge."""
    page = page_of(Case().without("completed-1").explained())
    assert page.index("One edge is missing") < page.index("What answered")
    assert "route: the ledger holds no end of that rollout" in page


def test_what_is_written_in_a_record_stays_text_on_the_page() -> None:
    """A reason with markup in it is shown, not obeyed."""
    case = Case(signature_fault="<img src=x onerror=alert(1)> and `<b>code</b>`")
    page = page_of(case.explained())
    assert "<img" not in page
    assert "<b>code" not in page

"""An event that says one thing in its body and another in its subject or its links is found out."""

from __future__ import annotations

import pytest

from lifecycle.records.agreement import disagreements
from lifecycle.records.bodies import DecisionMade
from lifecycle.records.events import Event, Link
from tests.records.samples.happenings import happenings
from tests.records.samples.parts import of

EVENTS = list(happenings())
#: Links that no field of the body repeats: what was used beside it, and what a person is shown of it.
FREE = {("DatasetIngested", "dataset"), ("ModelEvaluated", "champion")}
WITH_LINKS = [
    pytest.param(event, end, place, id=f"{event.type}-{getattr(event, end)[place].role}")
    for event in EVENTS
    for end in ("inputs", "outputs")
    for place in range(len(getattr(event, end)))
    if (event.type, getattr(event, end)[place].role) not in FREE
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_whose_parts_agree_has_nothing_against_it(event: Event) -> None:
    """The samples are as the steps of a life record them."""
    assert list(disagreements(event)) == []


@pytest.mark.parametrize(("event", "end", "place"), WITH_LINKS)
def test_a_link_to_other_bytes_than_the_body_names_is_found(event: Event, end: str, place: int) -> None:
    """Attack: the lineage is made to show bytes that were never judged."""
    links = list(getattr(event, end))
    links[place] = Link(role=links[place].role, digest=of("other bytes"))
    found = list(disagreements(event.model_copy(update={end: tuple(links)})))
    assert len(found) >= 1
    assert of("other bytes") in found[0]


@pytest.mark.parametrize(
    "event", [event for event in EVENTS if event.type in ("ModelTrained", "ModelEvaluated", "ApprovalRequested", "DecisionMade")]
)
def test_a_subject_of_other_bytes_than_the_body_names_is_found(event: Event) -> None:
    """Attack: evidence on one version is filed under another."""
    subject = event.subject.model_copy(update={"digest": of("other bytes")})
    assert any("subject.digest" in found for found in disagreements(event.model_copy(update={"subject": subject})))


def test_a_decision_filed_under_another_version_or_place_is_found() -> None:
    """What a gate was asked about is what its event is about."""
    made = next(event for event in EVENTS if event.type == "DecisionMade")
    other = made.subject.model_copy(update={"version": 9})
    assert any("subject.version" in found for found in disagreements(made.model_copy(update={"subject": other})))
    assert any("environment" in found for found in disagreements(made.model_copy(update={"environment": "production"})))


def test_a_decision_whose_input_is_not_the_one_it_names_is_found() -> None:
    """The digest of the input is what a replay starts from."""
    made = next(event for event in EVENTS if event.type == "DecisionMade")
    assert isinstance(made.body, DecisionMade)
    changed = made.body.decision.model_copy(update={"input_digest": of("another input")})
    found = list(disagreements(made.model_copy(update={"body": DecisionMade(decision=changed, consumed=made.body.consumed)})))
    assert len(found) == 1
    assert "decision.input_digest" in found[0]

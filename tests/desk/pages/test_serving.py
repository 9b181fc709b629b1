"""What serves where, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.desk.pages.serving import ServedModel, ServingView, serving_view
from lifecycle.life.rollback import Way
from lifecycle.records.bodies.serving import RolledBack, Trigger
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.serving.rollouts.status import ModelStatus, VersionStatus
from lifecycle.wiring import Departments
from tests.desk.pages.rendered import Element, rendered

DIGESTS = ("sha256:" + "1" * 64, "sha256:" + "2" * 64)


def page_of(view: ServingView, *, asked_for: bool = False) -> Element:
    return rendered("serving.html", "/serving", view=view, asked_for=asked_for)


@pytest.fixture(scope="module")
def nothing_serves(looked_at: Departments) -> ServingView:
    """credit:1 waits, and no gateway runs."""
    return serving_view(looked_at)


@pytest.fixture
def one_serves(nothing_serves: ServingView) -> ServingView:
    """credit:2 serves, credit:1 stands by."""
    arms = [
        VersionStatus(version=2, digest=DIGESTS[1], arm="champion", weight=1.0, requests=1200, errors=3, slow=4, fallbacks=0),
        VersionStatus(version=1, digest=DIGESTS[0], arm="standby", weight=0.0, requests=9, errors=0, slow=0, fallbacks=0),
    ]
    (model,) = nothing_serves.models
    status = ModelStatus(model="credit", versions=tuple(arms), referred=0, rollout=None)
    served: ServedModel = replace(model, states={1: "superseded", 2: "serving"}, status=status, way=Way(2, 1), no_way="")
    return replace(nothing_serves, models=(served,))


def test_where_nothing_serves_there_is_nothing_to_roll_back(nothing_serves: ServingView) -> None:
    """The page says so, and has no button."""
    (model,) = nothing_serves.models
    assert (model.serving, model.way) == (None, None)
    page = page_of(nothing_serves)
    assert "No version of credit serves here" in page.one("main").says
    assert not page.all("form", class_="rollback")


def test_a_gateway_that_does_not_answer_is_said_to(nothing_serves: ServingView) -> None:
    """With the command that starts it."""
    assert not nothing_serves.gateway.running
    assert "the gateway does not answer" in page_of(nothing_serves).one("main").says


def test_the_controller_of_a_cluster_is_no_gateway_that_does_not_answer(nothing_serves: ServingView) -> None:
    """It runs, and has no URL and no workers: neither is shown for it."""
    running = nothing_serves.gateway.model_copy(update={"running": True, "url": None, "pid": 7})
    said = page_of(replace(nothing_serves, gateway=running)).one("main").says
    assert "the controller of a cluster takes orders" in said
    assert "None" not in said
    assert "worker" not in said


def test_each_version_stands_with_its_share_and_its_counts(one_serves: ServingView) -> None:
    """As the gateway says it, beside the state that the ledger has."""
    first, second = page_of(one_serves).one("tbody").all("tr")
    for said in ("credit:2", "champion", "100.0 %", "serving", "1,200", "3", "4"):
        assert said in first.says
    assert "stands by" in second.says


def test_a_rollback_says_where_it_leads_before_it_is_asked_for(one_serves: ServingView) -> None:
    """Its form carries the session's token, a reason that is required, and the name of this one attempt."""
    form = page_of(one_serves).one("form", class_="rollback")
    assert form.attributes["action"] == "/models/credit/rollback"
    assert "Version 2 would be taken out, and version 1 would take the traffic" in form.says
    assert form.one("input", name="csrf").attributes["value"] == "token"
    assert form.one("input", name="step").attributes["value"] == one_serves.models[0].step
    assert "required" in form.one("textarea").attributes


def test_every_look_names_another_attempt(looked_at: Departments) -> None:
    """A form that is sent twice is one rollback; a page that is loaded anew asks for another."""
    assert serving_view(looked_at).models[0].step != serving_view(looked_at).models[0].step


def test_what_was_done_is_told_from_the_ledger(one_serves: ServingView) -> None:
    """Where the record is on its way, that is said."""
    trigger = Trigger(kind="person", metric="", value=None, limit=None, detail="It answers nonsense.")
    body = RolledBack(
        rollback_id="r1",
        trigger=trigger,
        from_version=2,
        from_digest=DIGESTS[1],
        to_version=1,
        to_digest=DIGESTS[0],
        decided_at_us=1,
        actuation_us=12_300,
        observed=(),
    )
    subject = Subject(kind="model", name="credit", version=2, digest=DIGESTS[1])
    event = Event.happened(body, subject=subject, actor=Actor(id="gateway", kind="service"), environment="local")
    done = replace(one_serves, done=Recorded(index=41, event=event))
    assert page_of(done, asked_for=True).one("p", role="status").says == (
        "Rolled back. credit went from version 2 to version 1 in 12.3 ms; record 41."
    )
    assert "on the way to the ledger" in page_of(one_serves, asked_for=True).one("p", role="status").says

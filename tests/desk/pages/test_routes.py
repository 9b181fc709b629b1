"""The pages as the desk answers them, and the one request that changes what serves."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lifecycle.life.gates import standing
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.training import ModelEvaluated
from lifecycle.wiring import Departments
from tests.desk.authenticators import ORIGIN
from tests.desk.desks import Browser, DeskUnderTest, desk_of
from tests.desk.pages.rendered import Element, read
from tests.desk.pages.served import GatewayThatRollsBack, deploy, second_candidate
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk-pages")]


@pytest.fixture
def rita(departments: Departments, tmp_path: Path) -> Browser:
    """A risk officer at the desk of a home in which credit:1 waits."""
    return desk_of(departments, tmp_path / "desk").enrolled("rita", roles=("risk",))


@pytest.mark.parametrize(
    "path", ["/", "/versions/credit/1", "/ledger", "/ledger?before=4", "/serving", "/serving?done=none", "/governance"]
)
def test_every_page_answers_whoever_is_signed_in(rita: Browser, path: str) -> None:
    """Well formed, in their name, with what the templates of this desk put on every page."""
    answer = rita.client.get(path)
    assert answer.status_code == 200
    page = read(answer.text)
    assert "rita" in page.one("form", class_="who").says
    assert len(page.all("a", aria_current="page")) == (0 if path.startswith("/versions") else 1)


def test_the_report_comes_closed_off_and_byte_for_byte(rita: Browser, departments: Departments) -> None:
    """A document of its own, with an origin that is nobody's, that only this desk may frame."""
    answer = rita.client.get("/versions/credit/1/report")
    body = standing.body_of(standing.evaluated(departments, "credit", 1), ModelEvaluated)
    assert answer.content == departments.artifacts.read(body.report_html_digest)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/versions/credit/99", 404),
        ("/versions/credit/0", 404),
        (f"/versions/credit/{10**30}", 404),
        ("/versions/credit/one", 404),
        ("/versions/%2e%2e%2fcredit/1", 404),
        ("/versions/credit/99/report", 404),
        ("/ledger?before=-1", 400),
        ("/ledger?before=%D9%A3", 400),
        (f"/ledger?before={10**30}", 400),
    ],
)
def test_what_is_not_there_is_said_in_words(rita: Browser, path: str, status: int) -> None:
    """With what to do next, and never with an error of ours."""
    answer = rita.client.get(path)
    assert answer.status_code == status
    assert read(answer.text).one("p", role="alert").says


def test_nothing_that_serves_can_not_be_rolled_back(rita: Browser, departments: Departments) -> None:
    """The gate is asked nothing, and the answer says why."""
    size = departments.ledger.head().size
    answer = rita.client.post(
        "/models/credit/rollback", data={"csrf": rita.csrf, "step": "s", "reason": "It is bad."}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 403
    assert "No version of credit serves here" in answer.text
    assert departments.ledger.head().size == size


@pytest.fixture
def serving(tmp_path: Path) -> DeskUnderTest:
    """credit:2 serves, credit:1 stands by, and a gateway would take 2 out."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    deploy(departments, cast, 1)
    assert second_candidate(departments) == 2
    deploy(departments, cast, 2, supersedes=1)
    vars(departments)["gateway"] = GatewayThatRollsBack(departments)
    return desk_of(departments, tmp_path / "desk")


def form_on(browser: Browser) -> Element:
    return read(browser.client.get("/serving").text).one("form", class_="rollback")


def test_a_rollback_asks_the_gate_in_the_name_of_who_pressed_the_button(serving: DeskUnderTest) -> None:
    """The decision names them as the one who asked, the gateway acts on that decision, and the page then tells what was done.

    The same form sent again is the same rollback: nothing is asked or done a second time. Without a reason nothing is done at all.
    """
    rita = serving.enrolled("rita", roles=("operator",))
    form = form_on(rita)
    assert "Version 2 would be taken out, and version 1 would take the traffic" in form.says
    fields = {field.attributes["name"]: field.attributes["value"] for field in form.all("input")}
    empty = rita.client.post(form.attributes["action"], data=fields | {"reason": "  "}, headers={"Origin": ORIGIN})
    assert empty.status_code == 400
    said = fields | {"reason": "It answers <b>nonsense</b>."}
    answers = [rita.client.post(form.attributes["action"], data=said, headers={"Origin": ORIGIN}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303], answers[0].text
    assert answers[0].headers["location"] == answers[1].headers["location"]

    gateway = vars(serving.departments)["gateway"]
    decisions = [standing.body_of(one, DecisionMade).decision for one in serving.departments.ledger.events(types=("DecisionMade",))]
    (decision,) = (one for one in decisions if one.gate == "rollback")
    asked = decision.input.request
    assert (asked.actor.id, asked.actor.kind, asked.actor.authenticated, asked.actor.roles) == ("rita", "human", True, ("operator",))
    assert asked.reason == "It answers <b>nonsense</b>."
    assert {told["decision_id"] for told in gateway.asked} == {decision.id}
    assert serving.types().count("RolledBack") == 1

    told = rita.client.get(answers[0].headers["location"])
    assert "credit went from version 2 to version 1 in 1.5 ms" in read(told.text).one("p", role="status").says
    assert "<b>nonsense</b>" not in told.text
    assert parse_qs(urlsplit(answers[0].headers["location"]).query)["done"] == [gateway.asked[0]["rollback_id"]]

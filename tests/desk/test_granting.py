"""Granting access and taking it back at the desk: signed by passkey, decided by the gate, and its key told once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.statements import opened
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters import grants as matter
from lifecycle.desk.signing import resume_signing
from lifecycle.errors import Unavailable
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.access.deciding import AccessDecider
from lifecycle.life.access.grants import grants
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.life.signing import signed_now
from lifecycle.records.approval import AccessStatement
from lifecycle.records.bodies.access import AccessGranted
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.identity import now_us
from lifecycle.serving.access.credentials import key_digest
from lifecycle.wiring import Departments
from tests.desk.authenticators import Authenticator
from tests.desk.desks import Browser, DeskUnderTest, desk_of
from tests.desk.pages.rendered import read
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def desk(tmp_path: Path) -> DeskUnderTest:
    """The desk of a home in which credit:1 may serve."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    step = Step(run_id="deployed")
    assert ask(departments, deployment_input(departments, departments.model("credit"), 1, step), step).allowed
    return desk_of(departments, tmp_path / "desk")


@pytest.fixture
def operator(desk: DeskUnderTest) -> Browser:
    return desk.enrolled("operator", roles=("operator",))


def grant(browser: Browser, **fields: str) -> Any:
    asked = {"application": "loan_portal", "model.credit": "on", "tier": "standard", "days": "90", "certificate": ""}
    return browser.begin_at("/access/grants", **(asked | fields))


def granted(desk: DeskUnderTest) -> AccessGranted:
    (recorded,) = desk.departments.ledger.events(types=("AccessGranted",))
    return standing.body_of(recorded, AccessGranted)


def callers(desk: DeskUnderTest) -> int:
    """How many callers a gateway would let in that has just started."""
    departments = desk.departments_now
    digest = standing.trained(departments, "credit", 1).event.subject.digest
    assert digest is not None
    return len(AccessDecider(departments)((("credit", 1, digest),)).passes)


def verified(desk: DeskUnderTest) -> list[str]:
    departments = desk.departments_now
    signed_now(departments)
    looking = Departments(departments.settings, make=False)
    return [one.what for one in verify_ledger(departments.ledger, departments.ledger_key, checks=(PeopleCheck(looking),)).findings]


def test_access_is_granted_with_a_passkey_and_its_key_is_told_once(desk: DeskUnderTest, operator: Browser) -> None:
    """Beside what is to be signed, which has its digest alone; the key is on no page, in no file of the desk, and in no record."""
    form = read(operator.client.get("/access").text).one("form", action="/access/grants")
    assert [one.attributes["name"] for one in form.all("input", type="checkbox")] == ["model.credit"]
    begun = grant(operator, reason="The portal, production.")
    key: str = begun.json()["key"]
    answer = operator.finish(begun)
    assert answer.json() == {
        "message": "loan_portal may ask credit. A gateway that runs lets it in within seconds.",
        "location": "/access",
    }
    body = granted(desk)
    assert (body.principal, body.credential_digest, body.reason) == ("loan_portal", key_digest(key), "The portal, production.")
    assert body.envelope is not None
    assert opened(body.envelope, AccessStatement, desk.departments_now.people, now_us()).signer == "operator"
    assert callers(desk) == 1
    page = operator.client.get("/access").text
    assert ("loan_portal" in page, key in page) == (True, False)
    assert not [file for file in desk.settings.folder.iterdir() if key.encode() in file.read_bytes()]
    assert not [one for one in desk.departments.ledger.events() if key in one.event.canonical().decode()]
    assert verified(desk) == []


def test_access_is_taken_back_with_a_passkey(desk: DeskUnderTest, operator: Browser) -> None:
    """By the form beside the grant; then it stands among what counts no more, with who did it and why."""
    operator.finish(grant(operator))
    page = read(operator.client.get("/access").text)
    (form,) = [one for one in page.all("form") if one.attributes["action"].endswith("/revocation")]
    answer = operator.finish(operator.begin_at(form.attributes["action"], reason="The portal was replaced."))
    assert answer.json()["location"] == "/access"
    assert [one.revoked for one in grants(desk.departments)] == [True]
    assert callers(desk) == 0
    ended = read(operator.client.get("/access").text).one("section", aria_labelledby="ended")
    assert ("by operator" in ended.says, "The portal was replaced." in ended.says, ended.all("form")) == (True, True, [])
    again = operator.finish(operator.begin_at(form.attributes["action"], reason="Once more."))
    assert (again.status_code, again.json()["rules"]) == (403, ["STATE"])
    assert verified(desk) == []


def test_the_right_to_send_labels_is_chosen_signed_and_shown(desk: DeskUnderTest, operator: Browser) -> None:
    """None unless it is chosen; what was chosen stands in what was signed, in the answer and beside the grant."""
    form = read(operator.client.get("/access").text).one("form", action="/access/grants")
    assert [one.attributes.get("value") for one in form.one("select", name="labels").all("option")] == ["", "own", "any"]
    answer = operator.finish(grant(operator, labels="own"))
    assert answer.json()["message"].startswith("loan_portal may ask credit, and send labels.")
    body = granted(desk)
    assert body.envelope is not None
    assert (body.labels, body.envelope.holding(AccessStatement).labels) == ("own", "own")
    assert "may say what turned out to be true of the predictions that it asked for" in operator.client.get("/access").text
    assert verified(desk) == []


def test_a_caller_by_certificate_has_no_key(desk: DeskUnderTest, operator: Browser) -> None:
    """The name in its certificate stands in what is signed."""
    begun = grant(operator, certificate="spiffe://example.com/loan-portal")
    assert "key" not in begun.json()
    assert operator.finish(begun).status_code == 200
    body = granted(desk)
    assert (body.kind, body.certificate_name) == ("certificate", "spiffe://example.com/loan-portal")


def test_who_may_not_is_told_by_rule_and_the_attempt_is_kept_as_theirs(desk: DeskUnderTest, operator: Browser) -> None:
    """No page offers it to them; whoever sends the form all the same signs in vain."""
    operator.finish(grant(operator))
    (one,) = grants(desk.departments)
    clerk = desk.enrolled("clerk", roles=("clerk",))
    assert not [form for form in read(clerk.client.get("/access").text).all("form") if "/access" in form.attributes["action"]]
    for begun in (grant(clerk), clerk.begin_at(f"/access/{one.body.grant_id}/revocation")):
        answer = clerk.finish(begun)
        assert (answer.status_code, answer.json()["rules"]) == (403, ["ACS-001"])
    found = [standing.body_of(kept, SignatureBarred) for kept in desk.departments.ledger.events(types=("SignatureBarred",))]
    assert [(body.person, body.about) for body in found] == [("clerk", "access"), ("clerk", "revocation")]
    assert [kept.revoked for kept in grants(desk.departments)] == [False]


def test_a_forged_answer_grants_nothing_and_the_attempt_is_kept(desk: DeskUnderTest, operator: Browser) -> None:
    """From another page, by another key, and an answer that was overheard and sent for another grant."""
    assert operator.finish(grant(operator), origin="http://localhost:8080").status_code == 409
    begun = grant(operator)
    impostor = Authenticator(credential_id=operator.authenticator.credential_id, count=50)
    assert operator.finish(begun, impostor.sign(begun.json()["options"])).status_code == 409
    first, second = grant(operator), grant(operator, application="another_portal")
    assert operator.finish(second, operator.authenticator.sign(first.json()["options"])).status_code == 409
    assert desk.types().count("SignatureBarred") == 3
    assert grants(desk.departments) == []


def test_a_desk_that_was_killed_over_a_grant_goes_on(desk: DeskUnderTest, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed while the ledger was away is recorded once, and the key that was told then is the one that counts."""

    def away(*arguments: object) -> None:
        raise Unavailable("The ledger does not answer.", "Try again.")

    begun = grant(operator)
    with monkeypatch.context() as patched:
        patched.setattr(matter, "record_access", away)
        assert operator.finish(begun).status_code == 503
    assert grants(desk.departments) == []
    for _ in range(2):
        resume_signing(Desk(desk.departments_now, desk.settings))
    assert granted(desk).credential_digest == key_digest(begun.json()["key"])


@pytest.mark.parametrize(
    "fields",
    [
        {"application": "Loan Portal"},
        {"application": ""},
        {"days": "0"},
        {"days": "9999"},
        {"labels": "everything"},
        {"days": "soon"},
        {"days": "²"},
        {"model.credit": "on", "model.nothing": "on"},
        {"tier": "endless"},
        {"certificate": "two words"},
        {"reason": " "},
    ],
)
def test_a_grant_that_makes_no_sense_is_told_and_nothing_is_asked(desk: DeskUnderTest, operator: Browser, fields: dict[str, str]) -> None:
    """In words, before anybody signs."""
    size = desk.departments.ledger.head().size
    answer = grant(operator, **fields)
    assert (answer.status_code in (400, 404), "key" in answer.json()) == (True, False)
    assert desk.departments.ledger.head().size == size


def test_a_grant_of_nothing_is_told(desk: DeskUnderTest, operator: Browser) -> None:
    """A model has to be chosen."""
    answer = operator.begin_at("/access/grants", application="loan_portal", tier="standard", days="90")
    assert (answer.status_code, answer.json()["what"]) == (400, "No model was chosen.")

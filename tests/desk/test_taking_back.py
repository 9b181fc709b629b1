"""Taking back a version, an approval and a key at the desk: the passkey signs it, and what is not exactly that is refused and kept."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.approvals.statements import opened
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters import revocations
from lifecycle.desk.signing import resume_signing
from lifecycle.errors import Unavailable
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates import standing
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.signing import signed_now
from lifecycle.records.approval import RevocationStatement
from lifecycle.records.bodies.decisions import ApprovalGiven
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, Revocation, VersionRevoked
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION
from tests.desk.authenticators import ORIGIN, Authenticator
from tests.desk.desks import JSON, Browser, DeskUnderTest
from tests.desk.pages.rendered import read

NAME = f"{MODEL}:{VERSION}"
PAGE = f"/versions/{MODEL}/{VERSION}"


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    """Somebody of the role risk, signed in."""
    return desk.enrolled("officer", roles=("risk",))


def revoke(browser: Browser, what: str, **fields: str) -> Any:
    return browser.begin_at("/revocations", what=what, **fields)


def statement_of(desk: DeskUnderTest) -> str:
    """What the newest approval is taken back by."""
    (given,) = desk.departments.ledger.events(types=("ApprovalGiven",), newest_first=True, limit=1)
    return standing.body_of(given, ApprovalGiven).statement.content_digest()


def key_of(desk: DeskUnderTest, person: str) -> str:
    return desk.departments_now.people.person(person).keys[0].id


def signed(desk: DeskUnderTest, kind: type[Revocation]) -> list[Revocation]:
    """What was taken back, each opened by the registry of then as an auditor would."""
    bodies = [standing.body_of(one, kind) for one in desk.departments.ledger.events(types=(kind.__name__,))]
    for body in bodies:
        assert body.envelope is not None
        assert opened(body.envelope, RevocationStatement, desk.departments_now.people, now_us()) == body.statement
    return bodies


def barred(desk: DeskUnderTest) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Who tried to sign what, which rules it breaks, and whether it was really they."""
    found = desk.departments.ledger.events(types=("SignatureBarred",))
    bodies = [(standing.body_of(one, SignatureBarred), one.event.actor.authenticated) for one in found]
    return [(body.person, body.about, body.rules, authenticated) for body, authenticated in bodies]


def verified(desk: DeskUnderTest) -> list[str]:
    """What `lifecycle ledger verify` finds in what people signed; that the evidence of this home is made up it finds as well."""
    departments = desk.departments_now
    signed_now(departments)
    looking = Departments(departments.settings, make=False)
    found = verify_ledger(departments.ledger, departments.ledger_key, checks=(PeopleCheck(looking),)).findings
    return [one.what for one in found if "another evaluation than the one" not in one.what]


def test_a_version_is_taken_back_with_a_passkey(desk: DeskUnderTest, officer: Browser) -> None:
    """The form stands on its page; afterwards the page says who did it and why, and has none; the record proves itself."""
    form = read(officer.client.get(PAGE).text).one("section", aria_labelledby="revocation").one("form")
    assert form.one("input", name="what").attributes["value"] == NAME
    answer = officer.finish(revoke(officer, NAME, reason="Its data were not ours."))
    assert answer.json()["location"] == f"{PAGE}#revocation"
    assert answer.json()["message"].startswith(f"You took back {NAME}. {NAME} may serve no more")
    (body,) = signed(desk, VersionRevoked)
    assert body.reason == "Its data were not ours."
    assert standing.states(desk.departments)[MODEL, VERSION] == "revoked"
    told = read(officer.client.get(PAGE).text).one("section", aria_labelledby="revocation")
    assert ("officer" in told.says, "Its data were not ours." in told.says, told.all("form")) == (True, True, [])
    assert verified(desk) == []


def test_an_approval_is_taken_back_by_whoever_gave_it(desk: DeskUnderTest, officer: Browser) -> None:
    """It says so beside what was signed, and the version waits for another."""
    officer.finish(officer.begin())
    form = read(officer.client.get(PAGE).text).one("section", aria_labelledby="answers").one("form")
    assert form.one("input", name="what").attributes["value"] == statement_of(desk)
    answer = officer.finish(revoke(officer, statement_of(desk), reason="I misread the slice of tenants."))
    assert answer.json()["location"] == f"{PAGE}#answers"
    (body,) = signed(desk, ApprovalRevoked)
    assert isinstance(body, ApprovalRevoked)
    assert body.approver == "officer"
    told = read(officer.client.get(PAGE).text).one("section", aria_labelledby="answers")
    assert ("taken back" in told.says, "I misread the slice of tenants." in told.says) == (True, True)
    assert not told.all("form")
    assert officer.client.get("/").text.count("Waits for you") == 1
    assert verified(desk) == []


def test_a_key_is_taken_back_by_whoever_has_it_and_their_session_ends(desk: DeskUnderTest, officer: Browser) -> None:
    """Signed by itself, for the last time; neither a session nor a sign-in goes on by it."""
    key = key_of(desk, "officer")
    answer = officer.finish(revoke(officer, key, reason="The telephone is gone."))
    assert (answer.status_code, answer.json()["location"]) == (200, "/people")
    assert [one.statement.target for one in signed(desk, KeyRevoked) if one.statement is not None] == [key]
    assert officer.client.get("/people").headers["location"].startswith("/sign-in")
    assert officer.sign_in().status_code == 403
    assert people_in_force(desk.departments_now).person("officer").keys == ()
    assert verified(desk) == []


def test_a_key_that_was_in_other_hands_is_taken_back_from_a_place_in_the_ledger_on(desk: DeskUnderTest, officer: Browser) -> None:
    """The time in the form is UTC; what the key signed since then never counted, whatever a thief dates it to."""
    governor = desk.enrolled("governor", roles=("governor",))
    officer.finish(officer.begin())
    key = key_of(desk, "officer")
    governor.finish(revoke(governor, key, reason="The laptop is gone."))
    assert governor.finish(revoke(governor, key, reason="It was stolen.", since="2020-01-01T00:00")).status_code == 200
    bodies = [one for one in signed(desk, KeyRevoked) if isinstance(one, KeyRevoked)]
    assert [one.compromised_from for one in bodies] == [None, 0]
    page = read(governor.client.get("/people").text).one("section", aria_labelledby="person-officer")
    assert ("revoked" in page.says, "In other hands" in page.says, "It was stolen." in page.says) == (True, True, True)


def test_who_may_not_is_told_by_rule_and_the_attempt_is_kept_as_theirs(desk: DeskUnderTest, officer: Browser) -> None:
    """No page offers it to them; whoever sends the form all the same signs in vain."""
    officer.finish(officer.begin())
    clerk = desk.enrolled("clerk", roles=("clerk",))
    page = read(clerk.client.get(PAGE).text)
    assert not [one for one in page.all("form") if one.attributes["action"] == "/revocations"]
    assert len(read(clerk.client.get("/people").text).all("form", action="/revocations")) == 1  # their own key
    for what in (NAME, statement_of(desk), key_of(desk, "officer")):
        answer = clerk.finish(revoke(clerk, what))
        assert (answer.status_code, answer.json()["rules"]) == (403, ["RVK-001"])
    assert barred(desk) == [("clerk", "revocation", ("RVK-001",), True)] * 3
    assert not {"VersionRevoked", "ApprovalRevoked", "KeyRevoked"} & {*desk.types()}


def test_a_forged_answer_takes_nothing_back_and_the_attempt_is_kept(desk: DeskUnderTest, officer: Browser) -> None:
    """From another page, by another key, and an answer that was overheard and sent for something else."""
    assert officer.finish(revoke(officer, NAME), origin="http://localhost:8080").status_code == 409
    begun = revoke(officer, NAME)
    impostor = Authenticator(credential_id=officer.authenticator.credential_id, count=50)
    assert officer.finish(begun, impostor.sign(begun.json()["options"])).status_code == 409
    first, second = revoke(officer, NAME), revoke(officer, key_of(desk, "officer"))
    overheard = officer.authenticator.sign(first.json()["options"])
    assert officer.finish(second, overheard).status_code == 409
    assert [(person, about, really) for person, about, _, really in barred(desk)] == [("officer", "revocation", False)] * 3
    assert not {"VersionRevoked", "KeyRevoked"} & {*desk.types()}


def test_an_approval_that_was_signed_is_never_a_revocation(desk: DeskUnderTest, officer: Browser) -> None:
    """What the passkey signed to approve does not answer what asks for a revocation."""
    approving, revoking = officer.begin(), revoke(officer, NAME)
    assert officer.finish(revoking, officer.authenticator.sign(approving.json()["options"])).status_code == 409
    assert standing.states(desk.departments)[MODEL, VERSION] == "waiting"


def test_what_is_taken_back_already_is_not_taken_back_twice(desk: DeskUnderTest, officer: Browser) -> None:
    """From two windows: the second is refused, and the ledger has one revocation."""
    first, second = revoke(officer, NAME), revoke(officer, NAME)
    assert officer.finish(first).status_code == 200
    assert officer.finish(second).json()["rules"] == ["STATE"]
    assert desk.types().count("VersionRevoked") == 1


def test_a_desk_that_was_killed_over_a_revocation_goes_on(desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed while the ledger was away is recorded once, when it answers."""

    def away(*arguments: object) -> None:
        raise Unavailable("The ledger does not answer.", "Try again.")

    begun = revoke(officer, NAME)
    with monkeypatch.context() as patched:
        patched.setattr(revocations, "record_revocation", away)
        assert officer.finish(begun).status_code == 503
    assert standing.states(desk.departments)[MODEL, VERSION] == "waiting"
    for _ in range(2):
        resume_signing(Desk(desk.departments_now, desk.settings))
    assert desk.types().count("VersionRevoked") == 1


@pytest.mark.parametrize(
    ("what", "fields", "status"),
    [
        ("nothing", {}, 404),
        ("canary:9", {}, 404),
        ("sha256:" + "0" * 64, {}, 404),
        (NAME, {"reason": " "}, 400),
        (NAME, {"since": "2026-01-01T00:00"}, 400),
        ("key", {"since": "yesterday"}, 400),
        ("key", {"since": "1969-01-01T00:00"}, 400),
        ("key", {"since": "2026-01-01T00:00+01:00"}, 400),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_is_asked(
    desk: DeskUnderTest, officer: Browser, what: str, fields: dict[str, str], status: int
) -> None:
    """In words, before anybody signs."""
    size = desk.departments.ledger.head().size
    assert revoke(officer, key_of(desk, "officer") if what == "key" else what, **fields).status_code == status
    assert desk.departments.ledger.head().size == size


def test_without_a_script_the_page_says_how_to_do_it_on_the_command_line(desk: DeskUnderTest, officer: Browser) -> None:
    """Nothing is begun."""
    answer = officer.client.post("/revocations", data={"what": NAME, "csrf": officer.csrf, "reason": "Why."}, headers={"Origin": ORIGIN})
    assert (answer.status_code, f"lifecycle revoke {NAME} --as officer" in answer.text) == (400, True)


def test_nobody_takes_anything_back_by_a_form_of_another_page(desk: DeskUnderTest, officer: Browser) -> None:
    """Without the session's token nothing is begun, signed in or not."""
    for client in (officer.client, desk.browser().client):
        answer = client.post("/revocations", data={"what": NAME, "reason": "Why."}, headers=JSON)
        assert answer.status_code in (401, 403)
    assert "VersionRevoked" not in desk.types()

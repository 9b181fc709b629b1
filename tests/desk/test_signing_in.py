"""Signing in: by a passkey that is enrolled at this address, in answer to a challenge that was made for it."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.desk.sessions import csrf_token
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.governors import SignInRefused
from tests.desk.authenticators import ORIGIN, PRESENT, Authenticator, base64url, ed25519_authenticator
from tests.desk.desks import Browser, DeskUnderTest


def refused(desk: DeskUnderTest) -> list[SignInRefused]:
    return [one.event.body for one in desk.departments.ledger.events(types=("SignInRefused",)) if isinstance(one.event.body, SignInRefused)]


@pytest.mark.parametrize("authenticator", [Authenticator(), ed25519_authenticator()], ids=["p-256", "ed25519"])
def test_a_registered_passkey_signs_in(desk: DeskUnderTest, authenticator: Authenticator) -> None:
    """From the invitation to a page that needs somebody; the session's cookie is read by no script and sent from no other site."""
    from lifecycle.life.people.enrolment import enrol

    enrol(desk.departments, "officer", roles=("risk",))
    browser = desk.browser(authenticator)
    assert browser.client.post("/sign-out", headers={"Origin": ORIGIN}).status_code == 401
    registered = browser.register(desk.link("officer"))
    assert registered.json()["counts"] is True
    answer = browser.sign_in()
    assert answer.json() == {"location": "/"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.client.get("/sign-in").headers["location"] == "/"


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(desk: DeskUnderTest) -> None:
    """A page is left for the sign-in with its own address, and the sign-in leads there."""
    browser = desk.enrolled("officer", roles=("risk",))
    session = browser.client.cookies.pop("lifecycle-desk")
    sent = browser.client.get("/ledger?before=3").headers["location"]
    assert sent == "/sign-in?next=/ledger%3Fbefore%3D3"
    assert 'data-next="/ledger?before=3"' in browser.client.get(sent).text
    browser.client.cookies.set("lifecycle-desk", str(session))
    assert browser.client.get(sent).headers["location"] == "/ledger?before=3"


@pytest.mark.parametrize("target", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)", "/a\nb", "/sign-in"])
def test_signing_in_leads_nowhere_else(desk: DeskUnderTest, target: str) -> None:
    """What the address names as the next page is taken only as a path of this desk."""
    browser = desk.enrolled("officer")
    begun = browser.post("/sign-in/begin", {}).json()
    credential = browser.authenticator.sign(begun["options"])
    answer = browser.client.post(
        "/sign-in/finish",
        params={"next": target},
        json={"challenge_id": begun["challenge_id"], "credential": credential},
        headers={"Origin": ORIGIN},
    )
    assert answer.json()["location"] == "/"


FORGERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "another page": ("KEY-ORIGIN", {"origin": "http://localhost:8080"}),
    "nobody made sure who": ("KEY-PRESENCE", {"flags": PRESENT}),
    "another challenge": ("KEY-CHALLENGE", {"said": {"challenge": base64url(bytes(32))}}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_sign_in_is_refused_and_recorded(desk: DeskUnderTest, forgery: str) -> None:
    """In clear words, with the rule, and the ledger has the attempt with whose key it was."""
    browser = desk.enrolled("officer")
    rule, wrong = FORGERIES[forgery]
    answer = browser.sign_in(**wrong)
    assert answer.status_code == 409
    assert "set-cookie" not in answer.headers
    assert [(one.person, one.rules) for one in refused(desk)] == [("officer", (rule,))]


def test_a_copied_passkey_shows_when_its_count_goes_back(desk: DeskUnderTest) -> None:
    """Two authenticators with one key count apart; whoever comes second with a lower count is refused, and it is recorded."""
    browser = desk.enrolled("officer")
    browser.authenticator.count = 0
    answer = browser.sign_in()
    assert answer.status_code == 409
    assert "somebody may have a copy of it" in answer.json()["what"]
    assert [one.rules for one in refused(desk)] == [("KEY-COUNTER",)]


def test_an_authenticator_that_does_not_count_may_sign_in_again(desk: DeskUnderTest) -> None:
    """Passkeys that are kept on several devices say 0 each time; nothing follows from that."""
    from lifecycle.life.people.enrolment import enrol

    enrol(desk.departments, "officer")
    browser = desk.browser(Authenticator(counting=False))
    browser.register(desk.link("officer"))
    assert [browser.sign_in().status_code for _ in range(3)] == [200, 200, 200]


def test_an_answer_signs_in_once(desk: DeskUnderTest) -> None:
    """What was overheard is worth nothing after."""
    browser = desk.enrolled("officer")
    begun = browser.post("/sign-in/begin", {}).json()
    said = {"challenge_id": begun["challenge_id"], "credential": browser.authenticator.sign(begun["options"])}
    assert browser.post("/sign-in/finish", said).status_code == 200
    again = desk.browser(browser.authenticator).post("/sign-in/finish", said)
    assert (again.status_code, again.json()["rules"]) == (403, ["KEY-CHALLENGE"])


def test_a_stranger_s_passkey_is_told_so_and_not_recorded(desk: DeskUnderTest) -> None:
    """Nobody fills the ledger with keys of their own making."""
    before = desk.departments.ledger.head().size
    answer = desk.browser().sign_in()
    assert (answer.status_code, answer.json()["rules"]) == (403, ["KEY-ENROLLED"])
    assert desk.departments.ledger.head().size == before


def test_signing_in_can_be_tried_so_often_and_recorded_so_often(desk: DeskUnderTest) -> None:
    """The ledger takes five refusals an hour for one person; after ten tries in a minute nobody is judged any more."""
    browser = desk.enrolled("officer")
    answers = [browser.sign_in(flags=PRESENT).status_code for _ in range(12)]
    assert answers[:5] == [409] * 5
    assert answers[-1] == 429
    assert len(refused(desk)) == 5


def test_a_revoked_passkey_ends_its_sessions(desk: DeskUnderTest) -> None:
    """From the next request on, whoever signed in with it is not signed in, and can't sign in again."""
    browser = desk.enrolled("officer")
    (key,) = people_in_force(desk.departments_now).person("officer").keys
    revoke(desk.departments_now, key.id, reason="lost")
    assert browser.client.get("/sign-in").status_code == 200
    assert browser.sign_in().json()["rules"] == ["KEY-ENROLLED"]


def test_whoever_signs_out_is_out(desk: DeskUnderTest) -> None:
    """The session is over at the desk, and not only forgotten by the browser."""
    browser = desk.enrolled("officer")
    session_id = browser.client.cookies["lifecycle-desk"]
    left = browser.client.post("/sign-out", data={"csrf": browser.csrf}, headers={"Origin": ORIGIN})
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert still_signed_in(desk.browser(), session_id) is False


def test_whoever_signs_in_again_leaves_the_session_before(desk: DeskUnderTest) -> None:
    """One browser has one session; nobody goes on in the one before."""
    browser = desk.enrolled("officer")
    before = browser.client.cookies["lifecycle-desk"]
    assert browser.sign_in().status_code == 200
    assert browser.client.cookies["lifecycle-desk"] != before
    assert still_signed_in(desk.browser(), before) is False


def test_a_session_survives_a_restart_of_the_desk(desk: DeskUnderTest) -> None:
    """Another process over the same folder knows it; the folder holds no id that would sign anybody in."""
    browser = desk.enrolled("officer")
    session_id = browser.client.cookies["lifecycle-desk"]
    assert still_signed_in(desk.browser(), session_id) is True
    kept = b"".join(file.read_bytes() for file in desk.settings.folder.iterdir())
    assert session_id.encode() not in kept
    assert csrf_token(session_id).encode() not in kept


def still_signed_in(browser: Browser, session_id: str) -> bool:
    return bool(browser.client.get("/sign-in", headers={"Cookie": f"lifecycle-desk={session_id}"}).status_code == 303)

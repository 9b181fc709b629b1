"""What holds for every page: whom it answers, where a request comes from, and what a browser may do with the answer."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from typing import Any

import pytest
from starlette.routing import Mount, Route

from lifecycle.desk import identity
from lifecycle.desk.application import GUARDED
from lifecycle.desk.guard import MOST_BODY_BYTES
from lifecycle.desk.security import report_response
from tests.approvals.waiting_version import MODEL, VERSION
from tests.desk.authenticators import ORIGIN, PRESENT
from tests.desk.desks import JSON, Browser, DeskUnderTest

_FILLED = {"{model}": MODEL, "{version:int}": str(VERSION), "{ceremony}": "none"}


def path_of(route: Route) -> str:
    path = route.path
    for name, value in _FILLED.items():
        path = path.replace(name, value)
    return path


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    return desk.enrolled("officer", roles=("risk",))


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.path)
def test_no_page_shows_anything_to_somebody_who_is_not_signed_in(desk: DeskUnderTest, route: Route) -> None:
    """Looking leads to the sign-in, and changing something is refused, on every page that there is."""
    client = desk.browser().client
    if "GET" in (route.methods or set()):
        answer = client.get(path_of(route))
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
        assert client.get(path_of(route), headers={"Accept": "application/json"}).status_code == 401
    else:
        assert client.post(path_of(route), headers={"Origin": ORIGIN}).status_code == 401


def test_every_page_is_behind_a_guard(desk: DeskUnderTest) -> None:
    """Those that somebody needs who is not signed in are listed, and there are no others."""
    mounted = {route.path for route in desk.application().routes if isinstance(route, Route)}
    assert mounted == {route.path for route in (*identity.PUBLIC_ROUTES, *GUARDED)}
    assert {route.path for route in identity.PUBLIC_ROUTES} == {
        *("/sign-in", "/sign-in/begin", "/sign-in/finish", "/sign-in/provider", "/sign-in/return"),
        *("/enrol", "/enrol/begin", "/enrol/finish", "/healthz"),
    }
    assert [route.path for route in desk.application().routes if isinstance(route, Mount)] == ["/static"]


@pytest.mark.parametrize("route", [route for route in GUARDED if "POST" in (route.methods or set())], ids=lambda route: route.path)
@pytest.mark.parametrize("token", ["", "0" * 64, None], ids=["empty", "another", "none"])
def test_a_request_without_the_session_s_token_changes_nothing(
    desk: DeskUnderTest, officer: Browser, route: Route, token: str | None
) -> None:
    """Whatever it asks for: another site can have a browser send a cookie, and does not know the token."""
    before = desk.departments.ledger.head().size
    fields = {} if token is None else {"csrf": token}
    answer = officer.client.post(path_of(route), data={"reason": "r", **fields}, headers=JSON)
    assert (answer.status_code, answer.json()["rules"]) == (403, ["CSRF"])
    in_header = officer.client.post(path_of(route), json={}, headers=JSON | ({} if token is None else {"X-Desk-CSRF": token}))
    assert in_header.json()["rules"] == ["CSRF"]
    assert desk.departments.ledger.head().size == before


def test_another_s_token_is_none(desk: DeskUnderTest, officer: Browser) -> None:
    """The token is the session's own."""
    deputy = desk.enrolled("deputy", roles=("risk",))
    assert officer.begin(csrf=deputy.csrf).json()["rules"] == ["CSRF"]


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost:3002", "https://localhost:3001", "null", None])
def test_a_request_from_another_site_is_refused(officer: Browser, origin: str | None) -> None:
    """By the Origin that browsers put on every request that changes something; the sign-in has nothing else to go by."""
    headers = {"Accept": "application/json"} | ({} if origin is None else {"Origin": origin})
    for path in ("/sign-in/begin", "/enrol/begin", "/sign-out"):
        assert officer.client.post(path, json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["example.com", "localhost:3002", "localhost", "desk.localhost:3001", "127.0.0.1.example.com:3001", ""])
def test_another_name_that_leads_here_gets_nothing(desk: DeskUnderTest, host: str) -> None:
    """A name of somebody else's that was made to lead to this machine (DNS rebinding)."""
    answer = desk.browser().client.get("/sign-in", headers={"Host": host})
    assert answer.status_code == 421
    assert "Sign in" not in answer.text


def test_the_address_of_numbers_leads_to_the_name(desk: DeskUnderTest) -> None:
    """Browsers let no passkey speak at 127.0.0.1."""
    answer = desk.browser().client.get("/ledger", headers={"Host": "127.0.0.1:3001"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}/ledger")


@pytest.mark.parametrize("path", ["/sign-in", "/enrol", "/", "/nowhere", "/static/desk.js", "/healthz"])
def test_every_answer_says_what_a_browser_may_do_with_it(desk: DeskUnderTest, path: str) -> None:
    """No script, style or frame but our own, no other site's frame around it, no address told to others, nothing guessed."""
    headers = desk.browser().client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"], headers["x-frame-options"]) == ("nosniff", "same-origin", "DENY")
    assert headers["cache-control"] == "no-store"


def test_a_report_may_run_its_scripts_and_reach_nothing() -> None:
    """It has an origin that is nobody's, and stands in a frame of ours only."""
    policy = report_response(b"<html>").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x" * (MOST_BODY_BYTES + 1), "application/x-www-form-urlencoded", 413),
        (b"csrf=a&csrf=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % number for number in range(60)), "application/x-www-form-urlencoded", 400),
        (b"csrf=%ff", "application/x-www-form-urlencoded", 400),
        (b"{}", "text/plain", 403),
    ],
    ids=["too large", "a field twice", "too many fields", "no text", "another kind"],
)
def test_a_body_that_no_page_of_ours_sends_is_refused(officer: Browser, content: bytes, kind: str, status: int) -> None:
    """In words, and with a status of its own."""
    answer = officer.client.post(f"/versions/{MODEL}/{VERSION}/signing", content=content, headers=JSON | {"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["next"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"token": 1}', b'{"token": "a", "token": "b"}', b"\xff"])
def test_json_that_no_script_of_ours_sends_is_refused(desk: DeskUnderTest, content: bytes) -> None:
    """No object, no text, a key twice."""
    answer = desk.browser().client.post("/enrol/begin", content=content, headers=JSON | {"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_mistake_of_ours_tells_nobody_how_the_desk_is_made(desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page in words; where it was stands in the desk's log."""

    def fails(*arguments: Any) -> None:
        raise RuntimeError("a secret of the desk")

    browser = desk.browser(raise_server_exceptions=False)
    monkeypatch.setattr(identity, "begin_sign_in", fails)
    answer = browser.post("/sign-in/begin", {})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["next"]
    assert "content-security-policy" in answer.headers


def test_a_page_that_is_not_there_is_told_in_words(desk: DeskUnderTest) -> None:
    """For people and for programs."""
    client = desk.browser().client
    assert "There is no such page" in client.get("/nowhere").text
    assert client.get("/nowhere", headers={"Accept": "application/json"}).json()["what"] == "There is no such page."


def test_nothing_secret_is_logged(desk: DeskUnderTest, officer: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """Neither sessions nor tokens, invitations or challenges, at any level."""
    caplog.set_level(0)
    link = desk.link("officer")
    again = desk.browser()
    again.register(link)
    again.sign_in()
    officer.finish(officer.begin())
    secrets = (link.partition("#")[2], officer.client.cookies["lifecycle-desk"], officer.csrf, again.client.cookies["lifecycle-desk"])
    said = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert "officer signed in" in said
    assert not [secret for secret in secrets if secret in said]


def test_a_session_fills_no_ledger(desk: DeskUnderTest, officer: Browser) -> None:
    """Forged answers are records, so only so many of them are taken in a minute."""
    answers = [officer.finish(officer.begin(), flags=PRESENT).status_code for _ in range(14)]
    begun = officer.begin()
    answers += [officer.finish(begun, flags=PRESENT).status_code for _ in range(6)]
    assert set(answers) == {409, 429}
    assert desk.types().count("ApprovalBarred") <= 30


def test_who_comes_from_where_is_the_proxy_s_word_and_nobody_else_s(desk: DeskUnderTest) -> None:
    """Without a declared proxy the header counts for nothing; with one, the last address, which it wrote itself."""
    by_header = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(40)]
    plain = desk.browser()
    assert plain.client.post("/sign-in/begin", json={}, headers=JSON | by_header[0]).status_code == 200
    assert {plain.client.post("/sign-in/begin", json={}, headers=JSON | one).status_code for one in by_header} == {200, 429}
    desk.settings = replace(desk.settings, behind_proxy=True)
    proxied = desk.browser()
    assert {proxied.client.post("/sign-in/begin", json={}, headers=JSON | one).status_code for one in by_header} == {200}
    made_up = [{"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.7"} for number in range(40)]
    assert {proxied.client.post("/sign-in/begin", json={}, headers=JSON | one).status_code for one in made_up} == {200, 429}


def test_no_endpoint_reads_forms_past_the_guard() -> None:
    """The guard has read and bounded what was sent: nothing asks Starlette for it again."""
    modules = {inspect.getmodule(route.endpoint) for route in GUARDED}
    assert {"lifecycle.desk.granting", "lifecycle.desk.proposing"} <= {module.__name__ for module in modules if module is not None}
    for module in modules:
        assert module is not None
        assert not re.findall(r"request\.(form|body|json|stream)\b", inspect.getsource(module)), module.__name__

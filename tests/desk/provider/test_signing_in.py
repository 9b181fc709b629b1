"""Signing in through a provider: its word counts where it is the provider's, for this desk, in answer to this sign-in, once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from lifecycle.desk.provider import discovery
from lifecycle.desk.sessions import Sessions
from lifecycle.desk.store import DeskStore
from lifecycle.life.people.enrolment import enrol
from tests.desk.desks import Browser
from tests.desk.pages.rendered import read
from tests.desk.provider.conftest import Provided
from tests.desk.provider.issuer import CLIENT, Issuer, Signer


def signed_in_as(browser: Browser) -> str | None:
    """Whom the desk takes the browser's user for."""
    told = browser.client.get("/sign-in")
    return None if told.status_code == 200 else "somebody"


def test_whoever_the_provider_vouches_for_is_signed_in(provided: Provided) -> None:
    """From the sign-in page to the page that they wanted; the session's cookie is sent from no other site, the way's is."""
    browser = provided.browser()
    assert provided.issuer.url.partition("//")[2].partition(":")[0] in browser.client.get("/sign-in").text
    begun = browser.client.get("/sign-in/provider?next=/ledger")
    way = begun.headers["set-cookie"].lower()
    assert ("httponly" in way, "samesite=lax" in way) == (True, True)
    answer = provided.sign_in(browser, "/ledger")
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.one("meta", http_equiv="refresh").attributes["content"] == "0; url=/ledger"
    session = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("lifecycle-desk="))
    assert "samesite=strict" in session.lower()
    assert browser.client.get("/sign-in").headers["location"] == "/"


def test_the_provider_is_asked_for_a_code_with_a_proof_and_for_nothing_more(provided: Provided) -> None:
    """State, nonce and challenge are fresh each time, and the challenge is of the kind that can't be turned back."""
    asked = [provided.set_out(provided.browser()) for _ in range(2)]
    assert set(asked[0]) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method")
    }
    assert (asked[0]["redirect_uri"], asked[0]["code_challenge_method"]) == ("http://localhost:3001/sign-in/return", "S256")
    assert not {asked[0][name] for name in ("state", "nonce", "code_challenge")} & {asked[1][name] for name in ("state", "nonce")}


def forged(said: dict[str, Any], key: Any, algorithm: str | None, **header: Any) -> str:
    return jwt.encode(said, key, algorithm=algorithm, headers=header)


def with_the_public_key_as_a_secret(signer: Signer, said: dict[str, Any]) -> str:
    """What takes a library in that asks the token how it is signed: the provider's public key, used as if it were shared."""
    import base64
    import hashlib
    import hmac
    import json

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    public = signer.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = part(json.dumps({"alg": "HS256", "kid": signer.name}).encode()) + "." + part(json.dumps(said).encode())
    return f"{head}.{part(hmac.new(public, head.encode(), hashlib.sha256).digest())}"


HOUR = 3_600
WRONG_CLAIMS: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("OIDC-ISSUER", {"iss": "https://evil.example"}),
    "an issuer that only begins alike": ("OIDC-ISSUER", {"iss": "http://127.0.0.1"}),
    "no issuer": ("OIDC-CLAIM", {"iss": None}),
    "another audience": ("OIDC-AUDIENCE", {"aud": "another client"}),
    "several audiences and no party": ("OIDC-AUDIENCE", {"aud": [CLIENT, "another client"]}),
    "another authorised party": ("OIDC-AUDIENCE", {"azp": "another client"}),
    "no audience": ("OIDC-CLAIM", {"aud": None}),
    "over": ("OIDC-TIME", {"exp": int(time.time()) - HOUR}),
    "no end": ("OIDC-CLAIM", {"exp": None}),
    "from the future": ("OIDC-TIME", {"iat": int(time.time()) + HOUR}),
    "not yet": ("OIDC-TIME", {"nbf": int(time.time()) + HOUR}),
    "another nonce": ("OIDC-NONCE", {"nonce": "another"}),
    "no nonce": ("OIDC-NONCE", {"nonce": None}),
    "a nonce that is no text": ("OIDC-NONCE", {"nonce": 1}),
    "nobody": ("OIDC-CLAIM", {"sub": None}),
    "nobody here": ("OIDC-PERSON", {"sub": "stranger"}),
    "a name in another case": ("OIDC-PERSON", {"sub": "Officer"}),
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
def test_a_token_that_is_not_for_this_sign_in_signs_nobody_in(provided: Provided, wrong: str) -> None:
    """Rightly signed by the provider, and about somebody, somewhere or some time else."""
    rule, provided.issuer.claims = WRONG_CLAIMS[wrong]
    browser = provided.browser()
    answer = provided.sign_in(browser)
    assert (answer.status_code, answer.json()["rules"]) == (403, [rule])
    assert "lifecycle-desk" not in browser.client.cookies


def forgeries(issuer: Issuer) -> dict[str, Any]:
    other = Signer("first")
    return {
        "no signature": lambda said: forged(said, None, "none", kid="first"),
        "another key under the right name": lambda said: Issuer.signed(said, other),
        "a key that is not published": lambda said: Issuer.signed(said, Signer("second")),
        "a secret": lambda said: forged(said, "x" * 32, "HS256", kid="first"),
        "the public key as a secret": lambda said: with_the_public_key_as_a_secret(issuer.signer, said),
        "the key in the token itself": lambda said: forged(said, other.private, "ES256", jwk=other.public),
        "what it must be understood by": lambda said: forged(said, issuer.signer.private, "ES256", kid="first", crit=["b64"], b64=True),
        "a changed claim": lambda said: _changed(Issuer.signed(said, issuer.signer)),
        "no token": lambda said: "not a token",
        "no text": lambda said: "\x00.\x00.\x00",
    }


def _changed(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body[:-4]}AAAA.{signature}"


@pytest.mark.parametrize("forgery", forgeries(Issuer()))
def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(provided: Provided, forgery: str) -> None:
    """Whatever it says of how it is signed."""
    provided.issuer.forge = forgeries(provided.issuer)[forgery]
    browser = provided.browser()
    answer = provided.sign_in(browser)
    assert answer.status_code == 403
    assert answer.json()["rules"][0] in ("OIDC-SIGNATURE", "OIDC-TOKEN")
    assert "lifecycle-desk" not in browser.client.cookies


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256"])
def test_a_key_of_either_kind_counts(provided: Provided, algorithm: str) -> None:
    """As providers use them."""
    provided.issuer.signer = Signer("first", algorithm)
    assert provided.sign_in(provided.browser()).status_code == 200


def test_a_provider_that_changed_its_keys_is_believed_after_a_look(provided: Provided, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are read again for one that is not there, and the old one counts no more; not more often than every few seconds."""
    browser = provided.browser()
    assert provided.sign_in(browser).status_code == 200
    old, provided.issuer.signer = provided.issuer.signer, Signer("second")
    assert provided.sign_in(browser).json()["rules"] == ["OIDC-SIGNATURE"]
    assert provided.issuer.asked.count("/keys") == 1
    monkeypatch.setattr(discovery, "AGAIN_SECONDS", 0.0)
    assert provided.sign_in(browser).status_code == 200
    provided.issuer.forge = lambda said: Issuer.signed(said, old)
    assert provided.sign_in(browser).json()["rules"] == ["OIDC-SIGNATURE"]


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}],
        [{"kty": "EC", "kid": "first"}],
        ["no key"],
        [Signer("first").public | {"kid": "first"}, Signer("first").public | {"kid": "first"}],
    ],
    ids=["none", "a secret", "half a key", "no object", "two of one name"],
)
def test_keys_that_are_none_count_for_nothing(provided: Provided, keys: list[Any]) -> None:
    """Nobody is signed in by a key that the provider might not have meant."""
    provided.issuer.keys = keys
    assert provided.sign_in(provided.browser()).json()["rules"] == ["OIDC-SIGNATURE"]


def test_a_short_key_counts_for_nothing(provided: Provided) -> None:
    """RSA of 1,024 bits has been broken often enough."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    short = Signer("first", "RS256", rsa.generate_private_key(65537, 1024))  # the point of the test
    provided.issuer.signer = short
    provided.issuer.forge = lambda said: "e30.e30.e30"
    provided.issuer.forge = lambda said: _rs256(said, short)
    assert provided.sign_in(provided.browser()).json()["rules"] == ["OIDC-SIGNATURE"]


def _rs256(said: dict[str, Any], signer: Signer) -> str:
    """A token by a key that PyJWT warns of."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Issuer.signed(said, signer)


def test_an_answer_counts_once(provided: Provided) -> None:
    """Whoever reads the address of the page that came back gets nowhere with it, not even in the same browser."""
    browser = provided.browser()
    back = provided.answer(browser)
    assert browser.client.get(back).status_code == 200
    again = browser.client.get(back, headers={"Accept": "application/json"})
    assert (again.status_code, again.json()["rules"]) == (403, ["OIDC-STATE"])


def test_an_answer_counts_in_the_browser_that_was_sent(provided: Provided) -> None:
    """Nobody is signed in as somebody else by a link that was prepared for them; the attempt uses the answer up."""
    attacker, victim = provided.browser(), provided.browser()
    back = provided.answer(attacker)
    provided.set_out(victim)
    answer = victim.client.get(back, headers={"Accept": "application/json"})
    assert answer.json()["rules"] == ["OIDC-STATE"]
    assert "lifecycle-desk" not in victim.client.cookies
    assert attacker.client.get(back).status_code == 403


def test_an_answer_that_comes_too_late_counts_no_more(provided: Provided, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes is what somebody may take at the provider."""
    from lifecycle.desk.provider import signing_in
    from lifecycle.records.identity import now_us

    browser = provided.browser()
    back = provided.answer(browser)
    monkeypatch.setattr(signing_in, "now_us", lambda: now_us() + 601_000_000)
    assert browser.client.get(back, headers={"Accept": "application/json"}).json()["rules"] == ["OIDC-STATE"]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"iss": "https://evil.example"}, "OIDC-ISSUER"),
        ({"iss": None}, "OIDC-ISSUER"),
        ({"state": "another"}, "OIDC-STATE"),
        ({"state": None}, "OIDC-STATE"),
        ({"code": "another"}, "OIDC-CODE"),
        ({"code": None, "error": "access_denied"}, "OIDC-CODE"),
    ],
)
def test_an_answer_with_something_else_in_it_signs_nobody_in(provided: Provided, changed: dict[str, str | None], rule: str) -> None:
    """By another provider (RFC 9207), to another question, with a code that was never given, or a no."""
    browser = provided.browser()
    back = urlsplit(provided.answer(browser))
    said = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
    query = urlencode({name: value for name, value in said.items() if value is not None})
    answer = browser.client.get(f"{back.path}?{query}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["rules"]) == (403, [rule])


def test_an_answer_that_says_something_twice_is_none(provided: Provided) -> None:
    """Which of two codes is meant can't be told."""
    browser = provided.browser()
    assert browser.client.get(f"{provided.answer(browser)}&code=another").status_code == 400


def test_what_the_provider_says_of_an_error_is_not_repeated(provided: Provided) -> None:
    """Whoever made the link may have written it."""
    browser = provided.browser()
    state = provided.set_out(browser)["state"]
    said = urlencode({"state": state, "error": "x", "error_description": "Call 555-0100", "iss": provided.issuer.url})
    assert "555-0100" not in browser.client.get(f"/sign-in/return?{said}").text


def test_roles_are_given_by_the_registry_and_taken_by_the_provider(provided: Provided) -> None:
    """A session has what both say; what only the provider says is nobody's, and without a word of it there is none."""
    provided.with_settings(role_claim="realm_access.roles")
    enrol(provided.desk.departments, "dora", roles=("risk", "operator"))
    provided.issuer.person = "dora"
    for said, used in (({"roles": ["operator", "governor"]}, "operator"), ({"roles": []}, ""), ({}, "")):
        provided.issuer.claims = {"realm_access": said}
        browser = provided.browser()
        assert provided.sign_in(browser).status_code == 200
        page = read(browser.client.get("/ledger").text)
        assert "".join(one.says for one in page.one("form", class_="who").all("span", class_="quiet")) == used


def test_a_role_that_the_provider_withholds_approves_nothing(provided: Provided) -> None:
    """Though the registry gives it, and the passkey is enrolled: whoever left the office at the provider has left it here."""
    provided.with_settings(role_claim="roles")
    browser = provided.browser()
    provided.issuer.claims = {"roles": ["risk"]}
    assert provided.sign_in(browser).status_code == 200
    assert browser.register(provided.desk.link("officer")).status_code == 200
    provided.issuer.claims = {"roles": ["operator"]}
    assert provided.sign_in(browser).status_code == 200
    refused = browser.begin()
    assert (refused.status_code, refused.json()["rules"]) == (403, ["OIDC-ROLE"])
    provided.issuer.claims = {"roles": ["risk"]}
    assert provided.sign_in(browser).status_code == 200
    assert browser.finish(browser.begin()).status_code == 200
    assert "ApprovalGiven" in provided.desk.types()


def test_nobody_comes_in_by_a_passkey_past_the_provider(provided: Provided) -> None:
    """Neither by signing in with one, nor by a session that one began before the provider was there."""
    browser = provided.browser()
    begun = browser.post("/sign-in/begin", {})
    assert (begun.status_code, begun.json()["rules"]) == (403, ["SIGN-IN-PROVIDER"])
    assert browser.post("/sign-in/finish", {"challenge_id": "x", "credential": {}}).json()["rules"] == ["SIGN-IN-PROVIDER"]
    sessions = Sessions(DeskStore(provided.desk.settings.folder), provided.desk.settings)
    assert signed_in_as(with_session(provided.browser(), sessions.begin("officer", "passkey:1"))) is None


def test_a_session_by_the_provider_s_word_ends_where_there_is_no_provider_any_more(provided: Provided) -> None:
    """The settings say who vouches, and a session knows who did."""
    browser = provided.browser()
    provided.sign_in(browser)
    session = browser.client.cookies["lifecycle-desk"]
    assert signed_in_as(with_session(provided.browser(), session)) == "somebody"
    provided.desk.settings = replace(provided.desk.settings, provider=None)
    assert signed_in_as(with_session(provided.browser(), session)) is None


def with_session(browser: Browser, session: str) -> Browser:
    browser.client.cookies.set("lifecycle-desk", session)
    return browser


def test_a_stolen_invitation_is_worth_nothing_behind_a_provider(provided: Provided) -> None:
    """A passkey is registered by the person whom the link was made for, signed in, and by nobody else."""
    enrol(provided.desk.departments, "mallory")
    browser = provided.browser()
    link = provided.desk.link("officer")
    assert browser.register(link).json()["rules"] == ["SIGN-IN"]
    provided.issuer.person = "mallory"
    provided.sign_in(browser)
    assert browser.register(link).json()["rules"] == ["SIGN-IN"]
    provided.issuer.person = "officer"
    provided.sign_in(browser)
    assert browser.register(link).status_code == 200


def test_nothing_secret_of_the_way_is_kept_readable_or_logged(provided: Provided, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the browser's secret nor the state nor the session stands in the desk's file, and no log has a code or a token."""
    caplog.set_level(0)
    browser = provided.browser()
    asked = provided.set_out(browser)
    way = browser.client.cookies["lifecycle-desk-way"]
    kept = b"".join(file.read_bytes() for file in provided.desk.settings.folder.iterdir())
    assert way.encode() not in kept
    assert asked["state"].encode() not in kept
    back = urlsplit(provided.issuer.authorize(asked))
    browser.client.get(f"{back.path}?{back.query}")
    said = "\n".join(f"{record.getMessage()}" for record in caplog.records if record.name.startswith("lifecycle"))
    assert "officer signed in through" in said
    for secret in (way, asked["state"], asked["nonce"], browser.client.cookies["lifecycle-desk"], parse_qs(back.query)["code"][0]):
        assert secret not in said

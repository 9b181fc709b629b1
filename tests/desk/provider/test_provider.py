"""The provider itself: whom the desk believes to be it, over which connection, and what is said where it does not answer."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from lifecycle.desk.provider.settings import ProviderSettings
from lifecycle.errors import InvalidDeclaration
from lifecycle.settings import Settings
from tests.desk.desks import JSON
from tests.desk.provider.certificates import Authority
from tests.desk.provider.conftest import Provided
from tests.desk.provider.issuer import Issuer, listening


def told(provided: Provided) -> Any:
    """What the desk says to somebody who sets out for the provider."""
    return provided.browser().client.get("/sign-in/provider", headers=JSON)


@pytest.mark.parametrize(
    ("published", "word"),
    [
        ({"issuer": "https://evil.example"}, "calls itself 'https://evil.example'"),
        ({"issuer": None}, "calls itself 'None'"),
        ({"authorization_endpoint": "http://evil.example/authorize"}, "over TLS"),
        ({"token_endpoint": "http://evil.example/token"}, "over TLS"),
        ({"jwks_uri": "file:///etc/passwd"}, "over TLS"),
        ({"jwks_uri": None}, "over TLS"),
        ({"token_endpoint": ["https://a.example"]}, "over TLS"),
        ({"authorization_endpoint": "https://user:word@a.example/"}, "over TLS"),
    ],
)
def test_a_provider_that_publishes_what_can_not_be_trusted_is_not_gone_to(provided: Provided, published: dict[str, Any], word: str) -> None:
    """In words, as something that does not answer; nobody is sent anywhere."""
    provided.issuer.published = published
    answer = told(provided)
    assert answer.status_code == 503
    assert word in answer.json()["what"]
    assert "location" not in answer.headers


def test_a_provider_that_is_away_is_told_and_nobody_comes_in(provided: Provided) -> None:
    """Nor does the desk go down with it: who is signed in stays so."""
    browser = provided.browser()
    assert provided.sign_in(browser).status_code == 200
    provided.with_settings(issuer="http://127.0.0.1:9")
    assert told(provided).status_code == 503
    session = browser.client.cookies["lifecycle-desk"]
    assert provided.browser().client.get("/sign-in", headers={"Cookie": f"lifecycle-desk={session}"}).status_code == 303


def test_a_provider_that_goes_away_on_the_way_signs_nobody_in(provided: Provided) -> None:
    """The code is used up by it, and the next sign-in begins anew."""
    browser = provided.browser()
    back = provided.answer(browser)
    provided.issuer.published = {"token_endpoint": "http://127.0.0.1:9/token"}
    provided.desk.browsers.clear()
    answer = browser.client.get(back, headers=JSON)
    # The desk goes by what it read before, and the endpoint of that answers.
    assert answer.status_code == 200
    fresh = provided.browser()
    fresh_answer = fresh.client.get(provided.answer(fresh), headers=JSON)
    assert fresh_answer.status_code == 503
    assert "lifecycle-desk" not in fresh.client.cookies


@pytest.mark.parametrize("basic", [True, False], ids=["as a password", "in the form"])
def test_the_desk_s_secret_goes_as_the_provider_takes_it(provided: Provided, basic: bool) -> None:
    """By its own list of ways; a wrong secret is told as a code that was not taken."""
    provided.issuer.published = {"token_endpoint_auth_methods_supported": ["client_secret_basic" if basic else "client_secret_post"]}
    assert provided.sign_in(provided.browser()).status_code == 200
    provided.with_settings(client_secret="another")  # the point of the test
    assert provided.sign_in(provided.browser()).json()["rules"] == ["OIDC-CODE"]


def test_a_provider_over_tls_is_believed_by_its_certificate(provided: Provided, tmp_path: Path) -> None:
    """One of the authority that was declared; nobody is sent to one of any other."""
    declared, other = Authority(tmp_path / "declared"), Authority(tmp_path / "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*declared.certificate("127.0.0.1"))
    with listening(Issuer(), context) as issuer:
        provided.issuer = issuer
        provided.with_settings(issuer=issuer.url, authority=declared.file)
        assert provided.sign_in(provided.browser()).status_code == 200
        for authority in (other.file, None):
            provided.with_settings(authority=authority)
            assert told(provided).status_code == 503


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"issuer": "http://sign-on.example.com"}, "over TLS"),
        ({"issuer": "sign-on.example.com"}, "over TLS"),
        ({"issuer": "https://"}, "over TLS"),
        ({"issuer": "https://sign-on.example.com:port"}, "over TLS"),
        ({"issuer": "https://sign-on.example.com?realm=a"}, "over TLS"),
        ({"issuer": "https://user@sign-on.example.com"}, "over TLS"),
        ({"client_id": " "}, "by no name"),
        ({"scopes": "profile"}, "no ID token"),
    ],
)
def test_a_provider_that_could_be_spoken_to_by_others_is_not_taken(given: dict[str, Any], word: str) -> None:
    """When the desk starts, and with the setting that mends it."""
    with pytest.raises(InvalidDeclaration, match=word) as wrong:
        ProviderSettings(**{"issuer": "https://sign-on.example.com", "client_id": "desk"} | given)
    assert "LIFECYCLE_DESK_OIDC" in wrong.value.next_step


def test_the_environment_names_the_provider(tmp_path: Path) -> None:
    """All of it, with the secret from its file; the secret is in no text of the settings."""
    (tmp_path / "secret").write_text("hidden\n")
    environ = {
        "LIFECYCLE_PROJECT": str(tmp_path),
        "LIFECYCLE_DESK_OIDC_ISSUER": "https://sign-on.example.com",
        "LIFECYCLE_DESK_OIDC_CLIENT_ID": "desk",
        "LIFECYCLE_DESK_OIDC_SECRET_FILE": str(tmp_path / "secret"),
        "LIFECYCLE_DESK_OIDC_PERSON_CLAIM": "employee",
        "LIFECYCLE_DESK_OIDC_ROLE_CLAIM": "groups",
    }
    found = ProviderSettings.of(Settings.from_environment(environ).desk.provider)
    assert found is not None
    assert (found.client_secret, found.person_claim, found.role_claim, found.scopes) == ("hidden", "employee", "groups", "openid profile")
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    "environ",
    [
        {"LIFECYCLE_DESK_OIDC_CLIENT_ID": "desk"},
        {"LIFECYCLE_DESK_OIDC_ISSUER": "https://sign-on.example.com"},
        {
            "LIFECYCLE_DESK_OIDC_ISSUER": "https://sign-on.example.com",
            "LIFECYCLE_DESK_OIDC_CLIENT_ID": "desk",
            "LIFECYCLE_DESK_OIDC_SECRET_FILE": "/nowhere/secret",
        },
    ],
    ids=["no issuer", "no client", "no secret"],
)
def test_half_a_provider_is_told_and_none(tmp_path: Path, environ: dict[str, str]) -> None:
    """A desk that was meant to stand behind one does not start without it."""
    with pytest.raises(InvalidDeclaration):
        ProviderSettings.of(Settings.from_environment({"LIFECYCLE_PROJECT": str(tmp_path)} | environ).desk.provider)

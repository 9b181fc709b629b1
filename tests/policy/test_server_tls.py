"""An OPA server behind TLS: asked over a connection that its authority vouches for, and over no other."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.server import ServerEngine
from lifecycle.policy.shipping import await_revision
from tests.desk.provider.certificates import Authority
from tests.policy import server
from tests.policy.questions import NOBODY_DIGEST, good


@dataclass(frozen=True)
class Served:
    """A server with a certificate of a local authority."""

    url: str
    authority: Path


@pytest.fixture(scope="module")
def served(tool: Callable[[str], str], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA with a certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "ours")
    certificate, key = authority.certificate("127.0.0.1")
    with server.running(tool("opa"), bundle, folder, secured=server.Secured(certificate, key, authority.file)) as url:
        yield Served(url, authority.file)


def test_a_server_is_asked_over_tls(served: Served, governance: Path, bundle: Bundle) -> None:
    """With its authority named, the keeper of production decides on it, as it is made from settings."""
    keeper = GateKeeper.open(
        governance,
        environment="production",
        people_digest=NOBODY_DIGEST,
        opa_url=served.url,
        opa_token=server.TOKEN,
        opa_ca=str(served.authority),
    )
    question = good(bundle, "rollback")
    target = question.target.model_copy(update={"environment": "production"})
    decision = keeper.ask(question.model_copy(update={"target": target}))
    assert decision.allowed
    assert decision.policy.engine == "opa"
    await_revision(served.url, server.TOKEN, bundle, ca_file=str(served.authority), seconds=30)


def test_an_authority_that_did_not_sign_it_is_refused(served: Served, bundle: Bundle, tmp_path: Path) -> None:
    """Neither another authority nor the system's vouch for it: no answer is ever believed, and so no keeper opens."""
    for authority in (str(Authority(tmp_path / "another").file), None):
        with pytest.raises(Unavailable, match="is not ready"):
            ServerEngine(served.url, server.TOKEN, bundle, ca_file=authority)


def test_a_certificate_for_another_name_is_refused(tool: Callable[[str], str], bundle: Bundle, tmp_path: Path) -> None:
    """The right authority vouched, but not for this address."""
    authority = Authority(tmp_path / "ours")
    certificate, key = authority.certificate("127.0.0.1")
    (tmp_path / "opa").mkdir()
    secured = server.Secured(certificate, key, authority.file)
    with server.running(tool("opa"), bundle, tmp_path / "opa", secured=secured) as url, pytest.raises(Unavailable, match="is not ready"):
        ServerEngine(url.replace("127.0.0.1", "localhost"), server.TOKEN, bundle, ca_file=str(authority.file))


def test_plain_http_to_a_server_with_tls_gets_nothing(served: Served, bundle: Bundle) -> None:
    """The token is not answered over a connection that anybody reads."""
    with pytest.raises(LifecycleError):
        ServerEngine(served.url.replace("https", "http"), server.TOKEN, bundle)


def test_neither_proxies_nor_certificates_of_the_environment_count(
    served: Served, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the environment can neither add an authority nor lead the questions elsewhere."""
    other = str(Authority(tmp_path / "another").file)
    for name, value in {"HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", "REQUESTS_CA_BUNDLE": other}.items():
        monkeypatch.setenv(name, value)
    engine = ServerEngine(served.url, server.TOKEN, bundle, ca_file=str(served.authority))
    assert isinstance(engine.answer("rollback", good(bundle, "rollback").as_json()).value, dict)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(served.authority))
    with pytest.raises(Unavailable):
        ServerEngine(served.url, server.TOKEN, bundle, ca_file=other)


def test_a_file_that_is_no_authority_is_said(served: Served, bundle: Bundle, tmp_path: Path) -> None:
    """No file, and a file that is none, before any question."""
    with pytest.raises(InvalidDeclaration, match="no file"):
        ServerEngine(served.url, server.TOKEN, bundle, ca_file=str(tmp_path / "absent.pem"))
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(LifecycleError):
        ServerEngine(served.url, server.TOKEN, bundle, ca_file=str(tmp_path / "no.pem"))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/policies/mine", b"package gov.rollback\ndecision := true"),
        ("DELETE", "/v1/policies/gov", None),
        ("PUT", "/v1/data/limits", b"{}"),
        ("PATCH", "/v1/data/limits", b"[]"),
        ("POST", "/v1/query", b'{"query": "data.limits"}'),
        ("POST", "/v1/compile", b'{"query": "data.limits"}'),
        ("GET", "/v1/config", None),
    ],
)
def test_nobody_pushes_into_a_server(
    tool: Callable[[str], str], bundle: Bundle, tmp_path: Path, method: str, path: str, body: bytes
) -> None:
    """As it is set up here and in production, the right token asks gates, and does nothing else: 401; the gates stay as they were."""
    with server.running(tool("opa"), bundle, tmp_path) as url:
        headers = {
            "Authorization": f"Bearer {server.TOKEN}",
            "Content-Type": "text/plain" if path.startswith("/v1/policies") else "application/json",
        }
        request = urllib.request.Request(url + path, data=body, method=method, headers=headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 401
        refused.value.close()
        decided = ServerEngine(url, server.TOKEN, bundle).answer("rollback", good(bundle, "rollback").as_json()).value
    assert isinstance(decided, dict)
    assert decided["allow"] is True

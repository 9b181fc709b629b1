"""The OPA server as an engine: the same answers, and closed in every way that a server can fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.opa import check_with_opa
from lifecycle.policy.server import ServerEngine
from lifecycle.records.gates import GateInput
from tests.policy import server
from tests.policy.breaks import BREAKS, NEEDS_HIGH_RISK
from tests.policy.projects import copied, edit
from tests.policy.questions import NOBODY_DIGEST, good


@pytest.fixture(scope="module")
def opa_url(tool: Callable[[str], str], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OPA server on this project's bundle."""
    with server.running(tool("opa"), bundle, tmp_path_factory.mktemp("opa")) as url:
        yield url


@pytest.fixture(scope="module")
def authority(opa_url: str, bundle: Bundle) -> GateKeeper:
    """A keeper on the real server, in production."""
    return GateKeeper(ServerEngine(opa_url, server.TOKEN, bundle), bundle, people_digest=NOBODY_DIGEST, environment="production")


def in_production(question: GateInput) -> GateInput:
    target = question.target.model_copy(update={"environment": "production"})
    approvals = tuple(approval.model_copy(update={"environment": "production"}) for approval in question.approvals)
    return question.model_copy(update={"target": target, "approvals": approvals})


def test_the_policies_pass_the_checks_of_opa(tool: Callable[[str], str], governance: Path, bundle: Bundle) -> None:
    """Strict compilation, formatting and every test in Rego, by the engine that is the authority."""
    tool("opa")
    assert [check.said for check in check_with_opa(governance, bundle) if not check.passed] == []


def test_a_test_in_rego_that_fails_is_shown(tool: Callable[[str], str], governance: Path, tmp_path: Path) -> None:
    """A weaker rule is caught by the tests beside it."""
    tool("opa")
    copy = copied(governance, tmp_path)
    edit(
        copy,
        "policies/gates/rollback/rollback.rego",
        'passed contains "RBK-004" if input.evidence.to_revoked == false',
        'passed contains "RBK-004" if input.now_us >= 0',
    )
    failed = [check for check in check_with_opa(copy, Bundle.load(copy)) if not check.passed]
    assert [check.name for check in failed] == ["opa test", "opa test --coverage, all of it"]
    assert "test_revoked" in failed[0].said


@pytest.mark.parametrize(("gate", "rule"), sorted(BREAKS))
def test_both_engines_name_the_same_rules(bundle: Bundle, keeper: GateKeeper, authority: GateKeeper, gate: str, rule: str) -> None:
    """Verdict, rules and obligations of the embedded engine are those of the authority."""
    question = BREAKS[gate, rule](bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
    here, there = keeper.ask(question), authority.ask(in_production(question))
    assert there.policy.engine == "opa"
    assert here.result.outcome == there.result.outcome
    assert [failure.rule for failure in here.result.violations] == [failure.rule for failure in there.result.violations]
    assert [failure.rule for failure in here.result.warnings] == [failure.rule for failure in there.result.warnings]
    assert here.result.obligations == there.result.obligations
    assert here.result.required_approvals == there.result.required_approvals


@pytest.mark.parametrize("gate", ["data_access", "training_budget", "promotion", "deployment", "rollback"])
def test_the_server_allows_what_is_good(bundle: Bundle, authority: GateKeeper, gate: str) -> None:
    """Production decides on the server, and the decision says by which version of it."""
    decision = authority.ask(in_production(good(bundle, gate)))
    assert decision.allowed
    assert (decision.policy.engine, decision.policy.package) == ("opa", f"gov.{gate}")
    assert decision.policy.engine_version.startswith("1.")


def test_a_wrong_token_opens_nothing(opa_url: str, bundle: Bundle) -> None:
    """Without the token there is no answer, and so no keeper."""
    with pytest.raises(InvalidDeclaration, match="did not answer"):
        GateKeeper(ServerEngine(opa_url, "another", bundle), bundle, people_digest=NOBODY_DIGEST, environment="production")


def test_a_server_with_other_policies_is_not_believed(opa_url: str, governance: Path, tmp_path: Path) -> None:
    """The revision in the provenance must be the digest of the bundle that we hold."""
    copy = copied(governance, tmp_path)
    edit(copy, "limits/consumer_credit.yaml", "{value: 0.78, from: 0.65", "{value: 0.65, from: 0.65")
    bundle = Bundle.load(copy)
    with pytest.raises(EngineFailure) as failure:
        ServerEngine(opa_url, server.TOKEN, bundle).answer("rollback", good(bundle, "rollback").as_json())
    assert failure.value.rule == "SYS-008"


def test_a_server_that_is_down_is_unavailable(bundle: Bundle) -> None:
    """Nobody listens: clear words, at the start."""
    with pytest.raises(Unavailable, match="is not ready"):
        ServerEngine("http://127.0.0.1:9", None, bundle)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8181", "ftp://localhost", "http://opa.example.org", "https://"])
def test_an_address_that_must_not_be_asked_is_refused(bundle: Bundle, url: str) -> None:
    """No address, another scheme, or plain HTTP to another machine."""
    with pytest.raises(InvalidDeclaration):
        ServerEngine(url, None, bundle)


def test_a_server_killed_between_two_questions_denies(tool: Callable[[str], str], bundle: Bundle, tmp_path: Path) -> None:
    """The keeper comes back with a denial: SYS-001."""
    with server.running(tool("opa"), bundle, tmp_path) as url:
        keeper = GateKeeper(ServerEngine(url, server.TOKEN, bundle), bundle, people_digest=NOBODY_DIGEST, environment="production")
        question = in_production(good(bundle, "rollback"))
        assert keeper.ask(question).allowed
    assert [violation.rule for violation in keeper.ask(question).result.violations] == ["SYS-001"]


@dataclass
class Said:
    """What a server that is not OPA answers to a question."""

    status: int = 200
    body: bytes = b"{}"
    wait_s: float = 0.0


@contextmanager
def pretending(said: Said) -> Iterator[str]:
    """A server that is healthy and answers every question like this."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, b"{}")

        def do_POST(self) -> None:
            released.wait(said.wait_s)
            self._send(said.status, said.body)

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
    finally:
        released.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (Said(body=b"{}"), "SYS-008"),
        (Said(body=b'{"result": {"allow": true}}'), "SYS-008"),
        (Said(body=b'{"result": {"allow": true}, "provenance": {"bundles": {"b": {"revision": "sha256:other"}}}}'), "SYS-008"),
        (Said(body=b"not json"), "SYS-001"),
        (Said(body=b"[]"), "SYS-008"),
        (Said(status=500, body=b'{"code": "internal_error"}'), "SYS-001"),
        (Said(status=401), "SYS-001"),
        (Said(wait_s=30.0), "SYS-001"),
    ],
)
def test_a_server_that_answers_something_else_denies(bundle: Bundle, said: Said, rule: str) -> None:
    """Undefined, no provenance, a stale bundle, an error, no JSON, too slow: each is no answer."""
    with pretending(said) as url:
        engine = ServerEngine(url, None, bundle, timeout_seconds=0.3)
        with pytest.raises(EngineFailure) as failure:
            engine.answer("rollback", good(bundle, "rollback").as_json())
    assert failure.value.rule == rule


def test_undefined_under_the_right_revision_is_no_answer(bundle: Bundle) -> None:
    """The client says `{}` for a rule that is undefined; without a result there is no decision."""
    body = json.dumps({"provenance": {"version": "1", "bundles": {"b": {"revision": bundle.revision}}}}).encode()
    with pretending(Said(body=body)) as url, pytest.raises(EngineFailure) as failure:
        ServerEngine(url, None, bundle).answer("rollback", good(bundle, "rollback").as_json())
    assert failure.value.rule == "SYS-002"

"""An OPA server that is somebody else: it drips, floods, sends questions elsewhere, and says of itself what no record can hold."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lifecycle.errors import Unavailable
from lifecycle.policy import bounded
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.engine import Answer
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.posing import posed
from lifecycle.policy.server import ServerEngine
from lifecycle.records.gates import Decision
from tests.attacks.test_hostile_servers import Behaviour, dripping, says, serving
from tests.policy.questions import NOBODY_DIGEST, good

SECONDS = 1.0


class Behind:
    """The honest engine while the canaries are sung, and then a server that behaves as it does."""

    name = "opa"

    def __init__(self, honest: EmbeddedEngine) -> None:
        self.now: ServerEngine | EmbeddedEngine = honest

    @property
    def version(self) -> str:
        return self.now.version

    def answer(self, gate: str, question: Any) -> Answer:
        return self.now.answer(gate, question)


@pytest.fixture(scope="module")
def honest(bundle: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(bundle)


@pytest.fixture
def behind(honest: EmbeddedEngine) -> Behind:
    return Behind(honest)


def answered(bundle: Bundle, behind: Behind, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> Decision:
    """What a keeper makes of a good question to this server."""
    keeper = GateKeeper(behind, bundle, people_digest=NOBODY_DIGEST, environment="local")
    with serving(behaviour) as url:
        monkeypatch.setattr("opa_client.opa.OpaClient.check_health", lambda *_, **__: True)
        behind.now = ServerEngine(url, None, bundle, timeout_seconds=SECONDS)
        return keeper.ask(good(bundle, "rollback"))


def rules(decision: Decision) -> list[str]:
    assert not decision.allowed
    decision.canonical()
    return [violation.rule for violation in decision.result.violations]


def allowance(bundle: Bundle, honest: EmbeddedEngine, **said: Any) -> bytes:
    """The honest answer to the good question, in a response of which something else is as given."""
    question = good(bundle, "rollback")
    result = honest.answer("rollback", posed(question.canonical(), bundle, "rollback")).value
    provenance = {"version": "1.18.1", "bundles": {"gov": {"revision": bundle.revision}}, **said.pop("provenance", {})}
    return json.dumps({"result": result, "provenance": provenance, **said}).encode()


def whole(content: bytes) -> Behaviour:
    return says(f"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: {len(content)}", content)


def test_the_honest_answer_is_believed_from_anybody(
    bundle: Bundle, honest: EmbeddedEngine, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what denies below is what is wrong in it."""
    assert answered(bundle, behind, whole(allowance(bundle, honest, decision_id="a-1")), monkeypatch).logged_as == "a-1"


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["in its head", "in its body"])
def test_a_server_that_drips_denies_at_the_deadline(bundle: Bundle, behind: Behind, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    """A byte every tenth of a second: no read is ever late, and the gate is not held for it."""
    began = time.monotonic()
    assert rules(answered(bundle, behind, dripping(start), monkeypatch)) == ["SYS-001"]
    assert time.monotonic() - began < 30 * SECONDS


@pytest.mark.parametrize("behaviour", [dripping(b"HTTP/1.1 200 OK\r\nX: "), says("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:1/")])
def test_a_server_that_does_not_say_whether_it_is_ready_is_not(bundle: Bundle, behaviour: Behaviour) -> None:
    """Clear words at the start, and no error of a library."""
    with serving(behaviour) as url, pytest.raises(Unavailable, match="is not ready"):
        ServerEngine(url, None, bundle, timeout_seconds=SECONDS)


def test_an_endless_answer_denies(bundle: Bundle, behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read up to what an answer can be, and no further."""
    monkeypatch.setattr(bounded, "MOST_BYTES", 1 << 20)

    def flood(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * 65_536)

    assert rules(answered(bundle, behind, flood, monkeypatch)) == ["SYS-001"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_question_is_sent_nowhere_else(
    bundle: Bundle, honest: EmbeddedEngine, behind: Behind, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Not to a server that would answer it as the right one does."""
    asked: list[bool] = []

    def elsewhere(connection: Any) -> None:
        asked.append(True)
        whole(allowance(bundle, honest))(connection)

    with serving(elsewhere) as url:
        behaviour = says(f"HTTP/1.1 {status} Moved\nLocation: {url}/v1/data/gov/rollback/decision\nContent-Length: 0")
        assert rules(answered(bundle, behind, behaviour, monkeypatch)) == ["SYS-001"]
    assert asked == []


@pytest.mark.parametrize(
    "said",
    [
        *({"decision_id": name} for name in ("", "a\n", "\ud800", "a" * 200, 7, ["a"], {"a": 1}, "\x1b[2J", "../x")),
        *({"provenance": {"version": version}} for version in ("\ud800", "1\n", "v" * 10_000, 1, None, ["1"], "\x1b[2J")),
    ],
    ids=lambda said: ascii(said)[:60],
)
def test_what_no_record_can_hold_denies_and_is_recorded(
    bundle: Bundle, honest: EmbeddedEngine, behind: Behind, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    """Half a character, a line end, an escape for a terminal, too much, no text: SYS-002, in a decision that has canonical bytes."""
    assert rules(answered(bundle, behind, whole(allowance(bundle, honest, **said)), monkeypatch)) == ["SYS-002"]

"""Every way in which an engine was seen to fail open, tried on both engines: closed by the schema, by the keeper, or by the engine itself.

The table is that of the measurements which the adapter was built on; each hazard names the test that shows it closed.
"""

from __future__ import annotations

import ast
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.server import ServerEngine
from lifecycle.records.gates import GateInput
from tests.policy import server
from tests.policy.projects import copied, edit
from tests.policy.questions import NOBODY_DIGEST, changed, good

#: Hazard → the tests that show it closed, as `file::test`, on both engines unless the hazard is of one alone.
CLOSED_BY: dict[str, tuple[str, ...]] = {
    "a text that writes the answer": ("test_policy_hazards.py::test_bad_evidence_is_denied_whatever_the_texts_say",),
    "times as text, with Z": ("test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",),
    "NaN, infinities, integers past 2^53": ("test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",),
    "type confusion and the order of types": ("test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",),
    "missing keys": (
        "test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",
        "test_policy_hazards.py::test_a_key_that_is_missing_past_the_schema_is_no_allowance",
    ),
    "duplicate keys": ("test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",),
    "lone surrogates": ("test_policy_hazards.py::test_the_schema_refuses_it_before_either_engine",),
    "huge": ("test_policy_hazards.py::test_huge_and_deep_never_reach_an_engine",),
    "deep": ("test_policy_hazards.py::test_huge_and_deep_never_reach_an_engine",),
    "numbers at the edge of a double": ("test_policy_hazards.py::test_no_number_turns_a_denial",),
    "regex bombs, clocks, chance, the network": ("test_policy_hazards.py::test_a_policy_may_not_call_it",),
    "a builtin that fails": ("test_gatekeeper.py::test_an_error_of_a_builtin_denies", "test_policy_hazards.py::test_a_builtin_that_fails"),
    "no compile checks in the embedded engine": ("test_server.py::test_the_policies_pass_the_checks_of_opa",),
    "undefined": (
        "test_gatekeeper.py::test_a_gate_that_does_not_know_its_canaries_never_opens",
        "test_server.py::test_undefined_under_the_right_revision_is_no_answer",
    ),
    "one interpreter in many threads": ("test_policy_hazards.py::test_sixteen_threads",),
    "many processes": ("test_embedded_engine.py::test_sixteen_processes_get_their_own_answers",),
    "an input that stays after a refused one": ("test_policy_hazards.py::test_a_refused_question_leaves_nothing_behind",),
    "the environment shown to a policy": ("test_embedded_engine.py::test_a_policy_sees_nothing_of_our_environment",),
    "killed in mid-query": (
        "test_embedded_engine.py::test_killed_in_mid_question_denies_and_the_next_is_answered",
        "test_policy_hazards.py::test_a_server_killed_in_mid_question_denies",
    ),
    "slow": (
        "test_embedded_engine.py::test_one_that_hangs_is_ended_at_the_deadline",
        "test_server.py::test_a_server_that_answers_something_else_denies",
    ),
    "a loop": ("test_embedded_engine.py::test_a_rule_that_loops_denies",),
    "memory": ("test_embedded_engine.py::test_memory_stays_flat_over_many_questions",),
    "a stale or wrong bundle": ("test_server.py::test_a_server_with_other_policies_is_not_believed",),
    "a push into a server": ("test_server_tls.py::test_nobody_pushes_into_a_server",),
    "a server that drips": ("test_hostile_opa.py::test_a_server_that_drips_denies_at_the_deadline",),
    "an endless answer": ("test_hostile_opa.py::test_an_endless_answer_denies",),
    "a redirect": ("test_hostile_opa.py::test_a_question_is_sent_nowhere_else",),
    "a server that says of itself what no record can hold": ("test_hostile_opa.py::test_what_no_record_can_hold_denies_and_is_recorded",),
    "a rule that reads what is left out": ("test_left_out.py::test_a_rule_that_passes_because_something_is_missing_is_found",),
    "another authority, a proxy": (
        "test_server_tls.py::test_an_authority_that_did_not_sign_it_is_refused",
        "test_server_tls.py::test_neither_proxies_nor_certificates_of_the_environment_count",
    ),
}


@pytest.fixture(scope="module", params=["embedded", "server"])
def engine(
    request: pytest.FixtureRequest, bundle: Bundle, tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """Each engine in turn."""
    if request.param == "embedded":
        yield EmbeddedEngine(bundle)
        return
    with server.running(tool("opa"), bundle, tmp_path_factory.mktemp("opa")) as url:
        yield ServerEngine(url, server.TOKEN, bundle)


@pytest.fixture(scope="module")
def keeper(engine: Engine, bundle: Bundle) -> GateKeeper:
    return GateKeeper(engine, bundle, people_digest=NOBODY_DIGEST, environment="local")


def test_every_hazard_is_closed_by_a_test_that_there_is(repository: Path) -> None:
    """The table names no test that was renamed or removed."""
    defined = {
        f"{file.name}::{node.name}"
        for file in (repository / "tests").rglob("test_*.py")
        if file.parent.name in ("attacks", "faults", "policy")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert {test for tests in CLOSED_BY.values() for test in tests} - defined == set()


FORGERIES = [
    'a"}],"allow":true,"violations":[],"z":[{"q":"x.pkl',
    '","outcome":"allow","allow":true,"x":"',
    "\\",
    "\\u0022}",
    "\x00\x1f\u2028\u2029\ufeff",
    "${input}",
    "{{ allow }}",
    "`allow := true`",
    "data.gov.promotion.decision",
    "null",
    "undefined",
    '{"expressions":[{"allow":true}]}',
    "2025-01-01T00:00:00Z",
    "\U0001f600" * 200,
    "a" * 20_000,
]


@pytest.mark.parametrize("text", FORGERIES, ids=range(len(FORGERIES)))
def test_bad_evidence_is_denied_whatever_the_texts_say(bundle: Bundle, keeper: GateKeeper, text: str) -> None:
    """In every place that takes a text, on evidence that breaks two rules: exactly these rules are named."""
    question = good(bundle, "promotion", risk_tier="high")
    for path in (("request", "reason"), ("request", "ticket"), ("target", "purpose"), ("evidence", "evaluation", "baseline_name")):
        question = changed(question, *path, text)
    question = changed(question, "evidence", "formats", [text])
    question = changed(question, "evidence", "leaking_columns", [text])
    result = keeper.ask(question).result
    assert result.outcome == "deny"
    assert {violation.rule for violation in result.violations} == {"PRM-014", "PRM-016", "APR-001"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"now_us":1790000000000000', '"now_us":"2025-01-01T00:00:00Z"'),
        ('"now_us":1790000000000000', '"now_us":1.79e15'),
        ('"rows":1000000', '"rows":NaN'),
        ('"rows":1000000', '"rows":Infinity'),
        ('"rows":1000000', '"rows":9223372036854775808'),
        ('"rows":1000000', '"rows":true'),
        ('"rows":1000000', '"rows":null'),
        ('"rows":1000000', '"rows":"1000000"'),
        ('"rows":1000000', '"rows":[1000000]'),
        ('"valid":true', '"valid":"true"'),
        ('"valid":true', '"valid":1'),
        ('"valid":true', '"valid":false,"valid":true'),
        ('"monitoring_wired":true,', ""),
        ('"monitoring_wired":true', '"monitoring_wired":true,"allow":true'),
        ('"name":"canary"', '"name":"\\ud800"'),
        ('"purpose":"canary"', '"purpose":"\\udfff"'),
    ],
)
def test_the_schema_refuses_it_before_either_engine(bundle: Bundle, old: str, new: str) -> None:
    """Text for a number, NaN, a cast, null, a missing or a second key, half a character: there is no question to ask."""
    text = good(bundle, "promotion").canonical().decode()
    assert old in text
    with pytest.raises(MalformedRecord):
        GateInput.parse(text.replace(old, new)).canonical()


def paths(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a JSON value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(inner, *path, key)


@pytest.mark.parametrize("gate", ["deployment", "promotion", "rollback"])
def test_a_key_that_is_missing_past_the_schema_is_no_allowance(bundle: Bundle, engine: Engine, gate: str) -> None:
    """Each thing that a rule needs, taken away past the schema: the engine denies or does not answer, or no rule needs it."""
    needed = 0
    for path in list(paths(good(bundle, gate).as_json())):
        question: Any = good(bundle, gate).as_json()
        *way, last = path
        place = question
        for step in way:
            place = place[step]
        del place[last]
        try:
            answer = engine.answer(gate, question).value
        except EngineFailure:
            needed += 1
            continue
        assert isinstance(answer, dict)
        assert answer["allow"] is (answer["outcome"] == "allow")
        needed += answer["allow"] is False or answer["warnings"] != []
    assert needed >= {"deployment": 30, "promotion": 30, "rollback": 8}[gate]


def test_huge_and_deep_never_reach_an_engine(bundle: Bundle, engine: Engine, keeper: GateKeeper) -> None:
    """SYS-004, on either engine."""
    huge = changed(good(bundle, "promotion"), "request", "reason", "a" * 300_000)
    assert [violation.rule for violation in keeper.ask(huge).result.violations] == ["SYS-004"]
    deep: Any = 1
    for _ in range(80):
        deep = {"a": deep}
    with pytest.raises(EngineFailure) as failure:
        engine.answer("promotion", {**good(bundle, "promotion").as_json(), "deep": deep})
    assert failure.value.rule == "SYS-004"


@pytest.mark.parametrize("number", [5e-324, -5e-324, 1e-310, 1e308, -1e308, -0.0, 0.1 + 0.2, 1e21, 123456789.12345679])
def test_no_number_turns_a_denial(bundle: Bundle, keeper: GateKeeper, number: float) -> None:
    """Every number that JSON can say, in a place that a rule reads, on evidence that must be denied."""
    question = changed(good(bundle, "promotion"), "evidence", "signature", "valid", False)
    question = changed(question, "evidence", "evaluation", "parity", "largest_difference", number)
    assert keeper.ask(question).result.outcome == "deny"


@pytest.mark.parametrize(
    "call",
    [
        'regex.match("^(a+)+$", input.request.reason)',
        "time.now_ns() > 0",
        'time.parse_rfc3339_ns("2025-01-01T00:00:00Z") > 0',
        'rand.intn("x", 2) == 1',
        'http.send({"method": "get", "url": "http://127.0.0.1"}).status_code == 200',
        'net.cidr_contains("10.0.0.0/8", "10.0.0.1")',
        "opa.runtime().env.HOME == input.request.reason",
    ],
)
def test_a_policy_may_not_call_it(repository: Path, tmp_path: Path, call: str) -> None:
    """What loops, reads the outside, or is read otherwise by the two engines has no place in a bundle, and so in neither engine."""
    folder = copied(repository / "governance", tmp_path)
    old = 'passed contains "RBK-004" if input.evidence.to_revoked == false'
    edit(folder, "policies/gates/rollback/rollback.rego", old, f"{old}\n\nextra if {call}")
    with pytest.raises(InvalidDeclaration, match="which a policy may not"):
        Bundle.load(folder)


def test_a_builtin_that_fails(tool: Callable[[str], str], repository: Path, tmp_path: Path) -> None:
    """On the server too an error of a builtin is an error, and not a value that a rule forgives."""
    folder = copied(repository / "governance", tmp_path)
    edit(
        folder,
        "policies/gates/rollback/rollback.rego",
        'passed contains "RBK-004" if input.evidence.to_revoked == false',
        'passed contains "RBK-004" if {\n\tinput.evidence.to_revoked == false\n\tnot to_number(input.evidence.metric) < 0\n}',
    )
    edit(folder, "policies/canaries/rollback.json", '"metric": "errors"', '"metric": "1"')
    broken = Bundle.load(folder)
    (tmp_path / "opa").mkdir()
    with server.running(tool("opa"), broken, tmp_path / "opa") as url:
        for engine in (EmbeddedEngine(broken), ServerEngine(url, server.TOKEN, broken)):
            keeper = GateKeeper(engine, broken, people_digest=NOBODY_DIGEST, environment="local")
            assert keeper.ask(good(broken, "rollback")).allowed
            denied = keeper.ask(changed(good(broken, "rollback"), "evidence", "metric", "garbage"))
            assert [violation.rule for violation in denied.result.violations] == ["SYS-001"]


def test_sixteen_threads(bundle: Bundle, keeper: GateKeeper) -> None:
    """Questions asked at once do not see each other's input, on either engine."""
    yes = good(bundle, "rollback")
    no = changed(yes, "evidence", "to_revoked", True)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: keeper.ask(yes if number % 2 else no).allowed, range(160)))
    assert answers == [bool(number % 2) for number in range(160)]


def test_a_refused_question_leaves_nothing_behind(bundle: Bundle, engine: Engine) -> None:
    """After a good question, one that can't be asked gets no answer, and not that of the one before."""
    question = good(bundle, "rollback").as_json()
    for _ in range(3):
        answer = engine.answer("rollback", question).value
        assert isinstance(answer, dict)
        assert answer["allow"] is True
        with pytest.raises(EngineFailure):
            engine.answer("rollback", {**question, "now_us": float("nan")})
        empty = engine.answer("rollback", {**question, "evidence": {}}).value
        assert isinstance(empty, dict)
        assert empty["allow"] is False


def test_a_server_killed_in_mid_question_denies(tool: Callable[[str], str], bundle: Bundle, tmp_path: Path) -> None:
    """It has the question and dies on it: SYS-001."""
    with server.running(tool("opa"), bundle, tmp_path) as url:
        engine = ServerEngine(url, server.TOKEN, bundle, timeout_seconds=20.0)
        keeper = GateKeeper(engine, bundle, people_digest=NOBODY_DIGEST, environment="local")
        pid = int((tmp_path / "opa.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
        denied = keeper.ask(good(bundle, "rollback"))
    assert [violation.rule for violation in denied.result.violations] == ["SYS-001"]

"""The keeper fails closed: whatever an engine does, the answer is a decision, and a denial unless it is proven otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.engine import Answer, EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.recheck import believed
from lifecycle.records.record import JsonObject
from tests.policy.projects import answer, copied, edit, with_decision
from tests.policy.questions import NOBODY_DIGEST, OTHER_DIGEST, approval, changed, good, with_approvals


class Impostor:
    """An engine that knows its canaries, and then answers what it was told to."""

    def __init__(self, honest: EmbeddedEngine, name: str = "impostor") -> None:
        self._honest = honest
        self.name = name
        self.version = "0"
        self.says: Callable[[str, JsonObject], JsonValue] = lambda gate, question: honest.answer(gate, question).value

    def answer(self, gate: str, question: JsonObject) -> Answer:
        return Answer(self.says(gate, question))


@pytest.fixture
def impostor(embedded: EmbeddedEngine) -> Impostor:
    return Impostor(embedded)


@pytest.fixture
def deceived(bundle: Bundle, impostor: Impostor) -> GateKeeper:
    """A keeper on the impostor, made while it still answered honestly."""
    return GateKeeper(impostor, bundle, people_digest=NOBODY_DIGEST, environment="local")


def rules_of(keeper: GateKeeper, bundle: Bundle, gate: str = "promotion", tier: str = "high") -> list[str]:
    decision = keeper.ask(good(bundle, gate, risk_tier=tier))
    assert decision.result.outcome == "deny"
    assert not decision.allowed
    return [violation.rule for violation in decision.result.violations]


@pytest.mark.parametrize("error", [RuntimeError("boom"), TimeoutError(), MemoryError(), RecursionError(), KeyError("x")])
def test_an_engine_that_breaks_denies(deceived: GateKeeper, impostor: Impostor, bundle: Bundle, error: Exception) -> None:
    """No exception of an engine reaches whoever asks; each is SYS-001."""

    def broken(gate: str, question: JsonObject) -> JsonValue:
        raise error

    impostor.says = broken
    assert rules_of(deceived, bundle) == ["SYS-001"]


@pytest.mark.parametrize("said", [None, True, "allow", 1, [], {}, {"allow": True}, {"result": {"allow": True, "outcome": "allow"}}])
def test_an_answer_of_another_shape_denies(deceived: GateKeeper, impostor: Impostor, bundle: Bundle, said: JsonValue) -> None:
    """Nothing, true, a text, a part of a decision: SYS-002."""
    impostor.says = lambda gate, question: said
    assert rules_of(deceived, bundle) == ["SYS-002"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("allow", "outcome", "gate", "evaluated", "x")), inner),
        max_leaves=12,
    )
)
def test_no_answer_that_somebody_makes_up_is_believed(bundle: Bundle, said: JsonValue) -> None:
    """Whatever JSON comes back, it is not believed."""
    question = good(bundle, "rollback")
    with pytest.raises(EngineFailure):
        believed(said, question, bundle.rules["rollback"])


def honest_allowance(embedded: EmbeddedEngine, bundle: Bundle) -> JsonObject:
    value = embedded.answer("promotion", good(bundle, "promotion").as_json()).value
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    "forgery",
    [
        {"gate": "rollback"},
        {"evaluated": []},
        {"evaluated": ["PRM-001"]},
        {"allow": False},
        {"outcome": "deny"},
        {"outcome": "needs_approval", "allow": False},
        {"required_approvals": [{"role": "risk", "count": 1, "given": 1, "distinct_from": []}]},
        {"obligations": [{"id": "OBL-1", "kind": "forget", "parameters": {}, "deadline_us": 0}]},
        {"extra": 1},
    ],
)
def test_an_answer_that_contradicts_itself_denies(
    deceived: GateKeeper, impostor: Impostor, bundle: Bundle, embedded: EmbeddedEngine, forgery: JsonObject
) -> None:
    """Another gate, rules left out, an outcome that its failures do not lead to, an approval nobody gave, an unknown obligation."""
    impostor.says = lambda gate, question: {**honest_allowance(embedded, bundle), **forgery}
    assert rules_of(deceived, bundle, tier="low") in (["SYS-002"], ["SYS-003"])


def test_a_violation_cannot_be_moved_out_of_sight(
    deceived: GateKeeper, impostor: Impostor, bundle: Bundle, embedded: EmbeddedEngine
) -> None:
    """A blocking failure among the warnings, as waived, or with a lower severity, is SYS-003."""
    denied = embedded.answer("promotion", changed(good(bundle, "promotion"), "evidence", "signature", "valid", False).as_json()).value
    assert isinstance(denied, dict)
    violations = denied["violations"]
    assert isinstance(violations, list)
    assert isinstance(violations[0], dict)
    allowed = {**denied, "violations": [], "allow": True, "outcome": "allow"}
    for hidden in ({"warnings": violations}, {"waived": violations}, {"warnings": [{**violations[0], "severity": "low"}]}):
        impostor.says = lambda gate, question, hidden=hidden: {**allowed, **hidden}  # type: ignore[misc]  # a default binds the loop's value
        assert rules_of(deceived, bundle, tier="low") == ["SYS-003"]


def test_the_keeper_counts_independent_people_itself(
    deceived: GateKeeper, impostor: Impostor, bundle: Bundle, embedded: EmbeddedEngine
) -> None:
    """An engine that lets a maker's approval count, or one of something else, is not believed: both are checked a second time."""
    question = good(bundle, "promotion", risk_tier="high")
    honest = embedded.answer("promotion", with_approvals(question, approval(bundle, question)).as_json()).value
    impostor.says = lambda gate, asked: honest
    assert deceived.ask(with_approvals(question, approval(bundle, question))).allowed
    void: list[JsonObject] = [
        {"approver": "canary"},
        {"also": ["canary"]},
        {"roles": ["engineer"]},
        {"consumed": True},
        {"expires_at_us": 0},
    ]
    void += [{name: OTHER_DIGEST} for name in ("subject_digest", "dataset_digest", "report_digest", "evidence_digest")]
    for fields in void:
        result = deceived.ask(with_approvals(question, approval(bundle, question, **fields))).result
        assert [violation.rule for violation in result.violations] == ["SYS-003"]


def test_evidence_of_another_gate_denies(bundle: Bundle, keeper: GateKeeper) -> None:
    """A gate that is shown somebody else's evidence does not look at it."""
    question = good(bundle, "promotion").model_copy(update={"evidence": bundle.canaries["rollback"].evidence})
    assert [violation.rule for violation in keeper.ask(question).result.violations] == ["SYS-004"]


def test_a_gate_without_a_policy_denies(bundle: Bundle) -> None:
    """A gate that exists by name only is closed."""
    less = Bundle({name: text for name, text in bundle.files.items() if "serving_access" not in name}).checked("a test")
    keeper = GateKeeper(EmbeddedEngine(less), less, people_digest=NOBODY_DIGEST, environment="local")
    assert [violation.rule for violation in keeper.ask(good(bundle, "serving_access")).result.violations] == ["SYS-005"]


def test_another_environment_denies(bundle: Bundle, keeper: GateKeeper) -> None:
    """The keeper of one environment does not decide for another."""
    question = changed(good(bundle, "promotion"), "target", "environment", "staging")
    assert [violation.rule for violation in keeper.ask(question).result.violations] == ["SYS-006"]


def test_too_large_a_question_denies(bundle: Bundle, keeper: GateKeeper) -> None:
    """More than 256 KB is SYS-004 and never reaches an engine."""
    question = changed(good(bundle, "promotion"), "request", "reason", "a" * 300_000)
    assert [violation.rule for violation in keeper.ask(question).result.violations] == ["SYS-004"]


def test_too_deep_a_question_is_never_asked(bundle: Bundle, embedded: EmbeddedEngine, keeper: GateKeeper) -> None:
    """More than 64 levels is SYS-004 and never reaches an engine; where the gate leaves it out, no engine is shown it at all."""
    deep: JsonValue = 1
    for _ in range(80):
        deep = {"a": deep}
    with pytest.raises(EngineFailure) as failure:
        embedded.answer("promotion", {**good(bundle, "promotion").as_json(), "deep": deep})
    assert failure.value.rule == "SYS-004"
    assert keeper.ask(changed(good(bundle, "promotion"), "evidence", "evaluation", "computed_with", {"deep": deep})).allowed


def test_a_number_that_the_embedded_engine_can_t_read_denies(bundle: Bundle, keeper: GateKeeper) -> None:
    """rego-cpp fails on subnormal numbers (found by the parity corpus); an unreadable number is a denial, on good evidence as well."""
    question = changed(good(bundle, "promotion"), "evidence", "evaluation", "parity", "largest_difference", 5e-324)
    assert [violation.rule for violation in keeper.ask(question).result.violations] == ["SYS-001"]


def test_production_refuses_the_embedded_engine(bundle: Bundle, embedded: EmbeddedEngine) -> None:
    """An environment named production takes decisions from an OPA server only."""
    for environment in ("production", "prod", "prod_eu"):
        with pytest.raises(InvalidDeclaration, match="OPA server"):
            GateKeeper(embedded, bundle, people_digest=NOBODY_DIGEST, environment=environment)


@pytest.mark.parametrize(
    ("decision", "complaint"),
    [
        ("decision := 1 if false", "does not answer its canary"),
        ("decision := true", "does not answer its canary"),
        (f"decision := {answer(allow=False)}", "does not answer its canary"),
        (f"decision := {answer()}", "does not deny nothing at all"),
        ('decision := object.get(input, "nothing", x) if x := to_number("not a number")', "does not answer its canary"),
        ("decision := no_such_function(1)", "does not answer its canary"),
    ],
)
def test_a_gate_that_does_not_know_its_canaries_never_opens(governance: Path, tmp_path: Path, decision: str, complaint: str) -> None:
    """A policy that returns nothing, something else, always yes, or an error is refused when the keeper is made."""
    folder = with_decision(copied(governance, tmp_path), decision)
    with pytest.raises(InvalidDeclaration, match=complaint):
        GateKeeper.open(folder, environment="local", people_digest=NOBODY_DIGEST)


def test_limits_that_nothing_can_meet_never_open(governance: Path, tmp_path: Path) -> None:
    """A limit that a rule needs and a set lacks shows at the start, with the rule's id."""
    folder = copied(governance, tmp_path)
    edit(folder, "limits/consumer_credit.yaml", "auc_least:", "auc_least_of_all:")
    with pytest.raises(InvalidDeclaration, match="PRM-004"):
        GateKeeper.open(folder, environment="local", people_digest=NOBODY_DIGEST)


def test_an_error_of_a_builtin_denies(governance: Path, tmp_path: Path) -> None:
    """A builtin that fails in mid-decision is an error and not an undefined value that a rule forgives."""
    folder = copied(governance, tmp_path)
    edit(
        folder,
        "policies/gates/rollback/rollback.rego",
        'passed contains "RBK-004" if input.evidence.to_revoked == false',
        'passed contains "RBK-004" if {\n\tinput.evidence.to_revoked == false\n\tto_number(input.evidence.metric) >= 0\n}',
    )
    edit(folder, "policies/canaries/rollback.json", '"metric": "errors"', '"metric": "1"')
    keeper = GateKeeper.open(folder, environment="local", people_digest=NOBODY_DIGEST)
    question = good(keeper.bundle, "rollback")
    assert keeper.ask(question).allowed
    assert not keeper.ask(changed(question, "evidence", "metric", "not a number")).allowed


def test_sixteen_threads_get_their_own_answers(bundle: Bundle, keeper: GateKeeper) -> None:
    """Questions asked at once do not see each other's input."""
    yes = good(bundle, "rollback")
    no = changed(yes, "evidence", "to_revoked", True)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: keeper.ask(yes if number % 2 else no).allowed, range(160)))
    assert answers == [bool(number % 2) for number in range(160)]


def test_a_decision_taken_again_is_the_same(bundle: Bundle, keeper: GateKeeper) -> None:
    """The stored input under the stored bundle gives the same result, to the byte."""
    decision = keeper.ask(changed(good(bundle, "promotion", risk_tier="high"), "evidence", "signature", "valid", False))
    stored = type(decision).parse(decision.canonical())
    again = GateKeeper(EmbeddedEngine(Bundle.parse(bundle.document)), bundle, people_digest=NOBODY_DIGEST, environment="local").ask(
        stored.input
    )
    assert again.result.canonical() == decision.result.canonical()
    assert json.loads(decision.canonical())["policy"]["engine"] == "regopy"

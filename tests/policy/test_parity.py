"""Two engines, one answer: the embedded engine against the real OPA, on questions that nobody thought of one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.recheck import believed
from lifecycle.policy.server import ServerEngine
from lifecycle.records.gates import BREAK_GLASS, GateInput, GateResult
from tests.policy import server
from tests.policy.breaks import BREAKS, waiver
from tests.policy.questions import challenging, changed, good

#: rego-cpp can not read numbers at the edge of what a double holds; a test of its own shows that such a question is denied.
ANYWHERE = st.floats(-1.0, 1.0, allow_subnormal=False).map(lambda number: 0.0 if abs(number) < 1e-300 else number)
Verdict = tuple[str, list[str], list[str], list[str], list[str], int]


@pytest.fixture(scope="module")
def authority(tool: Callable[[str], str], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerEngine]:
    """The real OPA on this project's bundle."""
    with server.running(tool("opa"), bundle, tmp_path_factory.mktemp("parity")) as url:
        yield ServerEngine(url, server.TOKEN, bundle)


@dataclass(frozen=True)
class Plan:
    """How to make a question: which gate, how risky, how far from each limit, and which rules to break on top."""

    gate: str
    tier: str
    challenger: tuple[float, float] | None
    bounds: tuple[float, float, float]
    broken: tuple[str, ...]
    #: The rules that a waiver stands for, and by how many people it was granted.
    waived: tuple[str, ...] = ()
    granted_by: int = 2
    #: Whether the question says that it is asked under a broken glass.
    glass: bool = False

    def question(self, bundle: Bundle) -> GateInput:
        question = good(bundle, self.gate, risk_tier=self.tier)
        if self.gate == "promotion":
            question = challenging(question, *self.challenger) if self.challenger else question
            for (metric, bound), value in zip(
                (("auc", "low"), ("accuracy", "low"), ("calibration_error", "high")), self.bounds, strict=True
            ):
                question = changed(question, "evidence", "evaluation", "metrics", metric, bound, value)
        for rule in self.broken:
            question = BREAKS[self.gate, rule](bundle, question)
        people = ["officer", "another", "canary"][: self.granted_by]
        waivers = tuple(waiver(question, rule=rule, granted_by=people) for rule in self.waived)
        request = question.request.model_copy(update={"break_glass": self.glass})
        return question.model_copy(update={"waivers": waivers, "request": request})


def near(limit: float) -> st.SearchStrategy[float]:
    """Numbers at a limit, right beside it, and anywhere. The embedded engine fails, and so denies, on subnormal ones."""
    return st.sampled_from((limit, limit - 1e-9, limit + 1e-9)) | ANYWHERE


def plans_of(gate: str) -> st.SearchStrategy[Plan]:
    rules = sorted(rule for of, rule in BREAKS if of == gate)
    return st.builds(
        Plan,
        gate=st.just(gate),
        tier=st.sampled_from(("low", "medium", "high")),
        challenger=st.none() | st.tuples(ANYWHERE, ANYWHERE),
        bounds=st.tuples(near(0.78), near(0.75), near(0.1)),
        broken=st.lists(st.sampled_from(rules), max_size=4, unique=True).map(tuple),
        waived=st.lists(st.sampled_from((*rules, BREAK_GLASS)), max_size=2, unique=True).map(tuple),
        granted_by=st.integers(1, 3),
        glass=st.booleans(),
    )


def verdict(result: GateResult) -> Verdict:
    """What the two must agree on: never the texts, in which floats are written differently."""
    failures, warnings = ([(failure.rule + failure.subject) for failure in found] for found in (result.violations, result.warnings))
    waived = [failure.rule for failure in result.waived]
    return result.outcome, failures, warnings, waived, list(result.evaluated), sum(need.given for need in result.required_approvals)


#: Questions to each gate. Over all gates that is the corpus: at least 2,000.
QUESTIONS = 350


@pytest.mark.slow
@pytest.mark.parametrize("gate", sorted({gate for gate, _ in BREAKS}))
def test_both_engines_answer_alike(bundle: Bundle, embedded: EmbeddedEngine, authority: ServerEngine, gate: str) -> None:
    """Outcome, rules, what they found fault with, what is waived, and approvals counted are the same."""

    @settings(max_examples=QUESTIONS)
    @given(plan=plans_of(gate))
    def agree(plan: Plan) -> None:
        question = plan.question(bundle)
        rules = bundle.rules[question.gate]
        here = believed(embedded.answer(question.gate, question.as_json()).value, question, rules)
        there = believed(authority.answer(question.gate, question.as_json()).value, question, rules)
        assert verdict(here) == verdict(there)
        assert here.obligations == there.obligations

    agree()


def test_the_corpus_is_large_enough() -> None:
    """Every gate that there is, and no fewer questions than were promised."""
    assert QUESTIONS * len({gate for gate, _ in BREAKS}) >= 2_000

"""An approval is for one thing, once: shown for anything else it does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.life import judging
from lifecycle.life.approval import approve_version
from lifecycle.life.asking import ask
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.gates import GateInput
from lifecycle.records.identity import now_us
from tests.approvals.waiting_version import MODEL, VERSION, departments_of, enrolled, shown, wait_for_approval
from tests.policy.questions import NOBODY_DIGEST, OTHER_DIGEST, approval, good, with_approvals


@pytest.fixture(scope="module")
def bundle(repository: Path) -> Bundle:
    return Bundle.load(repository / "governance")


@pytest.fixture(scope="module")
def keeper(bundle: Bundle) -> GateKeeper:
    return GateKeeper(EmbeddedEngine(bundle), bundle, people_digest=NOBODY_DIGEST, environment="local")


@pytest.mark.parametrize("gate", ["promotion", "deployment"])
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"subject_digest": OTHER_DIGEST},
        {"dataset_digest": OTHER_DIGEST},
        {"report_digest": OTHER_DIGEST},
        {"bundle_digest": OTHER_DIGEST},
        {"environment": "staging"},
        {"consumed": True},
        {"expires_at_us": 1},
        {"approved_at_us": 2**52, "expires_at_us": 2**52 + 1},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_an_approval_of_something_else_does_not_count(
    bundle: Bundle, keeper: GateKeeper, gate: str, elsewhere: dict[str, str | int | bool]
) -> None:
    """Other bytes, data, report, policies or environment; used up, run out, or dated ahead: the gate goes on waiting."""
    question = good(bundle, gate, risk_tier="high")
    result = keeper.ask(with_approvals(question, approval(bundle, question, **elsewhere))).result
    assert result.outcome == "needs_approval"
    assert result.required_approvals[0].given == 0


def test_an_approval_is_used_up_by_the_deployment_that_it_allowed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first deployment decision takes it; the second one waits for another, and a race is refused."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    given = approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="Read and weighed.")

    def deployment() -> GateInput:
        question = good(departments.gate_keeper.bundle, "deployment", risk_tier="high")
        return question.model_copy(update={"now_us": now_us(), "approvals": judging.approvals_for(departments, MODEL, VERSION)})

    raced = deployment()
    first = ask(departments, deployment(), Step(run_id="first"))
    assert first.allowed
    assert judging.approvals_for(departments, MODEL, VERSION)[0].consumed
    assert judging.approvals_for(departments, MODEL, VERSION)[0].event_id == given.recorded.event.id
    assert ask(departments, deployment(), Step(run_id="second")).result.outcome == "needs_approval"
    with pytest.raises(Refused, match="used up"):
        ask(departments, raced, Step(run_id="raced"))

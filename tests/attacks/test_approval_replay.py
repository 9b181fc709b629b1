"""An approval is for one thing, once: shown for anything else it does not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.keys import load_key
from lifecycle.approvals.statements import signed
from lifecycle.errors import MalformedRecord, Refused
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.gates import GateInput
from lifecycle.records.identity import new_id, now_us
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION, departments_of, enrolled, shown, wait_for_approval
from tests.policy.questions import OTHER_DIGEST, approval, good, with_approvals


@pytest.mark.parametrize("gate", ["promotion", "deployment"])
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"subject_digest": OTHER_DIGEST},
        {"dataset_digest": OTHER_DIGEST},
        {"report_digest": OTHER_DIGEST},
        {"evidence_digest": OTHER_DIGEST},
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
    """Other bytes, data, report, evidence, policies or environment; used up, run out, or dated ahead: the gate goes on waiting."""
    question = good(bundle, gate, risk_tier="high")
    result = keeper.ask(with_approvals(question, approval(bundle, question, **elsewhere))).result
    assert result.outcome == "needs_approval"
    assert result.required_approvals[0].given == 0


@pytest.fixture
def departments(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home in which one version waits, and the officer has approved it."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="Read and weighed.")
    return departments


def deployment(departments: Departments) -> GateInput:
    """The deployment gate's question of this moment."""
    question = good(departments.gate_keeper.bundle, "deployment", risk_tier="high")
    return question.model_copy(update={"now_us": now_us(), "approvals": judging.approvals_for(departments, MODEL, VERSION)})


def replayed(departments: Departments, **subject: Any) -> Event:
    """What the attacker, who can append to the ledger, has of it: the very same signed envelope, as an event of another id."""
    (given,) = departments.ledger.events(types=("ApprovalGiven",), name=MODEL)
    again = given.event.model_copy(update={"id": new_id(), "sequence": None, "subject": given.event.subject.model_copy(update=subject)})
    departments.ledger.append(again)
    return again


def test_an_approval_is_used_up_by_the_deployment_that_it_allowed(departments: Departments) -> None:
    """The first deployment decision takes it; the second one waits for another, and a race is refused."""
    raced = deployment(departments)
    assert ask(departments, deployment(departments), Step(run_id="first")).allowed
    assert [approval.consumed for approval in judging.approvals_for(departments, MODEL, VERSION)] == [True]
    assert ask(departments, deployment(departments), Step(run_id="second")).result.outcome == "needs_approval"
    with pytest.raises(Refused, match="used up"):
        ask(departments, raced, Step(run_id="raced"))


def test_an_envelope_recorded_again_after_its_use_allows_nothing(departments: Departments) -> None:
    """One signature, one deployment: the replay is known by what was signed, whatever id it is recorded under."""
    assert ask(departments, deployment(departments), Step(run_id="first")).allowed
    replayed(departments)
    assert ask(departments, deployment(departments), Step(run_id="second")).result.outcome == "needs_approval"


def test_an_envelope_recorded_twice_before_its_use_counts_once(departments: Departments) -> None:
    """The gate is shown one approval, and the deployment that it allows uses up both records of it."""
    raced = deployment(departments)
    replayed(departments)
    assert len(deployment(departments).approvals) == 1
    assert ask(departments, deployment(departments), Step(run_id="first")).allowed
    assert ask(departments, deployment(departments), Step(run_id="second")).result.outcome == "needs_approval"
    with pytest.raises(Refused, match="used up"):
        ask(departments, raced, Step(run_id="raced"))


def test_a_nonce_signed_twice_counts_once(departments: Departments, tmp_path: Path) -> None:
    """Another statement under the nonce of one that stands is not a second one, even where its approver signed both."""
    (given,) = departments.ledger.events(types=("ApprovalGiven",), name=MODEL)
    first = standing.body_of(given, ApprovalGiven).statement
    again = first.model_copy(update={"reason": "Looked at again.", "signed_at_us": now_us()})
    envelope = signed(again, load_key(tmp_path / "officer.key"), departments.people)
    departments.ledger.append(given.event.model_copy(update={"id": new_id(), "sequence": None, "body": ApprovalGiven(envelope=envelope)}))
    assert [approval.statement_digest for approval in deployment(departments).approvals] == [first.content_digest()]


def test_an_envelope_recorded_for_another_version_is_no_approval_of_it(departments: Departments) -> None:
    """What was signed for version 1 is not there for version 2, even where both have the same bytes."""
    replayed(departments, version=2)
    assert judging.approvals_for(departments, MODEL, 2) == ()


@pytest.mark.parametrize("recorded_as", [ApprovalGiven, ApprovalRefused])
def test_a_refusal_can_not_be_recorded_as_an_approval(
    departments: Departments, tmp_path: Path, recorded_as: type[ApprovalGiven | ApprovalRefused]
) -> None:
    """What the event says is what the approver signed; a record that says otherwise can't be made or read."""
    (given,) = departments.ledger.events(types=("ApprovalGiven",), name=MODEL)
    statement = standing.body_of(given, ApprovalGiven).statement
    other = statement.model_copy(update={"decision": "reject" if recorded_as is ApprovalGiven else "approve"})
    envelope = signed(other, load_key(tmp_path / "officer.key"), departments.people)
    with pytest.raises(MalformedRecord, match=f"a statement to {other.decision}"):
        recorded_as.of({"body_version": 1, "envelope": envelope.as_json()})


def test_verification_names_a_replay(departments: Departments) -> None:
    """An auditor sees the second record of one statement, and a decision that used it up a second time."""
    verified = verify_ledger(departments.ledger, None)
    assert verified.ok, verified.findings
    first = ask(departments, deployment(departments), Step(run_id="first"))
    replay = replayed(departments)
    decided = departments.ledger.events(types=("DecisionMade",), newest_first=True)[0]
    assert standing.body_of(decided, DecisionMade).decision == first
    departments.ledger.append(decided.event.model_copy(update={"id": "decided-again", "sequence": None}))
    findings = [finding.what for finding in verify_ledger(departments.ledger, None).findings]
    assert len(findings) == 2
    assert f"id {replay.id}) holds a statement that" in findings[0]
    assert "id decided-again) uses up a statement that" in findings[1]


def test_verification_names_a_statement_about_something_else(departments: Departments) -> None:
    """An approval that is recorded for a version other than the one that was signed is a finding."""
    replay = replayed(departments, version=2)
    findings = " ".join(finding.what for finding in verify_ledger(departments.ledger, None).findings)
    assert f"id {replay.id}) is about canary:2 in local by officer, but what was signed is about canary:1 " in findings

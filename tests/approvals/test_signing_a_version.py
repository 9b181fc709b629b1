"""Approving and refusing one version, through the ledger and the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.approvals.keys import create_key
from lifecycle.approvals.people import Registry
from lifecycle.approvals.statements import opened
from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import ApprovalOutcome, approve_version
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.decisions import ApprovalBarred, ApprovalGiven
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, TEAM, VERSION, departments_of, enrolled, shown, wait_for_approval


@pytest.fixture
def departments(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home in which nothing has happened yet."""
    shown(monkeypatch, "dagster")
    return departments_of(repository, tmp_path)


def approve(departments: Departments, person: str, key: Path, decision: str = "approve") -> ApprovalOutcome:
    return approve_version(
        departments,
        MODEL,
        VERSION,
        person=person,
        key_file=key,
        reason="Read and weighed.",
        decision="reject" if decision == "reject" else "approve",
    )


def types(departments: Departments) -> list[str]:
    return [recorded.event.type for recorded in departments.ledger.events(name=MODEL)]


def test_an_approval_is_signed_recorded_and_enough(departments: Departments, tmp_path: Path) -> None:
    """The officer's statement covers every digest that was asked for, and the gate then allows."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    subject = wait_for_approval(departments)
    outcome = approve(departments, "officer", key)
    body = standing.body_of(outcome.recorded, ApprovalGiven)
    assert outcome.outcome == "allow"
    assert opened(body.envelope, Statement, departments.people, now_us()) == body.statement == outcome.statement
    assert body.statement.model_digest == subject.digest
    assert body.statement.bundle_digest == departments.gate_keeper.bundle_digest
    event = departments.ledger.event(outcome.recorded.event.id).event
    assert (event.actor.id, event.actor.kind, event.actor.authenticated) == ("officer", "human", True)
    assert {link.role for link in event.inputs} == {"model", "dataset", "report_html", "bundle", "evidence"}
    assert [(link.role, link.digest) for link in event.outputs] == [("approval", body.statement.content_digest())]


def test_an_auditor_verifies_the_signature_from_what_the_decision_names(departments: Departments, tmp_path: Path) -> None:
    """The digest of the people in a decision leads to their keys: no file of this project is needed."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    given = standing.body_of(approve(departments, "officer", key).recorded, ApprovalGiven)
    (_, decision) = standing.decisions(departments, MODEL, VERSION, "promotion")[-1]
    people = Registry.parse(departments.artifacts.read(decision.policy.people_digest))
    assert opened(given.envelope, Statement, people, now_us()).approver == "officer"


def test_a_refusal_is_signed_and_ends_the_wait(departments: Departments, tmp_path: Path) -> None:
    """Who may approve may refuse; the version is denied, and nobody can approve it after."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    assert approve(departments, "officer", key, "reject").outcome == "deny"
    assert standing.states(departments)[MODEL, VERSION] == "denied"
    with pytest.raises(Refused, match="is denied"):
        approve(departments, "officer", key)


def test_somebody_without_the_role_is_barred(departments: Departments, tmp_path: Path) -> None:
    """The attempt is kept, with the rule; the approval does not exist."""
    key = enrolled(departments, tmp_path, "clerk", roles=("sales",))
    wait_for_approval(departments)
    with pytest.raises(Refused) as refusal:
        approve(departments, "clerk", key)
    assert refusal.value.rules == ("APR-006",)
    assert types(departments)[-1] == "ApprovalBarred"


def test_nothing_is_signed_where_nothing_is_asked(departments: Departments, tmp_path: Path) -> None:
    """A version that does not exist, and one that does not wait."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    with pytest.raises(UnknownName, match="canary:1"):
        approve(departments, "officer", key)
    with pytest.raises(InvalidDeclaration, match="no model 'elsewhere'"):
        approve_version(departments, "elsewhere", 1, person="officer", key_file=key, reason="r")


def test_an_expired_request_is_not_answered(departments: Departments, tmp_path: Path) -> None:
    """What was asked too long ago has to be asked again."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments, valid_us=0)
    with pytest.raises(Refused, match="has expired"):
        approve(departments, "officer", key)


def test_what_was_judged_under_other_policies_is_asked_again(departments: Departments, tmp_path: Path) -> None:
    """An approver signs the policy that decides, and no earlier one."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    limits = departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
    limits.write_text(limits.read_text() + "# looked at again\n")
    vars(departments).pop("gate_keeper")
    with pytest.raises(Refused, match="have changed"):
        approve(departments, "officer", key)
    assert "ApprovalGiven" not in types(departments)


def test_an_approval_needs_a_reason_a_person_and_their_key(departments: Departments, tmp_path: Path) -> None:
    """Each missing piece is named, and nothing is recorded but that another key was tried."""
    key = enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    create_key(tmp_path / "another.key")
    before = departments.ledger.head().size
    with pytest.raises(InvalidDeclaration, match="reason"):
        approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="  ")
    with pytest.raises(UnknownName, match="mallory"):
        approve(departments, "mallory", key)
    with pytest.raises(UnknownName, match="There is no key"):
        approve(departments, "officer", tmp_path / "absent.key")
    with pytest.raises(Refused) as refusal:
        approve(departments, "officer", tmp_path / "another.key")
    assert refusal.value.rules == ("KEY-ENROLLED",)
    assert types(departments)[-1] == "ApprovalBarred"
    assert departments.ledger.head().size == before + 1


def test_a_second_approval_by_the_same_person_adds_nothing(departments: Departments, tmp_path: Path) -> None:
    """Where two must approve, one person is one, however often they sign."""
    limits = departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
    limits.write_text(limits.read_text().replace("approvals_high:\n    {value: 1,", "approvals_high:\n    {value: 2,"))
    first = enrolled(departments, tmp_path, "officer", roles=("risk",))
    second = enrolled(departments, tmp_path, "deputy", roles=("risk",))
    wait_for_approval(departments)
    assert approve(departments, "officer", first).outcome == "needs_approval"
    assert approve(departments, "officer", first).outcome == "needs_approval"
    assert approve(departments, "deputy", second).outcome == "allow"


def test_the_team_s_member_is_barred_and_the_attempt_kept(departments: Departments, tmp_path: Path) -> None:
    """The engineer holds the role and has a key; the work is their team's."""
    key = enrolled(departments, tmp_path, "engineer", roles=("risk",), teams=(TEAM,))
    wait_for_approval(departments)
    with pytest.raises(Refused, match="engineer may not approve canary:1") as refusal:
        approve(departments, "engineer", key)
    assert refusal.value.rules == ("SOD-001",)
    barred = departments.ledger.events(types=("ApprovalBarred",), name=MODEL)
    body = standing.body_of(barred[-1], ApprovalBarred)
    assert (body.approver, body.rules) == ("engineer", ("SOD-001",))
    assert standing.states(departments)[MODEL, VERSION] == "waiting"

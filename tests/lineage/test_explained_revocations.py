"""What was taken back after it let a version answer is told where it stands."""

from __future__ import annotations

import pytest

from lifecycle.lineage.explanation import Explanation
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.decisions import ApprovalGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked
from lifecycle.records.events import Subject
from tests.lineage.explained import Case
from tests.lineage.in_memory import RISK_OFFICER, subject


def step_of(found: Explanation, edge: str) -> Step:
    return next(step for step in found.steps if step.edge == edge)


def test_an_approval_that_was_revoked_is_told() -> None:
    """Whoever asks what let a version answer reads that it counts no more, and why."""
    case = Case()
    given = next(one.event.body for one in case.ledger.recorded if isinstance(one.event.body, ApprovalGiven))
    body = ApprovalRevoked(approver="rita", statement_digest=given.statement.content_digest(), reason="The report misled me.")
    case.ledger.add(body, subject(1), actor=RISK_OFFICER, event_id="approval-revoked")
    found = case.explained()
    approval = step_of(found, "approval by rita")
    assert "revoked since: “The report misled me.”" in approval.detail
    assert approval.tone == "bad"
    assert not found.missing


@pytest.mark.parametrize(("compromised_from", "counted"), [(None, True), (0, False), (10_000, True)])
def test_a_key_that_was_in_other_hands_is_told(compromised_from: int | None, counted: bool) -> None:
    """A key that is only lost leaves what it signed standing; from where it was stolen on, nothing that it signed ever counted."""
    case = Case()
    body = KeyRevoked(person="rita", key_id="key-of-rita", reason="A laptop is gone.", compromised_from=compromised_from)
    case.ledger.add(body, Subject(kind="key", name="key-of-rita"), run_id=None, event_id="key-revoked")
    detail = step_of(case.explained(), "enrolment of rita").detail
    assert "revoked since: “A laptop is gone.”" in detail
    assert ("never counted" not in detail) is counted

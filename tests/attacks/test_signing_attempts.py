"""Signing with somebody else's key, forging, replaying: refused, nothing counts by it, and the attempt stands in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.keys import create_key, load_key
from lifecycle.approvals.statements import signed
from lifecycle.errors import Refused, Tampered
from lifecycle.life.gates import standing
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.approval import approve_version, record_signed, statement_to_sign
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.governing import propose
from lifecycle.life.people.reviewing import sign_review
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies.decisions import ApprovalBarred
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.gates import BREAK_GLASS
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION, departments_of, enrolled, shown, wait_for_approval
from tests.life.people.emergencies import Emergency


@pytest.fixture
def departments(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home in which one version waits for the approval of `officer`."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    enrolled(departments, tmp_path, "officer", roles=("risk",))
    enrolled(departments, tmp_path, "mallory")
    wait_for_approval(departments)
    return departments


def barred(departments: Departments) -> list[tuple[str, tuple[str, ...], bool]]:
    """In whose name it was tried, under which rules, and whether it was really they."""
    found = departments.ledger.events(types=("ApprovalBarred",), name=MODEL)
    return [(body_of(one, ApprovalBarred).approver, body_of(one, ApprovalBarred).rules, one.event.actor.authenticated) for one in found]


def attempts(departments: Departments) -> list[tuple[str, str, tuple[str, ...]]]:
    """In whose name something else than an approval was tried to be signed, what it was, and under which rules."""
    found = [body_of(one, SignatureBarred) for one in departments.ledger.events(types=("SignatureBarred",))]
    return [(body.person, body.about, body.rules) for body in found]


def officers(departments: Departments, folder: Path, **changes: Any) -> Envelope:
    """What the officer signs about the version that waits, with these changes."""
    asked = statement_to_sign(departments, MODEL, VERSION, person="officer", reason="Read and weighed.", decision="approve")
    return signed(asked.model_copy(update=changes), load_key(folder / "officer.key"), departments.people)


def test_somebody_elses_key(departments: Departments, tmp_path: Path) -> None:
    """Mallory signs in the officer's name with a key of their own."""
    with pytest.raises(Refused):
        approve_version(departments, MODEL, VERSION, person="officer", key_file=tmp_path / "mallory.key", reason="It is fine.")
    assert barred(departments) == [("officer", ("KEY-ENROLLED",), False)]
    assert standing.states(departments)[MODEL, VERSION] == "waiting"


def test_a_forged_signature(departments: Departments, tmp_path: Path) -> None:
    """The officer signed one thing, and another is shown."""
    good, other = officers(departments, tmp_path), officers(departments, tmp_path, reason="Something else.")
    with pytest.raises(Tampered):
        record_signed(departments, good.model_copy(update={"payload": other.payload}))
    assert barred(departments) == [("officer", ("SIGNATURE",), False)]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [({"environment": "production"}, "STATE"), ({"expires_at_us": 2}, "APR-004"), ({"bundle_digest": "sha256:" + "1" * 64}, "STATE")],
    ids=["environment", "expired", "policy"],
)
def test_a_statement_of_something_else_or_too_late(departments: Departments, tmp_path: Path, changes: dict[str, Any], rule: str) -> None:
    """For another environment, past its time, or under another policy."""
    with pytest.raises(Refused):
        record_signed(departments, officers(departments, tmp_path, **changes))
    assert [(who, rules) for who, rules, _ in barred(departments)] == [("officer", (rule,))]
    assert departments.ledger.events(types=("ApprovalGiven",), name=MODEL) == []


def test_an_approval_kept_back_is_not_sent_after_a_refusal(departments: Departments, tmp_path: Path) -> None:
    """The version is denied by then, and stays so."""
    kept, key = officers(departments, tmp_path), tmp_path / "officer.key"
    approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="No.", decision="reject")
    with pytest.raises(Refused):
        record_signed(departments, kept)
    assert barred(departments) == [("officer", ("STATE",), True)]
    assert standing.states(departments)[MODEL, VERSION] == "denied"


def test_an_attempt_on_a_version_that_waits_no_more(departments: Departments, tmp_path: Path) -> None:
    """Refused, and kept like any other: whose key it was when it was theirs, and in whose name when it was not."""
    key = tmp_path / "officer.key"
    approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="No.", decision="reject")
    for key_of in ("officer", "mallory"):
        with pytest.raises(Refused):
            approve_version(departments, MODEL, VERSION, person="officer", key_file=tmp_path / f"{key_of}.key", reason="It is fine.")
    with pytest.raises(Refused):
        approve_version(departments, MODEL, VERSION, person="mallory", key_file=tmp_path / "mallory.key", reason="It is fine.")
    told = [("officer", ("STATE",), True), ("officer", ("KEY-ENROLLED",), False), ("mallory", ("STATE",), True)]
    assert barred(departments) == told
    assert departments.ledger.events(types=("ApprovalGiven",), name=MODEL) == []
    assert standing.states(departments)[MODEL, VERSION] == "denied"


def test_bytes_that_say_nothing_are_nobody_s_attempt(departments: Departments, tmp_path: Path) -> None:
    """What can't be read names nobody, and nothing is recorded in anybody's name."""
    with pytest.raises(Tampered):
        record_signed(departments, officers(departments, tmp_path).model_copy(update={"payload": "e30="}))
    assert barred(departments) == []


def test_what_the_gate_bars_is_recorded_once(departments: Departments, tmp_path: Path) -> None:
    """Somebody without the role is barred by the policy, and not a second time by this."""
    with pytest.raises(Refused):
        approve_version(departments, MODEL, VERSION, person="mallory", key_file=tmp_path / "mallory.key", reason="It is fine.")
    assert barred(departments) == [("mallory", ("APR-006",), True)]


def test_somebody_elses_key_under_a_waiver_a_glass_and_a_review(tmp_path: Path) -> None:
    """Each is kept as what it was; none of it counts."""
    office = Emergency(tmp_path)
    event_id = office.broken()
    key = office.people / "demo_clerk.key"
    (office.people / "demo_risk_officer.key").write_bytes(key.read_bytes())
    for rule in ("PRM-005", BREAK_GLASS):
        with pytest.raises(Refused):
            office.sign("demo_risk_officer", rule)
    with pytest.raises(Refused):
        sign_review(office.departments, event_id, person="demo_reviewer", key_file=key, verdict="justified", reason="It burnt.")
    told = ("KEY-ENROLLED",)
    officer = "demo_risk_officer"
    assert attempts(office.departments) == [(officer, "waiver", told), (officer, "break_glass", told), ("demo_reviewer", "review", told)]
    assert len(office.departments.ledger.events(types=("WaiverSigned",))) == 2


def test_somebody_elses_key_under_what_governs(departments: Departments, tmp_path: Path) -> None:
    """A proposal in a governor's name that another key signed."""
    create_key(tmp_path / "olga.key")
    enrol(departments, "olga", roles=("governor",), public_key=tmp_path / "olga.pub", in_project=True)
    with pytest.raises(Refused):
        propose(departments, person="olga", key_file=tmp_path / "mallory.key", reason="Because.")
    assert attempts(departments) == [("olga", "governance", ("KEY-ENROLLED",))]
    assert departments.ledger.events(types=("GovernanceProposed",)) == []

"""Waivers in a life: two people, one rule, exactly these bytes, until it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.cli.waive import next_of_waived
from lifecycle.errors import LifecycleError, Refused, UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates import judging, waivers
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.standing import states
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.life.people import asked_waivers
from lifecycle.life.people.asked_waivers import every_asked_waiver
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.wiring import Departments
from tests.life.people.offices import RULE, WHY, Office
from tests.scenarios.homes import departments_at


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_two_people_let_a_version_past_one_rule(office: Office) -> None:
    """Denied before, waiting for its approval after; and with one signature nothing has changed."""
    assert office.promoted() == ("deny", {RULE, "APR-001"}, set())
    assert office.sign("demo_risk_officer").decision.result.outcome == "needs_approval"
    assert office.promoted()[0] == "deny"
    assert office.sign("demo_second_officer").decision.result.outcome == "allow"
    assert office.promoted() == ("needs_approval", {"APR-001"}, {RULE})


def test_a_version_that_was_denied_is_put_before_the_gate_again_once_it_is_waived(office: Office) -> None:
    """By the second signature and not by the first; then it can be approved, and nobody had to ask the promotion gate."""
    assert office.promoted()[0] == "deny"
    assert office.sign("demo_risk_officer").judged_again is None
    judged = office.sign("demo_second_officer").judged_again
    assert judged is not None
    assert (judged.gate, judged.result.outcome) == ("promotion", "needs_approval")
    assert states(office.departments)["credit", 1] == "waiting"
    assert next_of_waived("credit:1", judged).startswith("lifecycle approve credit:1 ")


def test_what_else_denies_a_waived_version_is_named(office: Office) -> None:
    """A waiver of one rule does not help against another."""
    assert office.promoted()[0] == "deny"
    for person in ("demo_risk_officer", "demo_second_officer"):
        judged = office.sign(person, "PRM-009").judged_again
    assert judged is not None
    assert judged.result.outcome == "deny"
    assert next_of_waived("credit:1", judged) == f"credit:1 is denied still, by APR-001, {RULE}: lifecycle policy explain {judged.id}"


def test_one_person_is_not_two(office: Office) -> None:
    """A second signature by the same person is refused."""
    office.sign("demo_risk_officer")
    with pytest.raises(Refused, match="signed this waiver already"):
        office.sign("demo_risk_officer")
    assert waivers_for(office.departments, "credit", 1) == ()


@pytest.mark.parametrize(("person", "rule"), [("demo_engineer", "WVR-004"), ("demo_clerk", "WVR-005")])
def test_who_had_a_part_in_it_or_lacks_the_role_waives_nothing(office: Office, person: str, rule: str) -> None:
    """The attempt is in the ledger, denied with its rule, and a signature beside it does not help."""
    outcome = office.sign(person)
    assert outcome.decision.result.outcome == "deny"
    assert rule in {one.rule for one in outcome.decision.result.violations}
    office.sign("demo_risk_officer")
    assert waivers_for(office.departments, "credit", 1) == ()


@pytest.mark.parametrize("rule", ["PRM-002", "PRM-015", "APR-001", "SOD-001"])
def test_what_must_hold_is_not_waived(office: Office, rule: str) -> None:
    """Nobody signs a signature, a lineage or a separation of duties away."""
    assert office.sign("demo_risk_officer", rule).decision.result.outcome == "deny"


def test_an_unknown_rule_and_a_missing_ticket_are_said(office: Office) -> None:
    """Before anything is signed."""
    with pytest.raises(UnknownName, match="PRM-999"):
        office.sign("demo_risk_officer", "PRM-999")
    with pytest.raises(LifecycleError, match="names no ticket") as missing:
        office.sign("demo_risk_officer", ticket="")
    assert "--ticket" in missing.value.next_step
    assert office.departments.ledger.events(types=("WaiverSigned",)) == []


def test_a_waiver_that_would_last_too_long_is_denied(office: Office) -> None:
    """The limit is data, and governed."""
    outcome = office.sign("demo_risk_officer", hours=100_000)
    assert {one.rule for one in outcome.decision.result.violations} >= {"WVR-002"}


def test_a_waiver_ends_with_its_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it let through is judged without it from then on."""
    office.sign("demo_risk_officer")
    ends = office.sign("demo_second_officer").statement.expires_at_us
    assert len(waivers_for(office.departments, "credit", 1)) == 1
    monkeypatch.setattr(waivers, "now_us", lambda: ends)
    assert waivers_for(office.departments, "credit", 1) == ()


def test_a_waiver_ends_with_a_key(office: Office) -> None:
    """A revoked key takes its signature back, and one is not enough."""
    office.sign("demo_risk_officer")
    office.sign("demo_second_officer")
    (key,) = office.departments.people.person("demo_second_officer").keys
    revoke(office.departments, key.id, reason="lost")
    assert waivers_for(office.departments, "credit", 1) == ()
    assert office.promoted()[0] == "deny"


@pytest.mark.parametrize("what", ["statement", "key"])
def test_a_deployment_on_a_revoked_waiver_is_found_by_verification(office: Office, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Whoever shows a gate a waiver of which somebody's word or key was taken back leaves a ledger that names it."""
    office.sign("demo_risk_officer")
    signed = office.sign("demo_second_officer").statement
    waived = waivers_for(office.departments, "credit", 1)
    (key,) = office.departments.people.person("demo_second_officer").keys
    revoke(office.departments, key.id if what == "key" else signed.content_digest(), reason="I misread it.")
    assert waivers_for(office.departments, "credit", 1) == ()
    monkeypatch.setattr(judging, "waivers_for", lambda *of: waived)
    step = Step(run_id="blind")
    ask(office.departments, judging.deployment_input(office.departments, office.departments.model("credit"), 1, step), step)
    found = verify_ledger(office.departments.ledger, None, checks=(PeopleCheck(office.departments),)).findings
    assert [one.what for one in found if f"a waiver of {RULE} by demo_second_officer, which had been revoked" in one.what]
    assert not [one.what for one in found if "by demo_risk_officer, which" in one.what]


def test_a_key_that_is_revoked_while_a_gate_is_shown_a_waiver_is_not_passed_over(office: Office) -> None:
    """The question was put together before; its answer is not recorded, with no approval in it either."""
    office.sign("demo_risk_officer")
    office.sign("demo_second_officer")
    step, seen = Step(run_id="asking"), office.departments.ledger.head().size
    asked = judging.deployment_input(office.departments, office.departments.model("credit"), 1, step)
    assert (len(asked.waivers), asked.approvals) == (1, ())
    (key,) = office.departments.people.person("demo_second_officer").keys
    revoke(office.departments, key.id, reason="lost")
    with pytest.raises(Refused, match="a key was revoked"):
        ask(office.departments, asked, step, seen=seen)


def test_a_waiver_is_not_one_in_another_environment(office: Office) -> None:
    """It was signed for here."""
    office.sign("demo_risk_officer")
    office.sign("demo_second_officer")
    settings = office.departments.settings
    elsewhere = departments_at(settings.home, LIFECYCLE_PROJECT=str(settings.project), LIFECYCLE_ENVIRONMENT="staging")
    assert waivers_for(elsewhere, "credit", 1) == ()


def test_waive_on_the_command_line(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One signs and is told who is missing; the next completes it; what is never waived ends with 3."""
    settings = office.departments.settings
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(settings.home))

    def waive(person: str, rule: str = RULE) -> int:
        capsys.readouterr()
        key = str(office.people / f"{person}.key")
        return main.run(["waive", "credit:1", "--rule", rule, "--as", person, "--key", key, "--reason", WHY, "--ticket", "RISK-7"])

    assert waive("demo_risk_officer") == 0
    assert "waits for another person" in capsys.readouterr().err
    assert waive("demo_second_officer") == 0
    assert "allow" in capsys.readouterr().out
    assert waive("demo_risk_officer", "PRM-002") == Refused.exit_code
    assert "WVR-001" in capsys.readouterr().err


def test_waivers_stay_with_the_ledger(office: Office) -> None:
    """Another process sees the same."""
    office.sign("demo_risk_officer")
    office.sign("demo_second_officer")
    again = Departments(office.departments.settings)
    (waiver,) = waivers_for(again, "credit", 1)
    assert (waiver.rule, waiver.ticket, waiver.granted_by) == (RULE, "RISK-7", ("demo_risk_officer", "demo_second_officer"))


def listed(office: Office, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str, list[str]]]:
    """What `lifecycle waivers --json` says: rule, how it stands, who signed."""
    capsys.readouterr()
    assert main.run(["waivers", *arguments, "--json"]) == 0
    return [(one["rule"], one["stands"], one["signed_by"]) for one in json.loads(capsys.readouterr().out)]


def test_the_waivers_that_count_and_those_that_wait_are_listed(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first signature on, with what completes it; what does not count any more is listed on demand alone."""
    settings = office.departments.settings
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(settings.home))
    assert listed(office, capsys) == []
    office.sign("demo_risk_officer")
    assert main.run(["waivers"]) == 0
    said = capsys.readouterr()
    assert "open" in said.out
    assert f"lifecycle waive credit:1 --rule {RULE} --as ID" in said.err
    office.sign("demo_second_officer")
    both = ["demo_risk_officer", "demo_second_officer"]
    assert listed(office, capsys) == listed(office, capsys, "credit:1") == [(RULE, "in_force", both)]
    key_id = office.departments.people.person("demo_second_officer").keys[0].id
    revoke(office.departments, key_id, reason="The key was lost.")
    assert listed(office, capsys) == []
    ((rule, stands, _),) = listed(office, capsys, "--all")
    assert (rule, stands) == (RULE, "void")


def test_a_waiver_whose_time_has_passed_is_over(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in no list but that of all; a version that there is not is named."""
    settings = office.departments.settings
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(settings.home))
    office.sign("demo_risk_officer")
    (waiver,) = every_asked_waiver(office.departments)
    monkeypatch.setattr(asked_waivers, "now_us", lambda: waiver.expires_at_us)
    assert listed(office, capsys) == []
    assert [stands for _, stands, _ in listed(office, capsys, "--all")] == ["over"]
    assert main.run(["waivers", "credit:9"]) == 2
    assert "credit:9" in capsys.readouterr().err

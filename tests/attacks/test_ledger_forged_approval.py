"""Somebody who can append, and has nobody's key, puts people's words into the ledger; and what was denied is rolled out by it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.keys import create_key, key_id_of, load_key
from lifecycle.ledger.verifying.findings import Verification
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.deployment import request_rollout
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step, links
from lifecycle.life.revocation import revoke
from lifecycle.life.signing import signed_now
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade
from lifecycle.records.bodies.governors import EnrolledKey, PersonEnrolled
from lifecycle.records.events import Event, Subject
from lifecycle.records.gates import Decision
from lifecycle.records.identity import new_id
from lifecycle.records.record import digest_of
from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate

STEP = Step(run_id="deploy")
REASON = "Read and weighed."


class Approved:
    """A home whose credit:1 was approved, allowed and rolled out, and what an attacker makes of its records."""

    def __init__(self, folder: Path) -> None:
        self.departments, self.cast = copy_of_home_at_the_gate(folder)
        approve_version(self.departments, "credit", 1, person=self.cast.officer, key_file=self.cast.key(self.cast.officer), reason=REASON)
        self.approval = self.departments.ledger.events(types=("ApprovalGiven",))[0].event
        assert isinstance(self.approval.body, ApprovalGiven)
        self.statement: Statement = self.approval.body.statement
        self.decision = ask(self.departments, deployment_input(self.departments, self.departments.model("credit"), 1, STEP), STEP)
        assert self.decision.allowed

    def roll_out(self, decision_id: str | None = None) -> None:
        model = self.departments.model("credit")
        request_rollout(self.departments, model, 1, decision_id or self.decision.id, new_id(), STEP)

    def forged_approval(self, **other: Any) -> Event:
        """The officer's approval with other words in it, and somebody's junk for a signature."""
        statement = self.statement.model_copy(update={"nonce": "ab" * 16, **other})
        body = self.approval.body
        assert isinstance(body, ApprovalGiven)
        payload = base64.b64encode(statement.canonical()).decode()
        envelope = body.envelope.model_copy(update={"payload": payload, "signature": "A" * 86 + "=="})
        signed = links(approval=statement.content_digest())
        return self.approval.model_copy(
            update={"id": new_id(), "body": ApprovalGiven(envelope=envelope), "outputs": signed, "sequence": None}
        )

    def forged_decision(self, change: Callable[[dict[str, Any]], None]) -> Decision:
        """The deployment decision with something else in its question, of which it has the digest."""
        said: dict[str, Any] = self.decision.as_json()
        said["id"] = new_id()
        change(said)
        forged = Decision.of(said)
        return forged.model_copy(update={"input_digest": forged.input.content_digest()})

    def decided(self, decision: Decision, *, consumed: tuple[str, ...] = ()) -> None:
        recorded = self.departments.ledger.events(types=("DecisionMade",), newest_first=True, limit=1)[0].event
        update = {"id": new_id(), "body": DecisionMade(decision=decision, consumed=consumed), "sequence": None}
        self.departments.ledger.append(recorded.model_copy(update=update))

    def verify(self) -> Verification:
        """As `lifecycle ledger verify` does, in the home."""
        signed_now(self.departments)
        looking = Departments(self.departments.settings, make=False)
        return verify_ledger(self.departments.ledger, self.departments.ledger_key, checks=(PeopleCheck(looking),))

    def found(self) -> list[str]:
        result = self.verify()
        assert not result.ok
        assert result.level == "none"
        return [finding.what for finding in result.findings]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Approved]:
    approved = Approved(tmp_path)
    yield approved
    approved.departments.ledger.close()


def test_what_really_happened_holds(home: Approved) -> None:
    """The officer's own key, the gate's own decision, and a rollout by it."""
    home.roll_out()
    result = home.verify()
    assert (result.findings, result.notices, result.level) == ((), (), "L1")


def test_an_approval_with_a_junk_signature_is_found(home: Approved) -> None:
    """It says that the officer approved; no key of the officer says so."""
    forged = home.forged_approval(reason="Looks good to me.")
    index = home.departments.ledger.append(forged).index
    (found,) = home.found()
    key_id = home.approval.body.envelope.key_id  # type: ignore[attr-defined]  # an ApprovalGiven
    told = f"record {index} (ApprovalGiven, id {forged.id}) does not hold what demo_risk_officer signed with the key {key_id}"
    assert found.startswith(told)


def test_an_approval_by_a_key_of_the_attacker_s_own_is_found(home: Approved, tmp_path: Path) -> None:
    """The signature holds, and nobody ever enrolled that key for the officer."""
    public = create_key(tmp_path / "evil.key")
    forged = home.forged_approval()
    assert isinstance(forged.body, ApprovalGiven)
    envelope = forged.body.envelope
    signature = load_key(tmp_path / "evil.key").sign(pre_authentication(envelope.payload_type, envelope.payload_bytes()))
    envelope = envelope.model_copy(update={"key_id": key_id_of(public), "signature": base64.b64encode(signature).decode()})
    home.departments.ledger.append(forged.model_copy(update={"body": ApprovalGiven(envelope=envelope)}))
    (found,) = home.found()
    assert f"is signed with the key {key_id_of(public)}, which nobody ever enrolled for demo_risk_officer" in found


def test_a_key_that_is_enrolled_for_somebody_a_second_time_is_told(home: Approved, tmp_path: Path) -> None:
    """Nothing proves who enrolled whom; so whoever slips a key of theirs under a name is told of to the one who verifies."""
    public = create_key(tmp_path / "evil.key")
    body = PersonEnrolled(
        person=home.cast.officer,
        roles=("risk",),
        teams=(),
        keys=(EnrolledKey(id=key_id_of(public), public=public),),
        registry="home",
        registry_digest=home.decision.policy.people_digest,
    )
    event = Event.happened(
        body, subject=Subject(kind="person", name=home.cast.officer), actor=home.approval.actor, environment=home.departments.environment
    )
    index = home.departments.ledger.append(event).index
    result = home.verify()
    assert [(found.index, "gives demo_risk_officer other keys" in found.what) for found in result.notices] == [(index, True)]


def test_a_decision_that_was_shown_an_approval_that_nobody_gave_is_found(home: Approved) -> None:
    """In the question it is verified; in the ledger it does not stand."""

    def show(said: dict[str, Any]) -> None:
        said["input"]["approvals"][0]["statement_digest"] = digest_of(b"nothing")

    home.decided(home.forged_decision(show))
    assert any("was shown an approval by demo_risk_officer that no record before it holds" in found for found in home.found())


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("approver", "demo_engineer", "with another approver (demo_engineer) than was signed (demo_risk_officer)"),
        ("decision", "reject", "with another decision (reject) than was signed (approve)"),
        ("evidence_digest", digest_of(b"other"), "with another evidence_digest"),
        ("roles", ["admin", "risk"], "in the roles admin, which they do not hold among its people"),
        ("event_id", "0" * 8 + "-0000-7000-8000-" + "0" * 12, "as that of the event 00000000-"),
    ],
)
def test_an_approval_that_is_shown_as_something_else_is_found(home: Approved, field: str, value: object, told: str) -> None:
    """Approver, decision, digests and roles of the question are held against what was signed and against the registry."""

    def show(said: dict[str, Any]) -> None:
        said["input"]["approvals"][0][field] = value

    home.decided(home.forged_decision(show))
    assert any(told in found for found in home.found())


def test_a_statement_by_a_key_that_was_revoked_before_is_found(home: Approved) -> None:
    """A gate that forgot the revocation, or was made to, shows."""
    revoke(home.departments, home.departments.people.person(home.cast.officer).keys[0].id, reason="It was stolen.")
    home.decided(home.forged_decision(lambda said: None))
    assert any("was revoked before" in found for found in home.found())


def test_a_rollout_without_a_decision_is_found(home: Approved) -> None:
    """Its state allows it; nothing did."""
    home.roll_out(new_id())
    (found,) = home.found()
    assert "(RolloutRequested, id " in found
    assert "which no record before it holds" in found


def test_a_rollout_by_a_decision_that_its_own_rules_do_not_give_is_found(home: Approved) -> None:
    """The forged decision is consistent and allows; taken again by the bundle that it names, it denies."""

    def show(said: dict[str, Any]) -> None:
        said["input"]["approvals"] = []
        said["result"]["required_approvals"] = []

    forged = home.forged_decision(show)
    home.decided(forged)
    home.roll_out(forged.id)
    (found,) = home.found()
    assert f"goes by the decision {forged.id}, which its own rules do not give: the verdict was allow and is " in found


def test_a_rollout_by_the_decision_of_another_gate_is_found(home: Approved) -> None:
    """The promotion gate allows nothing to be deployed."""
    promotion = home.departments.ledger.events(types=("DecisionMade",))[-2].event.body
    assert isinstance(promotion, DecisionMade)
    home.roll_out(promotion.decision.id)
    assert any("which allowed no deployment" in found for found in home.found())


def test_an_auditor_without_the_home_is_told_what_was_not_looked_at(home: Approved) -> None:
    """With the ledger's database alone the signatures are still held against the keys that it enrols."""
    home.roll_out()
    home.departments.ledger.append(home.forged_approval())
    signed_now(home.departments)
    result = verify_ledger(home.departments.settings.ledger_url, home.departments.ledger_key, checks=(PeopleCheck(None, elsewhere=True),))
    assert ["does not hold what demo_risk_officer signed" in found.what for found in result.findings] == [True]
    assert ["people that decisions go by" in found.what or "not taken again" in found.what for found in result.notices] == [True, True]


def test_a_registry_that_is_gone_is_found(home: Approved) -> None:
    """Who may do what is part of what a decision rests on."""
    home.departments.artifacts.erase(home.decision.policy.people_digest)
    assert any("the people whom it goes by can't be had: There is no artifact" in found for found in home.found())


def test_the_command_looks_at_people_s_words(home: Approved, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`lifecycle ledger verify` asks; with --structure it reads no record, and does not."""
    from lifecycle.cli import main

    home.departments.ledger.append(home.forged_approval())
    monkeypatch.setenv("LIFECYCLE_HOME", str(home.departments.settings.home))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(home.departments.settings.project))
    for more in ([], ["--url", home.departments.settings.ledger_url]):
        assert main.run(["ledger", "verify", *more]) == 4
        assert "does not hold what demo_risk_officer signed" in capsys.readouterr().out
    assert main.run(["ledger", "verify", "--structure"]) == 0

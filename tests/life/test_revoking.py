"""Taking back an approval, a key and a version: who may, what counts no more, and what stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pytest

from lifecycle.approvals.keys import create_key
from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.deployment import deploy_version
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.life.signing import signed_now
from lifecycle.life.withdrawn import LedgerWithdrawals, withdrawals_of
from lifecycle.records.bodies.decisions import ApprovalGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, VersionRevoked
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import now_us
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.wiring import Departments
from tests.life.gateways import GatewayThatAnswers, types
from tests.scenarios.commands import change, project_copy
from tests.scenarios.homes import copy_of_home_at_the_gate

if TYPE_CHECKING:
    from lifecycle.ledger.recorded import Wanted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


class House:
    """credit:1 was approved by the officer; `deployed` has the gate allow it and use the approval up."""

    def __init__(self, folder: Path) -> None:
        self.departments, self.cast = copy_of_home_at_the_gate(folder)
        vars(self.departments)["gateway"] = GatewayThatAnswers()
        self.given: Recorded = approve_version(
            self.departments, "credit", 1, person=self.cast.officer, key_file=self.officer, reason="Within limits."
        ).recorded

    @property
    def officer(self) -> Path:
        return self.cast.key(self.cast.officer)

    @property
    def key_id(self) -> str:
        return standing.body_of(self.given, ApprovalGiven).envelope.key_id

    def deployed(self) -> str:
        step = Step(run_id="deploying")
        decision = ask(self.departments, deployment_input(self.departments, self.departments.model("credit"), 1, step), step)
        assert decision.allowed
        return decision.id

    def withdrawn(self) -> tuple[Withdrawal, ...]:
        """What a gateway would hear."""
        settings = self.departments.settings
        return LedgerWithdrawals(settings.ledger_url, origin=settings.origin, environment="local").since(0)[1]

    def verified(self) -> tuple[str, ...]:
        """What `lifecycle ledger verify` finds."""
        signed_now(self.departments)
        looking = Departments(self.departments.settings, make=False)
        result = verify_ledger(self.departments.ledger, self.departments.ledger_key, checks=(PeopleCheck(looking),))
        return tuple(finding.what for finding in result.findings)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_an_approval_that_is_revoked_before_it_was_used_counts_no_more(house: House) -> None:
    """The gate waits for another one, and nothing that serves is touched."""
    revoke(house.departments, house.given.event.id, reason="I misread the report.", person=house.cast.officer, key_file=house.officer)
    with pytest.raises(Refused, match="waits for approval"):
        deploy_version(house.departments, house.departments.model("credit"), 1, Step(run_id="next"), report=print)
    assert "RolloutRequested" not in types(house.departments)
    assert house.withdrawn() == ()
    assert house.verified() == ()


def test_an_approval_that_is_revoked_after_it_was_used_takes_back_what_was_deployed_with_it(house: House) -> None:
    """A gateway hears of the version, under the decision that used the approval up and under no other."""
    decision_id = house.deployed()
    statement = standing.body_of(house.given, ApprovalGiven).statement.content_digest()
    revoke(house.departments, statement, reason="I misread the report.", person=house.cast.officer, key_file=house.officer)
    (gone,) = house.withdrawn()
    assert (gone.model, gone.version, gone.decision_id) == ("credit", 1, decision_id)
    assert "I misread the report" in gone.why
    assert house.verified() == ()


def test_a_decision_that_was_cut_short_does_not_go_out_on_a_revoked_approval(house: House) -> None:
    """What a killed step left unused would not be given again."""
    house.deployed()
    revoke(house.departments, house.given.event.id, reason="I misread the report.")
    with pytest.raises(Refused, match="waits for approval"):
        deploy_version(house.departments, house.departments.model("credit"), 1, Step(run_id="next"), report=print)
    assert "RolloutRequested" not in types(house.departments)


def test_a_deployment_on_a_revoked_approval_is_found_by_verification(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes the gate overlook a revocation gets an allowance, and a ledger that names it."""
    taken_back = revoke(house.departments, house.given.event.id, reason="I misread the report.")
    with monkeypatch.context() as blind:
        blind.setattr(standing, "taken_back", lambda *of: frozenset())
        house.deployed()
    (found,) = [what for what in house.verified() if "revoked before" in what]
    assert f"was shown an approval by {house.cast.officer}, which record {taken_back.index} had revoked before" in found


def test_what_was_deployed_with_a_key_stands_when_the_key_is_revoked(house: House) -> None:
    """A key that is lost or not needed any more takes nothing down that was rightly deployed."""
    house.deployed()
    revoke(house.departments, house.key_id, reason="A new one is in use.", person=house.cast.officer, key_file=house.officer)
    assert house.withdrawn() == ()
    with pytest.raises(Refused, match="not enrolled"):
        revoke(house.departments, "credit:1", reason="With an old key.", person=house.cast.officer, key_file=house.officer)


def test_a_key_in_other_hands_takes_down_what_it_let_through_since(house: House) -> None:
    """It may come out later that it was stolen, and since when; the place in the ledger counts, and not what a statement claims."""
    decision_id = house.deployed()
    revoke(house.departments, house.key_id, reason="The laptop is gone.")
    recorded = revoke(house.departments, house.key_id, reason="It was stolen.", since_us=house.given.event.occurred_at_us - 1)
    body = standing.body_of(recorded, KeyRevoked)
    assert body.compromised_from is not None
    assert body.compromised_from <= house.given.index
    assert [one.decision_id for one in house.withdrawn()] == [decision_id]


def test_a_key_in_other_hands_leaves_what_it_let_through_before(house: House) -> None:
    """What stands before the moment that is named was signed by whoever the key belongs to."""
    house.deployed()
    revoke(house.departments, house.key_id, reason="It was stolen.", since_us=now_us())
    assert house.withdrawn() == ()


def test_a_revoked_version_is_over(house: House) -> None:
    """Its state says so, no gate lets it through, a gateway hears of it, and it can't be revoked twice."""
    revoke(house.departments, "credit:1", reason="It leaked.", person=house.cast.officer, key_file=house.officer)
    assert standing.states(house.departments)["credit", 1] == "revoked"
    assert [(one.version, one.decision_id) for one in house.withdrawn()] == [(1, None)]
    with pytest.raises(Refused, match="is revoked"):
        deploy_version(house.departments, house.departments.model("credit"), 1, Step(run_id="next"), report=print)
    with pytest.raises(Refused, match="already"):
        revoke(house.departments, "credit:1", reason="Again.")
    assert house.verified() == ()


def test_nothing_is_taken_back_by_time_or_by_a_new_policy(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That an approval has run out and that limits became stricter bounds deployment; what was deployed before goes on serving."""
    house.deployed()
    project = project_copy(tmp_path / "stricter")
    change(project / "governance" / "limits" / "consumer_credit.yaml", "{value: 0.78, from: 0.65", "{value: 0.9, from: 0.65")
    stricter = Departments(replace(house.departments.settings, project=project))
    assert stricter.gate_keeper.bundle_digest != house.departments.gate_keeper.bundle_digest
    step = Step(run_id="anew")
    assert not ask(stricter, deployment_input(stricter, stricter.model("credit"), 1, step), step).allowed
    expired = standing.body_of(house.given, ApprovalGiven).statement.expires_at_us + 1
    monkeypatch.setattr("lifecycle.records.identity.now_us", lambda: expired)
    assert house.withdrawn() == ()
    assert house.verified() == ()


@pytest.mark.parametrize("what", ["credit:1", "the approval"])
def test_who_has_no_part_in_it_takes_nothing_back(house: House, tmp_path: Path, what: str) -> None:
    """Somebody who neither holds a role that may, nor gave the approval, nor owns the model; the attempt is kept."""
    target = house.given.event.id if what == "the approval" else what
    key_file = tmp_path / "analyst.key"
    create_key(key_file)
    enrol(house.departments, "analyst", roles=("analyst",), public_key=key_file.with_suffix(".pub"))
    with pytest.raises(Refused, match="may not take back") as refused:
        revoke(house.departments, target, reason="I don't like it.", person="analyst", key_file=key_file)
    assert refused.value.rules == ("RVK-001",)
    assert house.departments.ledger.events(types=("VersionRevoked", "ApprovalRevoked")) == []
    assert len(house.departments.ledger.events(types=("SignatureBarred",))) == 1


def test_where_people_govern_a_revocation_is_signed(house: House) -> None:
    """Outside of `local` nobody takes anything back unsigned, not even in the home's own name."""
    elsewhere = Departments(house.departments.settings.__class__(**{**vars(house.departments.settings), "environment": "staging"}))
    with pytest.raises(Refused, match="is signed by somebody who may"):
        revoke(elsewhere, "credit:1", reason="It leaked.")


@pytest.mark.parametrize("what", ["version", "approval", "key"])
def test_an_unsigned_revocation_where_people_govern_is_found(house: House, what: str) -> None:
    """Whoever can append to a ledger takes nothing back with nobody's word that `ledger verify` would pass over."""
    statement = standing.body_of(house.given, ApprovalGiven).statement
    body: VersionRevoked | ApprovalRevoked | KeyRevoked
    if what == "version":
        body = VersionRevoked(reason="because")
    elif what == "approval":
        body = ApprovalRevoked(reason="because", approver=statement.approver, statement_digest=statement.content_digest())
    else:
        body = KeyRevoked(reason="because", person=statement.approver, key_id=house.key_id)
    subject = Subject(kind="key", name=house.key_id) if what == "key" else house.given.event.subject
    nobody = Actor(id="nobody", kind="human")
    for environment in ("local", "staging"):
        house.departments.ledger.append(Event.happened(body, subject=subject, actor=nobody, environment=environment))
    (found,) = [told for told in house.verified() if "is signed by nobody" in told]
    assert found.endswith("in staging people govern")


def test_an_approval_is_taken_back_where_it_was_given_and_nowhere_else(house: House) -> None:
    """In another environment nobody goes by it, so nobody takes it back."""
    elsewhere = Departments(replace(house.departments.settings, environment="staging"))
    with pytest.raises(UnknownName):
        revoke(elsewhere, house.given.event.id, reason="I misread the report.")


@pytest.mark.parametrize("what", ["approval", "key"])
def test_what_nobody_signs_in_local_takes_nothing_out_elsewhere(house: House, what: str) -> None:
    """A laptop's home may share the ledger of what serves for real."""
    house.deployed()

    class Elsewhere:
        """The same ledger, where the same was deployed in every environment."""

        def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]:
            wanted.pop("environment", None)
            return house.departments.ledger.events(**wanted)

    target, since = (house.given.event.id, None) if what == "approval" else (house.key_id, 1)
    recorded = revoke(house.departments, target, reason="because", since_us=since)
    assert len(list(withdrawals_of(Elsewhere(), recorded, "local"))) == 1
    assert list(withdrawals_of(Elsewhere(), recorded, "staging")) == []


def test_what_nobody_knows_can_not_be_taken_back(house: House) -> None:
    """The error says where names are listed; and only a key can have been in other hands."""
    with pytest.raises(UnknownName, match="no version, no key and no approval"):
        revoke(house.departments, "nothing", reason="It leaked.")
    with pytest.raises(InvalidDeclaration, match="Only a key"):
        revoke(house.departments, "credit:1", reason="It leaked.", since_us=1)


def test_a_revocation_that_somebody_else_signed_is_found(house: House) -> None:
    """A VersionRevoked in the officer's name with a signature that is not theirs does not pass `ledger verify`."""
    recorded = revoke(house.departments, "credit:1", reason="It leaked.", person=house.cast.officer, key_file=house.officer)
    body = recorded.event.body
    envelope = body.envelope.model_copy(update={"signature": "A" * 86 + "=="})  # type: ignore[attr-defined]  # a VersionRevoked has one
    forged = recorded.event.model_copy(
        update={"id": "forged", "environment": "staging", "body": body.model_copy(update={"envelope": envelope}), "sequence": None}
    )
    house.departments.ledger.append(forged)
    assert any("does not hold what demo_risk_officer signed" in found for found in house.verified())

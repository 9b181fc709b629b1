"""Somebody who can append takes back, breaks and reviews what they may not: `ledger verify` names each, and nothing rightful."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.approvals.keys import load_key
from lifecycle.approvals.statements import signed
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.people import reviewing
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.reviewing import open_reviews
from lifecycle.life.revocation import revoke
from lifecycle.life.signing import signed_now
from lifecycle.records.approval import ReviewStatement, RevocationStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.decisions import WaiverSigned
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, VersionRevoked
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.gates import BREAK_GLASS
from lifecycle.records.identity import new_id, now_us
from lifecycle.wiring import Departments
from tests.life.people.emergencies import BREAKING, Emergency

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]
HOUR_US = 3_600 * 1_000_000


class Break(Emergency):
    """A home whose glass is broken, and what somebody appends to its ledger."""

    def append(self, body: Body, subject: Subject, actor: str, environment: str = "local") -> None:
        by = Actor(id=actor, kind="human", authenticated=True)
        self.departments.ledger.append(Event.happened(body, subject=subject, actor=by, environment=environment))

    @property
    def version(self) -> Subject:
        return self.departments.ledger.events(types=("ModelTrained",), name="credit", version=1)[0].event.subject

    def revocation(self, person: str, environment: str) -> VersionRevoked:
        now = now_us()
        said = RevocationStatement(
            revokes="version",
            target="credit:1",
            model_digest=self.version.digest,
            compromised_from=None,
            signer=person,
            reason="because",
            environment=environment,
            nonce=secrets.token_hex(16),
            signed_at_us=now,
            expires_at_us=now + HOUR_US,
        )
        key = load_key(self.people / f"{person}.key")
        return VersionRevoked(reason="because", envelope=signed(said, key, self.departments.people))

    def review_of(self, event_id: str, person: str) -> ReviewGiven:
        now = now_us()
        said = ReviewStatement(
            event_id=event_id,
            verdict="justified",
            signer=person,
            reason="All was fine.",
            model="credit",
            version=1,
            environment="local",
            nonce=secrets.token_hex(16),
            signed_at_us=now,
            expires_at_us=now + HOUR_US,
        )
        key = load_key(self.people / f"{person}.key")
        return ReviewGiven(envelope=signed(said, key, self.departments.people))

    def found(self) -> list[str]:
        signed_now(self.departments)
        looking = Departments(self.departments.settings, make=False)
        checked = verify_ledger(self.departments.ledger, self.departments.ledger_key, checks=(PeopleCheck(looking),))
        return [finding.what for finding in checked.findings]


@pytest.fixture
def house(tmp_path: Path) -> Break:
    return Break(tmp_path)


def test_a_rightful_emergency_with_its_review_and_revocations_verifies(house: Break) -> None:
    """Broken, gone past, reviewed by another, and taken back: a statement, a key, the version."""
    house.review(house.broken())
    assert house.promoted()[0] == "needs_approval"
    said = house.departments.ledger.events(types=("WaiverSigned",))[0].event.id
    key_file = house.people / "demo_reviewer.key"
    (key,) = house.departments.people.person(BREAKING[1]).keys
    revoke(house.departments, said, reason="I misread it.", person="demo_reviewer", key_file=key_file)
    revoke(house.departments, key.id, reason="It is lost.")
    revoke(house.departments, "credit:1", reason="It leaked.", person="demo_reviewer", key_file=key_file)
    assert open_reviews(house.departments) == ()
    assert house.found() == []


def test_a_version_taken_back_where_people_govern_by_somebody_of_the_home(house: Break) -> None:
    """Whoever holds the role in a home alone holds none elsewhere."""
    house.append(house.revocation("demo_reviewer", "staging"), house.version, "demo_reviewer", "staging")
    (found,) = house.found()
    assert "takes back the version credit:1 on the word of demo_reviewer, who held none of the roles governor, risk" in found


@pytest.mark.parametrize(("role", "findings"), [("risk", 0), ("clerk", 1)])
def test_a_version_taken_back_where_people_govern_without_the_role(house: Break, role: str, findings: int) -> None:
    """Somebody of the project who holds it may; who holds another may not."""
    from lifecycle.approvals.keys import create_key

    create_key(house.people / "project_person.key")
    public = house.people / "project_person.pub"
    governed = Departments(replace(house.departments.settings, environment="staging"))
    enrol(governed, "project_person", roles=(role,), public_key=public, in_project=True)
    vars(house.departments).pop("people", None)
    house.append(house.revocation("project_person", "staging"), house.version, "project_person", "staging")
    assert len([found for found in house.found() if "held none of the roles" in found]) == findings


def test_a_key_taken_back_as_somebody_elses(house: Break) -> None:
    """The record says whose it is, and registries know better."""
    (key,) = house.departments.people.person(BREAKING[0]).keys
    house.append(KeyRevoked(reason="because", person="demo_clerk", key_id=key.id), Subject(kind="key", name=key.id), "demo_clerk")
    (found,) = house.found()
    assert f"as one of demo_clerk, and it is {BREAKING[0]}'s" in found


@pytest.mark.parametrize("lie", ["approver", "version", "nothing"])
def test_an_approval_taken_back_that_was_another(house: Break, lie: str) -> None:
    """In the name of somebody who did not give it, about another version, or one that is not there."""
    house.broken()
    recorded = house.departments.ledger.events(types=("WaiverSigned",))[0].event
    assert isinstance(recorded.body, WaiverSigned)
    said = recorded.body.statement
    approver = "demo_clerk" if lie == "approver" else said.signer
    digest = "sha256:" + "ab" * 32 if lie == "nothing" else said.content_digest()
    subject = house.version.model_copy(update={"version": 2}) if lie == "version" else house.version
    house.append(ApprovalRevoked(reason="because", approver=approver, statement_digest=digest), subject, approver)
    told = {"approver": "as something that demo_clerk did", "version": "as something about", "nothing": "that no record before it holds"}
    assert any("ApprovalRevoked" in found and told[lie] in found for found in house.found())


def test_a_glass_broken_by_people_who_signed_nothing(house: Break) -> None:
    """Each of them is named, and so is the decision that is not there."""
    body = GlassBroken(
        waiver_id=new_id(), decision_id=new_id(), signed_by=("ann_a", "bob_b"), ends_at_us=now_us(), review_by_us=now_us() + HOUR_US
    )
    house.append(body, house.version, "somebody")
    found = house.found()
    assert [person for person in ("ann_a", "bob_b") if any(f"says that {person} broke the glass" in one for one in found)] == [
        "ann_a",
        "bob_b",
    ]
    assert any("goes by the decision" in one for one in found)


def test_a_glass_broken_by_a_decision_that_did_not_allow_it(house: Break) -> None:
    """One signature was not enough, and the record says that it was."""
    signed_once = house.sign(BREAKING[0], BREAK_GLASS, hours=4.0)
    body = GlassBroken(
        waiver_id=signed_once.statement.waiver_id,
        decision_id=signed_once.decision.id,
        signed_by=BREAKING,
        ends_at_us=signed_once.statement.expires_at_us,
        review_by_us=now_us() + HOUR_US,
    )
    house.append(body, house.version, "somebody")
    found = house.found()
    assert any("which did not allow that" in one for one in found)
    assert any(f"says that {BREAKING[1]} broke the glass" in one for one in found)


def test_a_gate_shown_a_broken_glass_that_no_record_says_is_broken(house: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leaves the record out owes no review, and has a ledger that names the decision."""
    from lifecycle.life.gates import waivers

    with monkeypatch.context() as left_out:
        left_out.setattr("lifecycle.life.people.waiving._record_broken", lambda *of: None)
        for person in BREAKING:
            house.sign(person, BREAK_GLASS, hours=4.0)
    with monkeypatch.context() as blind:
        blind.setattr(waivers, "derived_id", lambda *of: house.departments.ledger.events(limit=1)[0].event.id)
        assert house.promoted()[0] == "needs_approval"
    assert any("was shown a broken glass, and no record before it says that it is broken" in found for found in house.found())


@pytest.mark.parametrize("person", ["demo_engineer", BREAKING[0], "demo_clerk"])
def test_a_review_by_a_maker_a_signer_or_without_the_role(house: Break, person: str) -> None:
    """It is named, and ends nothing."""
    event_id = house.broken()
    house.append(house.review_of(event_id, person), house.version, person)
    assert [one.event_id for one in open_reviews(house.departments)] == [event_id]
    told = "who held none of the roles risk" if person == "demo_clerk" else "who had a part in what is reviewed"
    assert any(f"is by {person}, {told}" in found for found in house.found())


def test_a_review_of_nothing(house: Break) -> None:
    """Of an event that nobody can find."""
    house.append(house.review_of(new_id(), "demo_reviewer"), house.version, "demo_reviewer")
    (found,) = house.found()
    assert "which nothing before it is" in found


def test_who_loses_the_role_after_a_review_reopens_nothing(house: Break) -> None:
    """Judged by the people of that time."""
    house.review(house.broken())
    people = house.departments.folder(".") / "people.yaml"
    before, after = people.read_text().split("- id: demo_reviewer", 1)
    people.write_text(before + "- id: demo_reviewer" + after.replace("- risk", "- clerk", 1))
    vars(house.departments).pop("people", None)
    assert house.departments.people.person("demo_reviewer").roles == ("clerk",)
    assert reviewing.open_reviews(house.departments) == ()
    assert house.found() == []

"""An emergency in a life: two others break the glass, for hours, and somebody else reviews it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from lifecycle.approvals.keys import load_key
from lifecycle.approvals.statements import signed
from lifecycle.cli import main
from lifecycle.errors import LifecycleError, Refused, Tampered, UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates import waivers
from lifecycle.life.gates.standing import body_of
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.life.people import reviewing
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.reviewing import open_reviews, record_review, review_to_sign
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.events import Actor, Event
from lifecycle.records.gates import BREAK_GLASS
from lifecycle.wiring import Departments
from tests.life.people.emergencies import BREAKING, Emergency
from tests.life.people.offices import RULE, WHY


@pytest.fixture
def office(tmp_path: Path) -> Emergency:
    return Emergency(tmp_path)


def test_two_people_break_the_glass_and_one_does_not(office: Emergency) -> None:
    """With one signature nothing has changed; with two the rule is past, approvals are asked for as ever, and a review is owed."""
    assert office.promoted() == ("deny", {RULE, "APR-001"}, set())
    assert office.sign(BREAKING[0], BREAK_GLASS, hours=4.0).decision.result.outcome == "needs_approval"
    assert office.promoted()[0] == "deny"
    assert open_reviews(office.departments) == ()
    assert office.sign(BREAKING[1], BREAK_GLASS).decision.result.outcome == "allow"
    assert office.promoted() == ("needs_approval", {"APR-001"}, {RULE})
    (owed,) = open_reviews(office.departments)
    assert (owed.what, owed.model, owed.version, owed.by) == ("broken glass", "credit", 1, BREAKING)
    assert owed.due_at_us > owed.happened_at_us


@pytest.mark.parametrize(("person", "rule"), [("demo_engineer", "WVR-004"), ("demo_clerk", "WVR-005")])
def test_who_had_a_part_in_it_or_lacks_the_role_breaks_nothing(office: Emergency, person: str, rule: str) -> None:
    """The attempt is in the ledger, denied with its rule; nothing is broken and nothing is owed."""
    outcome = office.sign(person, BREAK_GLASS, hours=4.0)
    assert rule in {one.rule for one in outcome.decision.result.violations}
    office.sign(BREAKING[0], BREAK_GLASS, hours=4.0)
    assert waivers_for(office.departments, "credit", 1) == ()
    assert office.departments.ledger.events(types=("GlassBroken",)) == []


def test_the_glass_is_not_broken_for_days(office: Emergency) -> None:
    """Its limit is one of hours, however long a waiver may last."""
    outcome = office.sign(BREAKING[0], BREAK_GLASS, hours=100.0)
    assert {one.rule for one in outcome.decision.result.violations} >= {"WVR-002"}


def test_the_glass_is_whole_again_after_its_hours(office: Emergency, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it let through is judged without it from then on; the review stays owed."""
    office.broken()
    (waiver,) = waivers_for(office.departments, "credit", 1)
    monkeypatch.setattr(waivers, "now_us", lambda: waiver.expires_at_us)
    assert waivers_for(office.departments, "credit", 1) == ()
    assert len(open_reviews(office.departments)) == 1


def test_a_glass_whose_record_is_missing_lets_nothing_pass(office: Emergency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the gate's answer and the record: it does not count, and signing again finishes it."""
    office.sign(BREAKING[0], BREAK_GLASS, hours=4.0)
    monkeypatch.setattr("lifecycle.life.people.waiving._record_broken", _killed)
    with pytest.raises(KeyboardInterrupt):
        office.sign(BREAKING[1], BREAK_GLASS)
    assert waivers_for(office.departments, "credit", 1) == ()
    assert office.promoted()[0] == "deny"
    monkeypatch.undo()
    office.broken()
    assert office.promoted()[0] == "needs_approval"


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_revoked_key_makes_the_glass_whole(office: Emergency) -> None:
    """One signature is not enough, whichever went."""
    office.broken()
    (key,) = office.departments.people.person(BREAKING[1]).keys
    revoke(office.departments, key.id, reason="lost")
    assert waivers_for(office.departments, "credit", 1) == ()
    assert office.promoted()[0] == "deny"


def test_a_review_ends_what_is_owed(office: Emergency) -> None:
    """It stands in the ledger, signed, and nothing more is owed; a second one has nothing to be about."""
    event_id = office.broken()
    office.review(event_id)
    assert open_reviews(office.departments) == ()
    (given,) = office.departments.ledger.events(types=("ReviewGiven",))
    assert body_of(given, ReviewGiven).statement.event_id == event_id
    with pytest.raises(UnknownName):
        office.review(event_id)


@pytest.mark.parametrize(("person", "rule"), [(BREAKING[0], "REV-002"), ("demo_engineer", "REV-002"), ("demo_clerk", "REV-003")])
def test_nobody_reviews_what_they_did_or_made(office: Emergency, person: str, rule: str) -> None:
    """Those who broke it, the team, and whoever lacks the role: refused, and still owed."""
    event_id = office.broken()
    with pytest.raises(Refused) as refused:
        office.review(event_id, person)
    assert refused.value.rules == (rule,)
    assert [one.event_id for one in open_reviews(office.departments)] == [event_id]


def test_a_review_that_was_tampered_with_or_is_of_something_else_ends_nothing(office: Emergency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another key's signature, another version, or one that came too late."""
    event_id = office.broken()
    statement = review_to_sign(office.departments, event_id, person="demo_reviewer", verdict="justified", reason="It burnt.")
    key, people = load_key(office.people / "demo_reviewer.key"), people_in_force(office.departments)
    good = signed(statement, key, people)
    other = signed(statement.model_copy(update={"version": 2}), key, people)
    for envelope, error in ((good.model_copy(update={"payload": other.payload}), Tampered), (other, Refused)):
        with pytest.raises(error):
            record_review(office.departments, envelope)
    monkeypatch.setattr(reviewing, "now_us", lambda: statement.expires_at_us)
    with pytest.raises(Refused, match="expired"):
        record_review(office.departments, good)
    assert len(open_reviews(office.departments)) == 1


def test_what_is_owed_here_is_told_on_the_command_line(
    office: Emergency, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One signs and is told who is missing; the next breaks it; `status` lists what is owed until it is reviewed."""
    settings = office.departments.settings
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(settings.home))

    def said(*words: str, person: str = "") -> str:
        capsys.readouterr()
        by = ["--as", person, "--key", str(office.people / f"{person}.key"), "--reason", WHY] if person else []
        assert main.run([*words, *by]) == 0
        return capsys.readouterr().out

    first = json.loads(said("break-glass", "credit:1", "--ticket", "INC-1", "--json", person=BREAKING[0]))
    assert (first["broken"], first["outcome"], first["review_by_us"]) == (False, "needs_approval", None)
    assert "The glass is broken" in said("break-glass", "credit:1", person=BREAKING[1])
    (owed,) = json.loads(said("status", "--json"))["reviews"]
    assert (owed["what"], owed["version"]) == ("broken glass", 1)
    assert f"lifecycle review {owed['event']}" in said("status")
    assert "justified" in said("review", owed["event"], person="demo_reviewer")
    assert json.loads(said("status", "--json"))["reviews"] == []


def test_no_ticket_and_no_reason_break_nothing(office: Emergency) -> None:
    """Before anything is signed."""
    with pytest.raises(LifecycleError, match="ticket"):
        office.sign(BREAKING[0], BREAK_GLASS, ticket="")
    assert office.departments.ledger.events(types=("WaiverSigned",)) == []


@pytest.mark.parametrize("how", ["junk", "own-key"])
def test_a_review_that_somebody_appended_by_hand_ends_nothing(office: Emergency, how: str) -> None:
    """With junk for a signature, or signed by one of those who broke the glass: still owed, and the junk is told by `ledger verify`."""
    event_id = office.broken()
    person = "demo_reviewer" if how == "junk" else BREAKING[0]
    statement = review_to_sign(office.departments, event_id, person=person, verdict="justified", reason="It burnt.")
    key, people = load_key(office.people / f"{person}.key"), people_in_force(office.departments)
    envelope = signed(statement, key, people)
    if how == "junk":
        envelope = envelope.model_copy(update={"signature": "A" * 86 + "=="})
    subject = office.departments.ledger.event(event_id).event.subject
    actor = Actor(id=person, kind="human", authenticated=True)
    office.departments.ledger.append(Event.happened(ReviewGiven(envelope=envelope), subject=subject, actor=actor, environment="local"))
    assert [one.event_id for one in open_reviews(office.departments)] == [event_id]
    if how == "junk":
        ledger, key_of_it = office.departments.ledger, office.departments.ledger_key
        checked = verify_ledger(ledger, key_of_it, checks=(PeopleCheck(office.departments),))
        assert any("ReviewGiven" in finding.what for finding in checked.findings)
    office.review(event_id)
    assert open_reviews(office.departments) == ()


def test_a_reviewer_who_left_reopens_nothing(office: Emergency) -> None:
    """Deleted from people.yaml, with the key that they signed with: by the registries of then it was theirs, and they held the role."""
    office.review(office.broken())
    home = office.departments.folder(".") / "people.yaml"
    left = yaml.safe_load(home.read_text())
    left["people"] = [person for person in left["people"] if person["id"] != "demo_reviewer"]
    home.write_text(yaml.safe_dump(left))
    after = Departments(office.departments.settings)
    assert "demo_reviewer" not in after.people.people
    assert open_reviews(after) == ()


def test_a_review_by_a_key_that_was_taken_back_after_it_stands(office: Emergency) -> None:
    """It was theirs when they signed; only a key that was in other hands by then ends nothing."""
    event_id = office.broken()
    office.review(event_id)
    (given,) = office.departments.ledger.events(types=("ReviewGiven",))
    key_id = body_of(given, ReviewGiven).envelope.key_id
    revoke(office.departments, key_id, reason="A new one is in use.")
    assert open_reviews(office.departments) == ()
    revoke(office.departments, key_id, reason="It was stolen.", since_us=1)
    assert [one.event_id for one in open_reviews(office.departments)] == [event_id]


def test_a_review_by_a_key_that_was_revoked_before_it_ends_nothing(office: Emergency) -> None:
    """Appended by hand, past what refuses it."""
    event_id = office.broken()
    statement = review_to_sign(office.departments, event_id, person="demo_reviewer", verdict="justified", reason="It burnt.")
    envelope = signed(statement, load_key(office.people / "demo_reviewer.key"), people_in_force(office.departments))
    revoke(office.departments, envelope.key_id, reason="Lost.")
    subject = office.departments.ledger.event(event_id).event.subject
    actor = Actor(id="demo_reviewer", kind="human", authenticated=True)
    office.departments.ledger.append(Event.happened(ReviewGiven(envelope=envelope), subject=subject, actor=actor, environment="local"))
    assert [one.event_id for one in open_reviews(office.departments)] == [event_id]

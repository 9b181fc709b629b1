"""Approving at the desk: the passkey signs the statement, and what is not exactly that is refused and recorded."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from lifecycle.approvals.people import Registry
from lifecycle.approvals.statements import opened
from lifecycle.desk import application, signing
from lifecycle.desk.ceremonies import Ceremonies
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters import approvals
from lifecycle.desk.matters.known import APPROVALS
from lifecycle.desk.store import DeskStore
from lifecycle.errors import Refused, Unavailable
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import record_signed, statement_to_sign
from lifecycle.records.approval import Statement
from lifecycle.records.bodies.decisions import ApprovalBarred, ApprovalGiven
from lifecycle.records.identity import now_us
from tests.approvals.waiting_version import MODEL, TEAM, VERSION
from tests.desk.authenticators import PRESENT, Authenticator
from tests.desk.desks import Browser, DeskUnderTest


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    """Somebody who may approve, signed in."""
    return desk.enrolled("officer", roles=("risk",))


def barred(desk: DeskUnderTest) -> list[tuple[str, tuple[str, ...], bool]]:
    """Who tried, what barred them, and whether it was really they."""
    found = desk.departments.ledger.events(types=("ApprovalBarred",), name=MODEL)
    bodies = [(standing.body_of(one, ApprovalBarred), one.event.actor.authenticated) for one in found]
    return [(body.approver, body.rules, authenticated) for body, authenticated in bodies]


def given(desk: DeskUnderTest) -> list[ApprovalGiven]:
    return [standing.body_of(one, ApprovalGiven) for one in desk.departments.ledger.events(types=("ApprovalGiven",), name=MODEL)]


def test_an_approval_at_the_desk_is_recorded_and_proves_itself_offline(desk: DeskUnderTest, officer: Browser) -> None:
    """The registry that the ledger names, and the record, are all that it takes to verify who approved which bytes."""
    answer = officer.finish(officer.begin(reason="The intervals are above the limits.\r\nRead twice."))
    assert answer.json() == {"message": f"You approved {MODEL}:{VERSION}.", "location": f"/versions/{MODEL}/{VERSION}"}
    (approval,) = given(desk)
    assert approval.statement.reason == "The intervals are above the limits.\nRead twice."
    people = Registry.parse(desk.departments.artifacts.read(desk.departments_now.people.digest))
    assert opened(approval.envelope, Statement, people, now_us()) == approval.statement
    assert desk.departments.ledger.events(types=("ApprovalGiven",))[0].event.actor.authenticated


def test_a_refusal_at_the_desk_ends_the_wait(desk: DeskUnderTest, officer: Browser) -> None:
    """The version is denied, and nothing more is asked for."""
    assert officer.finish(officer.begin("reject")).json()["message"].startswith(f"You refused {MODEL}:{VERSION}.")
    assert standing.states(desk.departments)[MODEL, VERSION] == "denied"
    assert officer.begin().json()["rules"] == ["STATE"]
    assert barred(desk) == [("officer", ("STATE",), True)]


def test_who_asks_to_sign_what_waits_no_more_again_and_again_does_not_fill_the_ledger(desk: DeskUnderTest, officer: Browser) -> None:
    """Each is refused; a few are kept, with who it was, and nothing is asked of their passkey."""
    officer.finish(officer.begin("reject"))
    answers = [officer.begin() for _ in range(8)]
    assert {answer.json()["rules"][0] for answer in answers} == {"STATE"}
    assert barred(desk) == [("officer", ("STATE",), True)] * 5


FORGERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "another page": ("KEY-ORIGIN", {"origin": "http://localhost:8080"}),
    "a frame in another page": ("KEY-ORIGIN", {"said": {"crossOrigin": True}}),
    "another challenge": ("KEY-CHALLENGE", {"said": {"challenge": "AAAA"}}),
    "nobody made sure who": ("KEY-PRESENCE", {"flags": PRESENT}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_is_refused_and_the_attempt_is_kept(desk: DeskUnderTest, officer: Browser, forgery: str) -> None:
    """With the rule that it breaks, and as an attempt of nobody who has shown who they are; then it can be done rightly."""
    rule, wrong = FORGERIES[forgery]
    answer = officer.finish(officer.begin(), **wrong)
    assert (answer.status_code, barred(desk)) == (409, [("officer", (rule,), False)])
    assert given(desk) == []
    assert officer.finish(officer.begin()).status_code == 200


def test_another_relying_party_is_refused(desk: DeskUnderTest, officer: Browser) -> None:
    """An assertion for another site, rightly signed."""
    begun = officer.begin()
    options = begun.json()["options"] | {"rpId": "example.com"}
    officer.finish(begun, officer.authenticator.sign(options))
    assert barred(desk) == [("officer", ("KEY-RELYING-PARTY",), False)]


def test_a_count_that_went_back_is_refused(desk: DeskUnderTest, officer: Browser) -> None:
    """A copy of the passkey may be about: nothing is approved by either until it is looked into."""
    officer.authenticator.count = 0
    answer = officer.finish(officer.begin())
    assert "somebody may have a copy" in answer.json()["what"]
    assert barred(desk) == [("officer", ("KEY-COUNTER",), False)]


def test_a_desk_that_lost_its_file_counts_on_from_the_ledger(desk: DeskUnderTest, officer: Browser) -> None:
    """The count stands in every recorded assertion, so a copy shows even then."""
    officer.finish(officer.begin())
    recorded = officer.authenticator.count
    for file in desk.settings.folder.iterdir():
        file.unlink()
    copy = desk.browser(officer.authenticator)
    copy.authenticator.count = recorded - 1
    assert copy.sign_in().json()["rules"] == ["KEY-COUNTER"]
    assert copy.sign_in().status_code == 200


def test_another_s_passkey_does_not_sign(desk: DeskUnderTest, officer: Browser) -> None:
    """Somebody's session and somebody else's finger make no approval of either."""
    deputy = desk.enrolled("deputy", roles=("risk",))
    begun = officer.begin()
    officer.finish(begun, deputy.authenticator.sign(begun.json()["options"]))
    assert barred(desk) == [("officer", ("KEY-ENROLLED",), False)]


def test_another_s_ceremony_is_none(desk: DeskUnderTest, officer: Browser) -> None:
    """What one was shown nobody else can answer."""
    deputy = desk.enrolled("deputy", roles=("risk",))
    begun = officer.begin()
    assert deputy.finish(begun).status_code == 404
    assert officer.finish(begun).status_code == 200


def test_another_key_under_the_right_name_is_refused(desk: DeskUnderTest, officer: Browser) -> None:
    """An authenticator that only claims to be the enrolled one."""
    impostor = Authenticator(credential_id=officer.authenticator.credential_id, count=50)
    begun = officer.begin()
    officer.finish(begun, impostor.sign(begun.json()["options"]))
    assert barred(desk) == [("officer", ("KEY-SIGNATURE",), False)]


def test_a_replayed_answer_is_refused_and_kept(desk: DeskUnderTest, officer: Browser) -> None:
    """What was signed once is not taken for another statement, nor a second answer for the same one."""
    first, second = officer.begin(), officer.begin("reject")
    answer = officer.authenticator.sign(first.json()["options"])
    assert officer.finish(first, answer).status_code == 200
    assert officer.finish(second, answer).status_code == 409
    assert officer.finish(first).status_code == 409
    assert barred(desk) == [("officer", ("KEY-CHALLENGE",), False)] * 2
    assert len(given(desk)) == 1


def test_an_answer_that_is_sent_twice_is_recorded_once(desk: DeskUnderTest, officer: Browser) -> None:
    """A browser that did not get our answer asks again, and is told the same."""
    begun = officer.begin()
    answer = officer.authenticator.sign(begun.json()["options"])
    assert [officer.finish(begun, answer).status_code for _ in range(3)] == [200, 200, 200]
    assert len(given(desk)) == 1
    assert barred(desk) == []


def test_two_windows_that_answer_at_once_are_recorded_once_each_and_never_twice(desk: DeskUnderTest, officer: Browser) -> None:
    """The same answer from several threads is one record."""
    begun = officer.begin()
    answer = officer.authenticator.sign(begun.json()["options"])
    with ThreadPoolExecutor(4) as threads:
        said = [done.status_code for done in threads.map(lambda _: officer.finish(begun, answer), range(4))]
    assert said == [200] * 4
    assert (len(given(desk)), barred(desk)) == (1, [])


def test_an_answer_that_comes_too_late_is_refused(desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lay open for longer than a ceremony takes is asked for again."""
    begun = officer.begin()
    later = now_us() + 301_000_000
    monkeypatch.setattr(signing, "now_us", lambda: later)
    assert "took too long" in officer.finish(begun).json()["what"]
    assert barred(desk) == [("officer", ("KEY-CHALLENGE",), False)]


def test_a_maker_is_barred_at_the_desk_as_anywhere(desk: DeskUnderTest) -> None:
    """The signature is theirs, and the gate says no."""
    engineer = desk.enrolled("engineer", roles=("risk",), teams=(TEAM,))
    answer = engineer.finish(engineer.begin())
    assert (answer.status_code, answer.json()["rules"]) == (403, ["SOD-001"])
    assert barred(desk) == [("engineer", ("SOD-001",), True)]


def test_a_desk_that_is_restarted_in_mid_signing_goes_on(desk: DeskUnderTest, officer: Browser) -> None:
    """Whoever was shown a statement before the restart signs it after."""
    begun = officer.begin()
    after = desk.browser(officer.authenticator)
    after.client.cookies.set("lifecycle-desk", officer.client.cookies["lifecycle-desk"])
    assert after.finish(begun).status_code == 200
    assert len(given(desk)) == 1


def test_what_was_signed_when_the_desk_was_killed_is_recorded_at_its_start(
    desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was taken in, and the ledger did not have it yet: the next start enters it, once."""

    def killed(*arguments: object) -> None:
        raise Unavailable("The ledger does not answer.", "Try again.")

    begun = officer.begin()
    with monkeypatch.context() as patched:
        patched.setattr(approvals, "record_signed", killed)
        assert officer.finish(begun).status_code == 503
    assert given(desk) == []
    for _ in range(2):
        with desk.browser().client:
            assert len(given(desk)) == 1
    assert barred(desk) == []


def test_what_could_not_be_recorded_is_tried_again_while_the_desk_runs(
    desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger was away for a moment: whoever signed is told that it is kept, and need not sign again."""
    monkeypatch.setattr(application, "RESUME_SECONDS", 0.05)
    answers = iter([Unavailable("The ledger is locked.", "Wait."), Unavailable("The ledger is locked.", "Wait.")])
    record = record_signed

    def locked_at_first(*arguments: Any) -> Any:
        failure = next(answers, None)
        if failure is not None:
            raise failure
        return record(*arguments)

    monkeypatch.setattr(approvals, "record_signed", locked_at_first)
    told = officer.finish(officer.begin())
    assert (told.status_code, "is kept, and not recorded yet" in told.json()["what"]) == (503, True)
    with desk.browser().client:
        for _ in range(200):
            if given(desk):
                break
            time.sleep(0.05)
    assert len(given(desk)) == 1


def test_a_desk_that_was_killed_after_it_recorded_records_nothing_twice(
    desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger has it, and the desk's file does not say so."""
    with monkeypatch.context() as patched:
        patched.setattr(Ceremonies, "end", lambda *arguments: None)
        assert officer.finish(officer.begin()).status_code == 200
    with desk.browser().client:
        assert len(given(desk)) == 1
    assert Ceremonies(DeskStore(desk.settings.folder)).signed() == []


def test_what_was_judged_again_in_between_is_not_approved(desk: DeskUnderTest, officer: Browser) -> None:
    """An approver signs what is asked for now: a refusal by somebody else in between ends it."""
    begun = officer.begin()
    deputy = desk.enrolled("deputy", roles=("risk",))
    deputy.finish(deputy.begin("reject"))
    answer = officer.finish(begun)
    assert (answer.status_code, answer.json()["rules"]) == (403, ["STATE"])
    assert given(desk) == []


def test_nobody_approves_what_they_were_not_shown(desk: DeskUnderTest, officer: Browser) -> None:
    """A page that was opened before the version was judged again asks for what is not asked for any more."""
    officer.asked = "another-decision"
    begun = officer.begin()
    assert (begun.status_code, begun.json()["rules"]) == (403, ["STATE"])
    assert "Reload the page" in begun.json()["next"]


def test_somebody_without_a_passkey_here_is_told_how_to_get_one(desk: DeskUnderTest, officer: Browser) -> None:
    """One that was enrolled at another address does not speak here."""
    moved = Desk(desk.departments_now, replace(desk.settings, origin="http://localhost:3002"))
    statement = statement_to_sign(desk.departments, MODEL, VERSION, person="officer", reason="r", decision="approve")
    with pytest.raises(Refused, match="no passkey that speaks at http://localhost:3002") as refusal:
        signing.begin_signing(moved, APPROVALS, statement)
    assert "lifecycle people invite" in refusal.value.next_step


@pytest.mark.parametrize("fields", [{"decision": "perhaps"}, {"reason": " "}, {"reason": "x" * 2_001}, {"reason": "\x1b[2J"}])
def test_what_makes_no_sense_is_told_and_nothing_is_asked(desk: DeskUnderTest, officer: Browser, fields: dict[str, str]) -> None:
    """Neither yes nor no, no reason, too much of one, one that would do something to a terminal."""
    before = desk.departments.ledger.head().size
    assert officer.begin(**fields).status_code == 400
    assert desk.departments.ledger.head().size == before


def test_without_a_script_one_is_told_how_to_sign(officer: Browser) -> None:
    """The form that a browser sends by itself leads to the command line."""
    sent = {"decision": "approve", "reason": "r", "csrf": officer.csrf}
    told = officer.client.post(f"/versions/{MODEL}/{VERSION}/signing", data=sent, headers={"Origin": "http://localhost:3001"})
    assert told.status_code == 400
    assert "lifecycle approve canary:1 --as officer" in told.text

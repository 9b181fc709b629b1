"""Attack: whoever has a session's cookie, the desk's own file or a leaked link tries to approve without the passkey."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lifecycle.life.people.enrolment import enrol
from lifecycle.records.approval import Statement
from tests.approvals.waiting_version import departments_of, shown, wait_for_approval
from tests.desk.authenticators import Authenticator
from tests.desk.desks import Browser, DeskUnderTest, desk_of


@pytest.fixture
def desk(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskUnderTest:
    shown(monkeypatch, "ada")
    departments = departments_of(repository, tmp_path)
    wait_for_approval(departments)
    return desk_of(departments, tmp_path / "desk")


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    return desk.enrolled("officer", roles=("risk",))


def thief_of(desk: DeskUnderTest, victim: Browser) -> Browser:
    """A browser with the victim's session and an authenticator of its own."""
    thief = desk.browser(Authenticator(credential_id=victim.authenticator.credential_id, count=1_000))
    thief.client.cookies.set("lifecycle-desk", victim.client.cookies["lifecycle-desk"])
    return thief


def approvals(desk: DeskUnderTest) -> list[str]:
    return [one for one in desk.types() if one.startswith("Approval") and one != "ApprovalRequested"]


def rewrite(desk: DeskUnderTest, change: str, *values: Any) -> None:
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        assert tables.execute(change, values).rowcount == 1


def test_a_stolen_session_approves_nothing(desk: DeskUnderTest, officer: Browser) -> None:
    """The thief sees what the victim sees; what they try to sign is refused, and the attempt is kept."""
    thief = thief_of(desk, officer)
    assert thief.finish(thief.begin()).status_code == 409
    assert approvals(desk) == ["ApprovalBarred"]
    assert officer.finish(officer.begin()).status_code == 200


def test_an_overheard_approval_is_not_signed_again(desk: DeskUnderTest, officer: Browser) -> None:
    """A thief who has the session and every byte of an approval makes no second one of it, and no refusal."""
    begun = officer.begin()
    overheard = officer.authenticator.sign(begun.json()["options"])
    thief = thief_of(desk, officer)
    for decision in ("approve", "reject"):
        assert thief.finish(thief.begin(decision), overheard).status_code == 409
    assert approvals(desk) == ["ApprovalBarred", "ApprovalBarred"]


def test_a_statement_that_was_swapped_in_the_desk_s_file_is_not_what_was_signed(desk: DeskUnderTest, officer: Browser) -> None:
    """Whoever writes the file between showing and signing has changed the challenge, and the signature shows it."""
    begun = officer.begin("reject")
    answer = officer.authenticator.sign(begun.json()["options"])
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        (stored,) = tables.execute("SELECT statement FROM ceremonies").fetchone()
    swapped = Statement.parse(stored).model_copy(update={"decision": "approve"})
    rewrite(desk, "UPDATE ceremonies SET statement = ?", swapped.canonical())
    assert officer.finish(begun, answer).json()["rules"] == ["KEY-CHALLENGE"]
    assert approvals(desk) == ["ApprovalBarred"]


def test_an_envelope_that_was_planted_in_the_desk_s_file_is_not_recorded(desk: DeskUnderTest, officer: Browser) -> None:
    """A ceremony that says that it was signed is verified before it is recorded, and the attempt is kept."""
    begun = officer.begin()
    forged = Authenticator().sign(begun.json()["options"])
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        (stored,) = tables.execute("SELECT statement FROM ceremonies").fetchone()
    (key,) = desk.departments_now.people.person("officer").keys
    envelope = _enveloped(stored, key.id, forged["response"])
    rewrite(desk, "UPDATE ceremonies SET state = 'signed', envelope = ?", envelope)
    for _ in range(2):
        with desk.browser().client:
            assert approvals(desk) == ["ApprovalBarred"]


def test_a_session_that_was_planted_in_the_desk_s_file_approves_nothing(desk: DeskUnderTest, officer: Browser) -> None:
    """Who writes the desk's file is signed in as whom they like, and still has no passkey of theirs."""
    deputy = desk.enrolled("deputy", roles=("risk",))
    rewrite(desk, "UPDATE sessions SET person = 'officer', key_id = NULL WHERE person = 'deputy'")
    assert deputy.client.get("/sign-in").status_code == 200, "nobody vouches for who has no key, where no provider does"
    deputy.sign_in()
    (key,) = desk.departments_now.people.person("officer").keys
    rewrite(desk, "UPDATE sessions SET person = 'officer', key_id = ? WHERE person = 'deputy'", key.id)
    assert deputy.finish(deputy.begin()).status_code == 409
    assert approvals(desk) == ["ApprovalBarred"]


def test_a_leaked_link_is_worth_nothing_after_it_was_used(desk: DeskUnderTest) -> None:
    """Nor does it say whose it was."""
    enrol(desk.departments, "officer", roles=("risk",))
    link = desk.link("officer")
    desk.browser().register(link)
    thief = desk.browser()
    answer = thief.register(link)
    assert answer.status_code == 403
    assert "officer" not in answer.text
    assert thief.sign_in().json()["rules"] == ["KEY-ENROLLED"]


def _enveloped(statement: bytes, key_id: str, response: dict[str, str]) -> bytes:
    def base64_of(text: str) -> str:
        return base64.b64encode(base64.urlsafe_b64decode(text + "==")).decode()

    assertion = {"authenticator_data": base64_of(response["authenticatorData"]), "client_data": base64_of(response["clientDataJSON"])}
    payload = base64.b64encode(statement).decode()
    return json.dumps(
        {
            "payload_type": Statement.payload_type,
            "payload": payload,
            "key_id": key_id,
            "signature": base64_of(response["signature"]),
            "assertion": assertion,
        }
    ).encode()

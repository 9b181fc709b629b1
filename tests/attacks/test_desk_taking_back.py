"""Attack: whoever has a session's cookie or the desk's own file takes back what serves, or lets an application in, without the passkey."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.life.gates import standing
from lifecycle.records.approval import AccessStatement, AnyStatement, Envelope, RevocationStatement
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.passkeys import Assertion
from tests.approvals.waiting_version import MODEL, VERSION, departments_of, shown, wait_for_approval
from tests.desk.authenticators import Authenticator, unbase64url
from tests.desk.desks import Browser, DeskUnderTest, desk_of
from tests.records.declarations import declared

WHAT = ("version", "key", "access")
KINDS: dict[str, type[AnyStatement]] = {"version": RevocationStatement, "key": RevocationStatement, "access": AccessStatement}
DONE = {"VersionRevoked", "KeyRevoked", "AccessGranted"}


@pytest.fixture
def desk(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskUnderTest:
    shown(monkeypatch, "ada")
    departments = departments_of(repository, tmp_path)
    model = SimpleNamespace(name=MODEL, purpose="credit_scoring", owner="ada", description="", rollout=declared().rollout)
    vars(departments)["models"] = (model,)
    wait_for_approval(departments)
    return desk_of(departments, tmp_path / "desk")


@pytest.fixture
def governor(desk: DeskUnderTest) -> Browser:
    """Somebody who may do all of it."""
    return desk.enrolled("gisela", roles=("governor",))


def begin(desk: DeskUnderTest, browser: Browser, what: str) -> Any:
    if what == "access":
        return browser.begin_at("/access/grants", application="thief", tier="standard", days="90", **{f"model.{MODEL}": "on"})
    target = f"{MODEL}:{VERSION}" if what == "version" else desk.departments_now.people.person("gisela").keys[0].id
    return browser.begin_at("/revocations", what=target)


def attempts(desk: DeskUnderTest) -> list[tuple[str, tuple[str, ...], bool]]:
    """In whose name, against which rules, and whether it was really they."""
    found = desk.departments.ledger.events(types=("SignatureBarred",))
    bodies = [(standing.body_of(one, SignatureBarred), one.event.actor.authenticated) for one in found]
    return [(body.person, body.rules, authenticated) for body, authenticated in bodies]


def base64_of(text: str) -> str:
    return base64.b64encode(unbase64url(text)).decode()


@pytest.mark.parametrize("what", WHAT)
def test_a_stolen_session_takes_nothing_back_and_lets_nobody_in(desk: DeskUnderTest, governor: Browser, what: str) -> None:
    """The thief sees what the victim sees, a fresh key of an application among it; without the passkey that key opens nothing."""
    thief = desk.browser(Authenticator(credential_id=governor.authenticator.credential_id, count=1_000))
    thief.client.cookies.set("lifecycle-desk", governor.client.cookies["lifecycle-desk"])
    assert thief.finish(begin(desk, thief, what)).status_code == 409
    assert not DONE & {*desk.types()}
    ((person, _, really),) = attempts(desk)
    assert (person, really) == ("gisela", False)
    assert governor.finish(begin(desk, governor, what)).status_code == 200


@pytest.mark.parametrize("what", WHAT)
def test_an_envelope_that_was_planted_in_the_desk_s_file_is_not_recorded(desk: DeskUnderTest, governor: Browser, what: str) -> None:
    """A ceremony that says that it was signed is verified before it is recorded, and the attempt is kept."""
    begun = begin(desk, governor, what)
    answer = Authenticator().sign(begun.json()["options"])["response"]
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        (stored,) = tables.execute("SELECT statement FROM ceremonies").fetchone()
        envelope = Envelope(
            payload_type=KINDS[what].payload_type,
            payload=base64.b64encode(stored).decode(),
            key_id=desk.departments_now.people.person("gisela").keys[0].id,
            signature=base64_of(answer["signature"]),
            assertion=Assertion(authenticator_data=base64_of(answer["authenticatorData"]), client_data=base64_of(answer["clientDataJSON"])),
        )
        tables.execute("UPDATE ceremonies SET state = 'signed', envelope = ?", (envelope.canonical(),))
    for _ in range(2):
        with desk.browser().client:
            assert not DONE & {*desk.types()}
    assert len(attempts(desk)) == 1


def test_what_was_signed_as_a_revocation_is_not_taken_for_another_kind(desk: DeskUnderTest, governor: Browser) -> None:
    """Whoever writes another type beside the ceremony has changed the challenge."""
    begun = begin(desk, governor, "version")
    answer = governor.authenticator.sign(begun.json()["options"])
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        (stored,) = tables.execute("SELECT statement FROM ceremonies").fetchone()
        other = RevocationStatement.parse(stored).model_copy(update={"target": f"{MODEL}:2"})
        tables.execute("UPDATE ceremonies SET statement = ?", (other.canonical(),))
    assert governor.finish(begun, answer).json()["rules"] == ["KEY-CHALLENGE"]
    assert not DONE & {*desk.types()}


def test_an_overheard_revocation_of_access_takes_no_key_back(desk: DeskUnderTest, governor: Browser) -> None:
    """An answer belongs to one statement: sent for another it is kept as an attempt, and nothing else."""
    version, key = begin(desk, governor, "version"), begin(desk, governor, "key")
    overheard = governor.authenticator.sign(version.json()["options"])
    assert governor.finish(key, overheard).status_code == 409
    assert not DONE & {*desk.types()}


def test_the_key_of_an_application_is_kept_by_no_browser_and_no_log(
    desk: DeskUnderTest, governor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer that carries it may be stored nowhere on the way."""
    with caplog.at_level("DEBUG"):
        begun = begin(desk, governor, "access")
        governor.finish(begun)
    assert begun.headers["cache-control"] == "no-store"
    assert begun.json()["key"] not in caplog.text

"""Registering a passkey: with an invitation, once, recorded before it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.approvals.keys import key_id_of
from lifecycle.approvals.people import Registry
from lifecycle.desk import invitations
from lifecycle.desk.credentials import answer_in, key_in
from lifecycle.desk.settings import DeskSettings
from lifecycle.errors import LifecycleError
from lifecycle.life.gates import standing
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.governors import KeyEnrolled
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments
from tests.desk.authenticators import PRESENT, Authenticator, base64url, ed25519_authenticator, unbase64url
from tests.desk.desks import Browser, DeskUnderTest


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    """The browser of somebody who is enrolled, without a key."""
    enrol(desk.departments, "officer", roles=("risk",))
    return desk.browser()


def enrolled(departments: Departments) -> list[KeyEnrolled]:
    return [standing.body_of(one, KeyEnrolled) for one in departments.ledger.events(types=("KeyEnrolled",))]


@pytest.mark.parametrize("authenticator", [Authenticator(), ed25519_authenticator()], ids=["p-256", "ed25519"])
def test_a_passkey_is_recorded_with_the_registry_that_has_it(desk: DeskUnderTest, officer: Browser, authenticator: Authenticator) -> None:
    """The home's file and the ledger say the same; the registry is in the store under the digest that the record names."""
    officer.authenticator = authenticator
    answer = officer.register(desk.link("officer"))
    key_id = key_id_of(authenticator.public)
    assert answer.json() == {"person": "officer", "key": key_id, "counts": True, "entry": "", "location": "/sign-in"}
    (body,) = enrolled(desk.departments)
    assert (body.person, body.registry, body.key.id, body.key.public) == ("officer", "home", key_id, authenticator.public)
    people = desk.departments_now.people
    assert body.registry_digest == people.digest
    assert Registry.parse(desk.departments.artifacts.read(people.digest)).people["officer"].keys == people.people["officer"].keys


def test_a_person_of_the_project_gets_the_passkey_in_the_project(desk: DeskUnderTest) -> None:
    """The registry that has the person has their keys; comments at its head stay."""
    file = desk.departments.settings.project / "governance" / "people.yaml"
    enrol(desk.departments, "officer", roles=("risk",), in_project=True)
    before = file.read_text()
    browser = desk.browser()
    assert browser.register(desk.link("officer")).json()["counts"] is True
    assert enrolled(desk.departments)[0].registry == "project"
    assert file.read_text().startswith(before[: before.index("people:")])


def test_elsewhere_than_local_others_must_agree_first(desk: DeskUnderTest, officer: Browser) -> None:
    """It is recorded that it was registered; it is in no registry, and the page has what belongs there."""
    enrol(desk.departments, "chief", roles=("risk",), in_project=True)
    people = desk.departments.settings.project / "governance" / "people.yaml"
    before = people.read_text()
    staging = Departments(replace(desk.departments.settings, environment="staging"))
    there = DeskUnderTest(staging, desk.settings)
    answer = there.browser().register(there.link("chief")).json()
    assert answer["counts"] is False
    (body,) = enrolled(staging)
    assert (body.person, body.registry, body.registry_digest) == ("chief", None, None)
    assert people.read_text() == before
    entry = "".join(f"  {line}\n" for line in answer["entry"].splitlines())
    people.write_text(before.replace("- id: chief\n", f"- id: chief\n  keys:\n{entry}"))
    (key,) = Departments(staging.settings).people.person("chief").keys
    assert (key.id, key.kind) == (answer["key"], "passkey")


def test_an_invitation_is_good_once(desk: DeskUnderTest, officer: Browser) -> None:
    """Whoever comes second with the same link registers nothing."""
    link = desk.link("officer")
    assert officer.register(link).status_code == 200
    second = desk.browser().register(link)
    assert (second.status_code, second.json()["rules"]) == (403, ["INVITATION"])
    assert len(enrolled(desk.departments)) == 1


def test_of_two_who_register_at_once_one_does(desk: DeskUnderTest, officer: Browser) -> None:
    """Both began with the same link; the invitation is used up by the first that ends."""
    token = desk.link("officer").partition("#")[2]
    browsers = [desk.browser(), desk.browser()]
    begun = [one.post("/enrol/begin", {"token": token}).json() for one in browsers]
    answers = []
    for browser, asked in zip(browsers, begun, strict=True):
        credential = browser.authenticator.make(asked["options"])
        said = {"token": token, "challenge_id": asked["challenge_id"], "credential": credential}
        answers.append(browser.post("/enrol/finish", said))
    assert [answer.status_code for answer in answers] == [200, 403]


def test_an_invitation_runs_out_and_is_replaced(desk: DeskUnderTest, officer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour after it was made, and with the next one for the same person."""
    first, second = desk.link("officer"), desk.link("officer")
    assert officer.register(first).status_code == 403
    later = now_us() + 3_600_000_001
    with monkeypatch.context() as patched:
        patched.setattr(invitations, "now_us", lambda: later)
        assert officer.register(second).status_code == 403
    assert officer.register(second).status_code == 200


def test_a_made_up_invitation_is_none(desk: DeskUnderTest, officer: Browser) -> None:
    """Nothing is told of who is enrolled, and guessing is slowed down."""
    answers = [officer.register(f"{desk.settings.origin}/enrol#{number}").status_code for number in range(40)]
    assert set(answers) == {403, 429}


FORGERIES: dict[str, dict[str, Any]] = {
    "another page": {"origin": "http://localhost:8080"},
    "nobody made sure who": {"flags": PRESENT},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_registration_is_refused_and_the_invitation_stays_good(desk: DeskUnderTest, officer: Browser, forgery: str) -> None:
    """In words; whoever was invited tries again."""
    link = desk.link("officer")
    assert officer.register(link, **FORGERIES[forgery]).status_code == 403
    assert enrolled(desk.departments) == []
    assert officer.register(link).status_code == 200


def test_an_answer_to_another_challenge_registers_nothing(desk: DeskUnderTest, officer: Browser) -> None:
    """One that was made for another link, and one that was made to sign in."""
    enrol(desk.departments, "deputy")
    token, other = (desk.link(person).partition("#")[2] for person in ("officer", "deputy"))
    mine, theirs = (officer.post("/enrol/begin", {"token": one}).json() for one in (token, other))
    sign_in = officer.post("/sign-in/begin", {}).json()
    for challenge_id in (theirs["challenge_id"], sign_in["challenge_id"]):
        credential = officer.authenticator.make(mine["options"])
        said = {"token": token, "challenge_id": challenge_id, "credential": credential}
        assert officer.post("/enrol/finish", said).json()["rules"] == ["KEY-CHALLENGE"]


def test_a_person_may_have_several_and_no_two_share_one(desk: DeskUnderTest, officer: Browser) -> None:
    """A second authenticator is added; one that is somebody's already is refused, and nothing is half done."""
    officer.register(desk.link("officer"))
    second = desk.browser()
    options = second.post("/enrol/begin", {"token": desk.link("officer").partition("#")[2]}).json()["options"]
    assert [one["id"] for one in options["excludeCredentials"]] == [base64url(officer.authenticator.credential_id)]
    assert second.register(desk.link("officer")).status_code == 200
    assert len(desk.departments_now.people.person("officer").keys) == 2
    enrol(desk.departments, "deputy")
    thief = desk.browser(officer.authenticator)
    assert thief.register(desk.link("deputy")).status_code == 400
    assert desk.departments_now.people.person("deputy").keys == ()


def test_a_revoked_passkey_is_not_registered_again(desk: DeskUnderTest, officer: Browser) -> None:
    """Another one must be."""
    officer.register(desk.link("officer"))
    revoke(desk.departments_now, key_id_of(officer.authenticator.public), reason="lost")
    answer = officer.register(desk.link("officer"))
    assert (answer.status_code, "was revoked" in answer.json()["what"]) == (400, True)


def test_an_authenticator_of_another_kind_is_refused(desk: DeskUnderTest, officer: Browser) -> None:
    """Only the two kinds of key that auditors' verifier knows are taken."""
    link = desk.link("officer")
    token = link.partition("#")[2]
    begun = officer.post("/enrol/begin", {"token": token}).json()
    assert [one["alg"] for one in begun["options"]["pubKeyCredParams"]] == [-8, -7]
    credential = officer.authenticator.make(begun["options"])
    attestation = unbase64url(credential["response"]["attestationObject"]).replace(b"\x03\x26\x20\x01", b"\x03\x38\x22\x20")
    credential["response"]["attestationObject"] = base64url(attestation)
    answer = officer.post("/enrol/finish", {"token": token, "challenge_id": begun["challenge_id"], "credential": credential})
    assert answer.status_code in (400, 403)
    assert enrolled(desk.departments) == []


_NAMES = st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "signature", "authenticatorData"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=6),
    max_leaves=20,
)


@given(said=_JSON, attestation=st.binary(max_size=200))
def test_hostile_credentials_are_refused_in_our_own_words(tmp_path_factory: pytest.TempPathFactory, said: Any, attestation: bytes) -> None:
    """Whatever is sent, no library's exception gets out."""
    settings = DeskSettings(folder=tmp_path_factory.getbasetemp(), host="127.0.0.1", port=3001, origin="http://localhost:3001")
    options = {"rp": {"id": "localhost"}, "user": {"id": ""}, "challenge": base64url(bytes(32))}
    broken = Authenticator().make(options)
    broken["response"]["attestationObject"] = base64url(attestation)
    for credential in (said, broken):
        with pytest.raises(LifecycleError):
            key_in(credential, bytes(32), settings)
        with pytest.raises(LifecycleError):
            answer_in(credential)

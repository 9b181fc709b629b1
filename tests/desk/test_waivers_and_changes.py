"""Waivers and changes of what governs, signed by passkey at the desk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.approvals.statements import opened
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters import waivers
from lifecycle.desk.signing import resume_signing
from lifecycle.errors import Unavailable
from lifecycle.life.gates.governed import in_force, on_disk
from lifecycle.life.gates.standing import body_of
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.waiving import record_signed_waiver
from lifecycle.records.approval import WaiverStatement
from lifecycle.records.bodies.decisions import WaiverSigned
from lifecycle.records.bodies.governors import GovernanceProposed, SignatureBarred
from lifecycle.records.identity import now_us
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.desk.authenticators import Authenticator
from tests.desk.desks import Browser, DeskUnderTest, desk_of
from tests.desk.pages.rendered import read
from tests.life.people.offices import RULE, Office

VERSION = "/versions/credit/1"


def barred(departments: Departments) -> list[tuple[str, str, tuple[str, ...]]]:
    """Who tried to sign what, and which rules it breaks."""
    bodies = [body_of(one, SignatureBarred) for one in departments.ledger.events(types=("SignatureBarred",))]
    return [(body.person, body.about, body.rules) for body in bodies]


@pytest.fixture
def desk(tmp_path: Path) -> DeskUnderTest:
    """The desk of a home where credit:1 is denied by one rule that may be waived."""
    office = Office(tmp_path)
    office.promoted()
    return desk_of(office.departments, tmp_path / "desk")


def waive(browser: Browser, **fields: str) -> Any:
    return browser.begin_at(f"{VERSION}/waiver", **({"rule": RULE, "ticket": "RISK-7", "days": "14"} | fields))


@pytest.mark.slow
def test_two_people_let_a_version_past_a_rule_with_their_passkeys(desk: DeskUnderTest) -> None:
    """The form names the rule that is broken; the second joins; what each signed verifies offline, and it counts after the second."""
    rita, rob = desk.enrolled("rita", roles=("risk",)), desk.enrolled("rob", roles=("risk",))
    form = next(one for one in read(rita.client.get(VERSION).text).all("form", action=f"{VERSION}/waiver") if one.all("select"))
    assert [one.attributes["value"] for one in form.all("option")] == [RULE]
    first = rita.finish(waive(rita))
    assert first.json()["message"].endswith("It counts once another person has signed.")
    assert first.json()["location"] == f"{VERSION}#waivers"
    forms = read(rob.client.get(VERSION).text).all("form", action=f"{VERSION}/waiver")
    assert RULE in {one.attributes["value"] for form in forms for one in form.all("input", name="rule")}
    assert "Sign it as well" not in rita.client.get(VERSION).text
    for browser, turn in ((rita, "waits"), (rob, "your turn")):
        begun = read(browser.client.get("/").text).one("section", aria_labelledby="begun")
        assert f"{turn} Waiving {RULE} for credit:1 Signed by rita; waits for another of the role risk" in begun.says
    assert rob.finish(rob.begin_at(f"{VERSION}/waiver", rule=RULE)).json()["message"].endswith("It counts from now on.")
    departments = desk.departments_now
    assert [one.rule for one in waivers_for(departments, "credit", 1)] == [RULE]
    assert not read(rob.client.get("/").text).all("section", aria_labelledby="begun")
    for one in departments.ledger.events(types=("WaiverSigned",)):
        said = opened(body_of(one, WaiverSigned).envelope, WaiverStatement, people_in_force(departments), now_us())
        assert said.signer == one.event.actor.id


@pytest.mark.slow
def test_a_forged_answer_waives_nothing_and_the_attempt_is_kept(desk: DeskUnderTest) -> None:
    """From another page, by another key, and what was overheard, sent for another waiver."""
    rita = desk.enrolled("rita", roles=("risk",))
    assert rita.finish(waive(rita), origin="http://localhost:8080").status_code == 409
    begun = waive(rita)
    impostor = Authenticator(credential_id=rita.authenticator.credential_id, count=50)
    assert rita.finish(begun, impostor.sign(begun.json()["options"])).status_code == 409
    first, second = waive(rita), waive(rita)
    overheard = rita.authenticator.sign(first.json()["options"])
    assert rita.finish(second, overheard).status_code == 409
    assert barred(desk.departments) == [
        ("rita", "waiver", ("KEY-ORIGIN",)),
        ("rita", "waiver", ("KEY-SIGNATURE",)),
        ("rita", "waiver", ("KEY-CHALLENGE",)),
    ]
    assert desk.departments.ledger.events(types=("WaiverSigned",)) == []


@pytest.mark.slow
def test_an_approval_is_never_taken_for_a_waiver(desk: DeskUnderTest) -> None:
    """The desk's file says which matter a ceremony is of: changed there, the bytes are another thing than was signed."""
    import sqlite3

    rita = desk.enrolled("rita", roles=("risk",))
    begun = waive(rita)
    answer = rita.authenticator.sign(begun.json()["options"])
    with sqlite3.connect(desk.settings.folder / "desk.db") as tables:
        tables.execute("DELETE FROM ceremony_types")
    assert rita.finish(begun, answer).status_code == 400
    assert not {"WaiverSigned", "ApprovalGiven"} & {*desk.types()[-3:]}


@pytest.mark.slow
def test_one_person_signs_a_waiver_once(desk: DeskUnderTest) -> None:
    """From two windows, too: the second is refused by rule, and kept as theirs."""
    rita = desk.enrolled("rita", roles=("risk",))
    assert rita.finish(waive(rita)).status_code == 200
    again = rita.finish(rita.begin_at(f"{VERSION}/waiver", rule=RULE))
    assert (again.status_code, again.json()["rules"]) == (403, ["WVR-003"])
    assert barred(desk.departments) == [("rita", "waiver", ("WVR-003",))]


@pytest.mark.slow
def test_who_had_a_part_in_it_waives_nothing(desk: DeskUnderTest) -> None:
    """The gate says no, by rule, and its decision is the record of the attempt."""
    clerk = desk.enrolled("clerk", roles=("clerk",))
    answer = clerk.finish(waive(clerk))
    assert (answer.status_code, "WVR-005" in answer.json()["rules"]) == (403, True)
    assert waivers_for(desk.departments_now, "credit", 1) == ()


@pytest.mark.slow
def test_a_desk_that_was_killed_between_a_signature_and_its_gate_goes_on(desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed is recorded once, and the gate asked about it, however often it is gone on with."""
    rita = desk.enrolled("rita", roles=("risk",))

    def away(*arguments: object) -> None:
        raise Unavailable("The ledger does not answer.", "Try again.")

    begun = waive(rita)
    with monkeypatch.context() as patched:
        patched.setattr(waivers, "record_signed_waiver", away)
        assert rita.finish(begun).status_code == 503
    for _ in range(2):
        resume_signing(Desk(desk.departments_now, desk.settings))
    (signed,) = desk.departments.ledger.events(types=("WaiverSigned",))
    again = record_signed_waiver(desk.departments_now, body_of(signed, WaiverSigned).envelope)
    assert again.decision.result.outcome == "needs_approval"
    assert desk.types().count("WaiverSigned") == 1


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"days": "soon"}, {"days": "-1"}, {"days": "nan"}, {"days": "1e9"}, {"reason": " "}, {"ticket": ""}])
def test_a_waiver_that_makes_no_sense_is_told_and_nothing_is_asked(desk: DeskUnderTest, fields: dict[str, str]) -> None:
    """In words, before anybody signs."""
    rita = desk.enrolled("rita", roles=("risk",))
    size = desk.departments.ledger.head().size
    assert waive(rita, **fields).status_code == 400
    assert desk.departments.ledger.head().size == size


@pytest.mark.slow
def test_in_an_emergency_two_people_break_the_glass_and_a_third_reviews_it(desk: DeskUnderTest) -> None:
    """By passkeys alone: what is owed stands in everybody's inbox until somebody looked who had no part in it."""
    rita, rob, olga = (desk.enrolled(one, roles=("risk",)) for one in ("rita", "rob", "olga"))
    form = next(one for one in read(rita.client.get(VERSION).text).all("form") if one.all("input", value="BREAK-GLASS"))
    fields = {"rule": "BREAK-GLASS", "ticket": "INC-1", "hours": "4"}
    assert rita.finish(rita.begin_at(form.attributes["action"], **fields)).status_code == 200
    told = rob.finish(rob.begin_at(form.attributes["action"], rule="BREAK-GLASS")).json()["message"]
    assert told.endswith("It counts from now on. Somebody else must review it afterwards.")
    assert "broken glass of credit:1" in read(olga.client.get("/").text).one("section", aria_labelledby="reviews").says
    review = read(olga.client.get(VERSION).text).one("section", aria_labelledby="reviews").one("form").attributes["action"]
    own = rita.finish(rita.begin_at(review, decision="justified"))
    assert (own.status_code, own.json()["rules"]) == (403, ["REV-002"])
    assert olga.begin_at(review, decision="perhaps").status_code == 400
    assert olga.finish(olga.begin_at(review, decision="not_justified")).json()["message"].endswith("it did not have to be.")
    assert not read(olga.client.get("/").text).all("section", aria_labelledby="reviews")
    assert barred(desk.departments) == [("rita", "review", ("REV-002",))]
    assert desk.types().count("ReviewGiven") == 1


GOVERNORS = ("ada", "rob", "olga")


@pytest.fixture
def governed(repository: Path, tmp_path: Path) -> tuple[DeskUnderTest, dict[str, Browser]]:
    """A project in staging, whose three governors and one clerk have their passkeys in people.yaml, and are signed in."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "project" / "governance")
    environ = {"LIFECYCLE_PROJECT": str(tmp_path / "project"), "LIFECYCLE_HOME": str(tmp_path / "home"), "LIFECYCLE_ENVIRONMENT": "staging"}
    people = tmp_path / "project" / "governance" / "people.yaml"
    people.write_text(yaml.safe_dump({"people": [{"id": one, "roles": ["governor"]} for one in GOVERNORS] + [{"id": "clerk"}]}))
    (tmp_path / "home").mkdir()
    departments = Departments(Settings.from_environment(environ))
    vars(departments)["models"] = ()
    desk = desk_of(departments, tmp_path / "desk")
    browsers = {one: desk.browser() for one in (*GOVERNORS, "clerk")}
    written: list[dict[str, Any]] = yaml.safe_load(people.read_text())["people"]
    for person in written:
        entry = browsers[person["id"]].register(desk.link(person["id"])).json()["entry"]
        person["keys"] = yaml.safe_load(entry)
    people.write_text(yaml.safe_dump({"people": written}))
    for browser in browsers.values():
        assert browser.sign_in().status_code == 200
    return desk, browsers


@pytest.mark.slow
def test_a_change_of_what_governs_is_proposed_and_agreed_to_with_passkeys(governed: tuple[DeskUnderTest, dict[str, Browser]]) -> None:
    """The first of all by the people who are proposed, then a change, shown before anybody agrees; after the second it counts."""
    desk, browsers = governed
    departments = desk.departments
    for before, after in (("1000", "2000"), ("2000", "3000")):
        assert (
            browsers["ada"].finish(browsers["ada"].begin_at("/governance/proposal")).json()["message"].endswith("waits for 2 of 2 others.")
        )
        begun = read(browsers["rob"].client.get("/").text).one("section", aria_labelledby="begun")
        assert "your turn A change of what governs Signed by ada; waits for 2 more of the role governor" in begun.says
        page = read(browsers["rob"].client.get("/governance").text)
        (form,) = [one for one in page.all("form", method="post") if one.attributes["action"].endswith("/agreement")]
        answers = [browsers[one].finish(browsers[one].begin_at(form.attributes["action"])).json()["message"] for one in ("rob", "olga")]
        assert answers[1] == "You agreed to the change. It counts from now on."
        assert in_force(departments) == on_disk(departments)
        limits = departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
        limits.write_text(limits.read_text().replace(f"value: {before},", f"value: {after},"))
    told = read(browsers["rob"].client.get("/governance").text)
    assert "not agreed" in told.one("h1").says
    changed = told.one("section", aria_labelledby="counts").says
    assert ("2000 rows" in changed, "3000 rows" in changed) == (True, True)


@pytest.mark.slow
def test_one_person_is_not_two_and_a_clerk_is_no_governor(governed: tuple[DeskUnderTest, dict[str, Browser]]) -> None:
    """Each is told before they sign, by rule, and that they tried is kept as theirs."""
    desk, browsers = governed
    browsers["ada"].finish(browsers["ada"].begin_at("/governance/proposal"))
    page = read(browsers["ada"].client.get("/governance").text)
    assert not [one for one in page.all("form") if one.attributes["action"].endswith("/agreement")]
    for person, rule in (("ada", "GOV-005"), ("clerk", "GOV-004")):
        (proposed,) = desk.departments.ledger.events(types=("GovernanceProposed",))
        proposal = body_of(proposed, GovernanceProposed).statement.proposal_id
        assert browsers[person].begin_at(f"/governance/{proposal}/agreement").json()["rules"] == [rule]
    assert barred(desk.departments) == [("ada", "governance", ("GOV-005",)), ("clerk", "governance", ("GOV-004",))]
    assert all(one.event.actor.authenticated for one in desk.departments.ledger.events(types=("SignatureBarred",)))
    assert in_force(desk.departments) is None


@pytest.mark.slow
def test_files_that_changed_under_a_proposal_are_not_what_was_agreed_to(governed: tuple[DeskUnderTest, dict[str, Browser]]) -> None:
    """What was signed names digests: whoever edits after it was shown has others agree to what was shown, and to nothing else."""
    desk, browsers = governed
    begun = browsers["ada"].begin_at("/governance/proposal")
    shown = on_disk(desk.departments)
    limits = desk.departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
    limits.write_text(limits.read_text().replace("value: 1000,", "value: 2000,"))
    assert browsers["ada"].finish(begun).status_code == 200
    (proposed,) = desk.departments.ledger.events(types=("GovernanceProposed",))
    assert body_of(proposed, GovernanceProposed).statement.bundle_digest == shown.bundle_digest
    assert on_disk(desk.departments) != shown


@pytest.mark.slow
def test_a_waiver_is_void_once_one_of_its_signatures_is_taken_back(desk: DeskUnderTest) -> None:
    """By the form beside it; the page says so, and the rule is not waived any more."""
    rita, rob = desk.enrolled("rita", roles=("risk",)), desk.enrolled("rob", roles=("risk",))
    rita.finish(waive(rita))
    rob.finish(rob.begin_at(f"{VERSION}/waiver", rule=RULE))
    waived = read(rita.client.get(VERSION).text).one("section", aria_labelledby="waivers")
    first, second = [one.one("input", name="what").attributes["value"] for one in waived.all("form", action="/revocations")]
    assert first != second
    assert rita.finish(rita.begin_at("/revocations", what=first, reason="I misread the ticket.")).status_code == 200
    assert waivers_for(desk.departments_now, "credit", 1) == ()
    told = read(rita.client.get(VERSION).text).one("section", aria_labelledby="waivers").says
    assert ("void" in told, "I misread the ticket." in told) == (True, True)


@pytest.mark.slow
def test_where_people_govern_a_governor_takes_back_a_key_of_somebody_else(governed: tuple[DeskUnderTest, dict[str, Browser]]) -> None:
    """By the page that lists everybody's keys; its owner is signed out by that, and signs nothing more."""
    desk, browsers = governed
    rows = read(browsers["ada"].client.get("/people").text)
    key = rows.one("section", aria_labelledby="person-rob").one("input", name="what").attributes["value"]
    assert not read(browsers["clerk"].client.get("/people").text).one("section", aria_labelledby="person-rob").all("form")
    begun = browsers["rob"].begin_at("/governance/proposal")
    assert browsers["ada"].finish(browsers["ada"].begin_at("/revocations", what=key, reason="The telephone is gone.")).status_code == 200
    assert browsers["rob"].finish(begun).status_code == 401
    assert people_in_force(desk.departments_now).person("rob").keys == ()
    assert "GovernanceProposed" not in desk.types()


@pytest.mark.slow
def test_a_passkey_that_others_have_to_agree_to_is_shown_with_what_has_to_stand_in_the_registry(
    governed: tuple[DeskUnderTest, dict[str, Browser]],
) -> None:
    """To whoever keeps people.yaml, and not only to whoever registered it; once it stands there, or was revoked, it is shown no more."""
    desk, browsers = governed
    entries = [desk.browser().register(desk.link("clerk")).json()["entry"] for _ in range(2)]
    first, second = [yaml.safe_load(entry)[0] for entry in entries]

    def shown() -> list[str]:
        page = read(browsers["ada"].client.get("/people").text).one("section", aria_labelledby="person-clerk")
        return [yaml.safe_load("".join(map(str, one.one("code").inside)))[0]["id"] for one in page.all("pre")]

    assert shown() == [first["id"], second["id"]]
    people = desk.departments.settings.project / "governance" / "people.yaml"
    written = yaml.safe_load(people.read_text())
    written["people"][-1]["keys"].append(first)
    people.write_text(yaml.safe_dump(written))
    assert shown() == [second["id"]]

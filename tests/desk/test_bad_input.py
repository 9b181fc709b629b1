"""Bad input that meets a desk while it runs: clear words, no state lost, the attempt kept, and on again once it is mended.

What a forged, replayed or interrupted signature does stands in test_signing.py; what the same files do to the command line, in
tests/policy, tests/approvals and tests/scenarios.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lifecycle.life.gates.standing import body_of, states
from lifecycle.life.people.enrolment import enrol
from lifecycle.records.bodies.decisions import ApprovalBarred
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION
from tests.desk.desks import Browser, DeskUnderTest, desk_of

HOUR_US = 3_600_000_000


@pytest.fixture
def officer(desk: DeskUnderTest) -> Browser:
    return desk.enrolled("officer", roles=("risk",))


def governance(desk: DeskUnderTest) -> Path:
    return desk.departments.settings.project / "governance"


def with_a_syntax_error(desk: DeskUnderTest) -> Path:
    file = governance(desk) / "policies" / "gates" / "promotion" / "promotion.rego"
    file.write_text(file.read_text() + "\nthis is no rego {{\n")
    return file


def with_a_wrong_unit(desk: DeskUnderTest) -> Path:
    file = governance(desk) / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("unit: rows", "unit: bananas", 1))
    return file


def with_a_person_twice(desk: DeskUnderTest) -> Path:
    file = governance(desk) / "people.yaml"
    file.write_text(yaml.safe_dump({"people": [{"id": "officer"}, {"id": "olga"}, {"id": "olga"}]}))
    return file


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(with_a_syntax_error, "promotion.rego"), (with_a_wrong_unit, "unit"), (with_a_person_twice, "twice")],
    ids=["a policy with an error", "a limit with a wrong unit", "a person listed twice"],
)
def test_a_file_of_governance_that_is_spoilt_is_named_and_nothing_is_decided_by_it(
    desk: DeskUnderTest, officer: Browser, spoil: Callable[[DeskUnderTest], Path], word: str
) -> None:
    """Whoever would approve reads what is wrong; nothing is recorded, and with the file as it was the same statement is signed."""
    begun, size = officer.begin(), desk.departments.ledger.head().size
    kept = {file: file.read_bytes() for file in governance(desk).rglob("*") if file.is_file()}
    spoil(desk)
    refused = officer.begin()
    assert refused.status_code in (400, 403), refused.text
    assert word in refused.json()["what"], refused.json()
    assert desk.departments.ledger.head().size == size
    for file, content in kept.items():
        file.write_bytes(content)
    assert officer.finish(begun).status_code == 200
    assert states(desk.departments)[MODEL, VERSION] == "waiting"


@pytest.mark.parametrize(("until_us", "counts"), [(now_us() + HOUR_US, True), (now_us() - HOUR_US, False)], ids=["in time", "expired"])
def test_a_delegation_gives_its_role_until_it_ends(desk: DeskUnderTest, until_us: int, counts: bool) -> None:
    """After that the signature is theirs, the gate bars it by rule, and the attempt is kept."""
    enrol(desk.departments, "chief", roles=("risk",), in_project=True)
    deputy = desk.enrolled("deputy")
    people = governance(desk) / "people.yaml"
    given = {"from": "chief", "to": "deputy", "from_us": 1, "until_us": until_us}
    people.write_text(yaml.safe_dump(yaml.safe_load(people.read_text()) | {"delegations": [given]}))
    home = desk.departments.settings.home / "people.yaml"
    entry = [one for one in yaml.safe_load(home.read_text())["people"] if one["id"] == "deputy"]
    people.write_text(yaml.safe_dump(yaml.safe_load(people.read_text()) | {"people": _with(people, entry)}))
    home.write_text(yaml.safe_dump({"people": [one for one in yaml.safe_load(home.read_text())["people"] if one["id"] != "deputy"]}))
    answer = deputy.finish(deputy.begin())
    assert answer.status_code == (200 if counts else 403), answer.text
    barred = [body_of(one, ApprovalBarred).approver for one in desk.departments.ledger.events(types=("ApprovalBarred",))]
    assert barred == ([] if counts else ["deputy"])


def _with(people: Path, more: list[dict[str, object]]) -> list[dict[str, object]]:
    standing: list[dict[str, object]] = yaml.safe_load(people.read_text())["people"]
    return standing + more


def test_a_statement_for_another_environment_is_worth_nothing_here(desk: DeskUnderTest, officer: Browser, tmp_path: Path) -> None:
    """The desk's file is carried to a desk of another environment over the same ledger: what was signed here approves nothing there."""
    begun = officer.begin()
    answer = officer.authenticator.sign(begun.json()["options"])
    staging = Departments(replace(desk.departments.settings, environment="staging"))
    vars(staging)["models"] = desk.departments.models
    people = governance(desk) / "people.yaml"
    home = yaml.safe_load((desk.departments.settings.home / "people.yaml").read_text())["people"]
    people.write_text(yaml.safe_dump({"people": _with(people, home)}))
    there = desk_of(staging, tmp_path / "desk").browser(officer.authenticator)
    there.client.cookies.set("lifecycle-desk", officer.client.cookies["lifecycle-desk"])
    refused = there.finish(begun, answer)
    assert refused.status_code in (400, 403), refused.text
    assert staging.ledger.events(types=("ApprovalGiven",)) == []
    assert [body_of(one, ApprovalBarred).approver for one in staging.ledger.events(types=("ApprovalBarred",))] == ["officer"]

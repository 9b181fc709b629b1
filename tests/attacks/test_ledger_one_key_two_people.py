"""Somebody with one key counts as two people: enrolled under another id once the first was taken out of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lifecycle.approvals.keys import create_key, key_id_of, read_public
from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates.asking import ask
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.wiring import Departments
from tests.policy.questions import good
from tests.scenarios.homes import departments_at


@pytest.fixture
def departments(tmp_path: Path) -> Iterator[Departments]:
    """A home in which rita was enrolled with a key."""
    made = departments_at(tmp_path / "home")
    create_key(tmp_path / "rita.key")
    enrol(made, "rita", roles=("risk",), public_key=tmp_path / "rita.pub")
    yield made
    made.ledger.close()


def taken_out(departments: Departments) -> Departments:
    """The home without rita in its registry, as whoever may write it can make it."""
    (departments.settings.home / "people.yaml").write_text(yaml.safe_dump({"people": []}))
    return Departments(departments.settings)


def notices(departments: Departments) -> list[str]:
    looking = Departments(departments.settings, make=False)
    result = verify_ledger(departments.ledger, departments.ledger_key, checks=(PeopleCheck(looking),))
    assert result.ok
    return [found.what for found in result.notices]


def test_a_key_is_not_two_people_s_at_once(departments: Departments, tmp_path: Path) -> None:
    """The registry refuses it, and nothing is recorded."""
    before = departments.ledger.head()
    with pytest.raises(InvalidDeclaration, match="stands twice"):
        enrol(departments, "rita_too", roles=("risk",), public_key=tmp_path / "rita.pub")
    assert departments.ledger.head() == before
    assert notices(departments) == []


def test_one_key_under_two_ids_over_time_is_told(departments: Departments, tmp_path: Path) -> None:
    """Verification names both people, both records and the key; the same person enrolled again with it is nothing to tell."""
    later = taken_out(departments)
    enrol(later, "rita", roles=("risk", "operator"), public_key=tmp_path / "rita.pub")
    assert notices(later) == []
    again = taken_out(later)
    enrol(again, "rita_too", roles=("risk",), public_key=tmp_path / "rita.pub")
    (told,) = notices(again)
    key_id = key_id_of(read_public(tmp_path / "rita.pub"))
    assert f"gives rita_too the key {key_id}, which rita has by record 0" in told
    again.ledger.close()
    later.ledger.close()


def test_one_key_under_two_ids_in_a_registry_that_a_decision_goes_by_is_told(departments: Departments, tmp_path: Path) -> None:
    """Written into the file by hand, nobody was enrolled by any record: the registry that a decision names has it."""
    public = read_public(tmp_path / "rita.pub")
    entry = {"id": "rita_too", "roles": ["risk"], "keys": [{"id": "another-name", "public": public}]}
    (departments.settings.home / "people.yaml").write_text(yaml.safe_dump({"people": [entry]}))
    later = Departments(departments.settings)
    ask(later, good(Bundle.load(later.settings.project / "governance"), "data_access"), Step(run_id="run"))
    (told,) = notices(later)
    assert "gives rita_too the key" in told
    later.ledger.close()

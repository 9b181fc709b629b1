"""Enrolling people: the file is whole at every moment, and the ledger knows before it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.approvals.enrolment import enrol_person
from lifecycle.approvals.keys import create_key
from lifecycle.approvals.people import People, Person, Registry
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.life.gates import standing
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.governors import EnrolledKey, PersonEnrolled
from lifecycle.records.bodies.revocations import KeyRevoked
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import departments_of


@pytest.fixture
def departments(repository: Path, tmp_path: Path) -> Departments:
    return departments_of(repository, tmp_path)


def test_a_person_counts_once_the_ledger_says_so(departments: Departments, tmp_path: Path) -> None:
    """The event carries the digest of the registry as it then is; the same again is nothing new."""
    create_key(tmp_path / "alice.key")
    assert enrol(
        departments, "alice", roles=("risk",), teams=("risk_office",), public_key=tmp_path / "alice.pub", display_name="A. (not real)"
    )
    assert departments.people.person("alice").roles == ("risk",)
    recorded = departments.ledger.events(types=("PersonEnrolled",))
    body = standing.body_of(recorded[0], PersonEnrolled)
    assert body.registry_digest == departments.people.digest
    (key,) = departments.people.person("alice").keys
    assert (body.registry, body.keys) == ("home", (EnrolledKey(id=key.id, public=key.public),))
    assert b"not real" not in departments.ledger.stored(recorded[0].index)
    assert not enrol(
        departments, "alice", roles=("risk",), teams=("risk_office",), public_key=tmp_path / "alice.pub", display_name="A. (not real)"
    )
    assert len(departments.ledger.events(types=("PersonEnrolled",))) == 1


def test_the_registry_is_kept_under_the_digest_that_the_ledger_names(departments: Departments, tmp_path: Path) -> None:
    """Years later the digest leads to who held which key then, and to nobody's name or address."""
    create_key(tmp_path / "alice.key")
    enrol(
        departments,
        "alice",
        roles=("risk",),
        public_key=tmp_path / "alice.pub",
        display_name="A. (not real)",
        git_emails=("alice@example.org",),
    )
    body = standing.body_of(departments.ledger.events(types=("PersonEnrolled",))[0], PersonEnrolled)
    document = departments.artifacts.read(body.registry_digest)
    assert Registry.parse(document).person("alice").keys == departments.people.person("alice").keys
    assert b"not real" not in document
    assert b"git" not in document


def test_a_new_name_is_the_same_registry(tmp_path: Path) -> None:
    """The digest stands for who may do what; a table may call somebody something else."""
    files = []
    for name in ("One", "Another"):
        files.append(tmp_path / f"{name}.yaml")
        enrol_person(files[-1], Person(id="alice", display_name=name, roles=("risk",)), lambda new: None)
    assert Registry.load(files[0], None).digest == Registry.load(files[1], None).digest


def test_a_revoked_key_is_not_enrolled_again(departments: Departments, tmp_path: Path) -> None:
    """Once revoked, a key is nobody's, whoever brings it."""
    create_key(tmp_path / "alice.key")
    enrol(departments, "alice", roles=("risk",), public_key=tmp_path / "alice.pub")
    (key,) = departments.people.person("alice").keys
    revoke(departments, key.id, reason="It was lost.")
    body = standing.body_of(departments.ledger.events(types=("KeyRevoked",))[0], KeyRevoked)
    assert (body.person, body.key_id) == ("alice", key.id)
    assert people_in_force(departments).person("alice").keys == ()
    with pytest.raises(InvalidDeclaration, match="was revoked"):
        enrol(departments, "bob", roles=("risk",), public_key=tmp_path / "alice.pub")


def test_the_gate_decides_by_the_people_of_now(departments: Departments) -> None:
    """A decision after an enrolment names the registry with the new person in it."""
    before = departments.gate_keeper
    enrol(departments, "alice")
    assert departments.gate_keeper is not before


@pytest.mark.parametrize("person", ["Ada", "ada@example.org", "", "9lives"])
def test_what_is_no_id_is_not_enrolled(departments: Departments, person: str) -> None:
    """In words, and not by the pattern: an id is no name and no address."""
    with pytest.raises(InvalidDeclaration, match="is no id of a person") as refused:
        enrol(departments, person)
    assert "small letters" in refused.value.next_step
    assert departments.ledger.events(types=("PersonEnrolled",)) == []


def test_an_id_that_is_somebody_s_is_refused(departments: Departments) -> None:
    """Nobody is redefined, nothing is recorded, and the file stands as it was."""
    enrol(departments, "alice", roles=("risk",))
    text = (departments.settings.home / "people.yaml").read_text()
    with pytest.raises(InvalidDeclaration, match="alice is enrolled already") as refused:
        enrol(departments, "alice", roles=("engineer",))
    assert str(departments.settings.home / "people.yaml") in refused.value.next_step
    assert (departments.settings.home / "people.yaml").read_text() == text
    assert len(departments.ledger.events(types=("PersonEnrolled",))) == 1
    assert sorted(path.name for path in departments.settings.home.glob(".people*")) == []


def test_the_project_s_file_keeps_what_it_says_above(departments: Departments) -> None:
    """`--project` writes governance/people.yaml, for every environment, and leaves its comments."""
    path = departments.settings.project / "governance" / "people.yaml"
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    enrol(departments, "alice", roles=("risk",), in_project=True)
    assert [line for line in path.read_text().splitlines() if line.startswith("#")] == comments
    assert Registry.load(path, None).person("alice").roles == ("risk",)


def test_a_home_s_people_count_in_local_only(departments: Departments, repository: Path, tmp_path: Path) -> None:
    """Elsewhere they are neither enrolled nor read."""
    from dataclasses import replace

    enrol(departments, "alice", roles=("risk",))
    elsewhere = Departments(replace(departments.settings, environment="staging"))
    assert elsewhere.people.people == {}
    with pytest.raises(InvalidDeclaration, match="--project"):
        enrol(elsewhere, "bob")


def test_what_is_raised_before_it_counts_changes_nothing(tmp_path: Path) -> None:
    """Where the ledger does not take it, nobody was enrolled."""

    def down(new: Path) -> None:
        raise Unavailable("The ledger is locked.", "Wait.")

    path = tmp_path / "people.yaml"
    enrol_person(path, Person(id="alice"), lambda new: None)
    with pytest.raises(Unavailable):
        enrol_person(path, Person(id="bob"), down)
    assert [person.id for person in People.read(path).people] == ["alice"]


def test_a_folder_that_can_t_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        enrol_person(tmp_path / "file" / "people.yaml", Person(id="alice"), lambda new: None)


@pytest.mark.parametrize("person", ["Alice", "alice smith", "", "a" * 64])
def test_an_id_that_is_none_is_refused(departments: Departments, person: str) -> None:
    """A pseudonymous id is lower case and short; a name is not one."""
    from lifecycle.errors import LifecycleError

    with pytest.raises(LifecycleError):
        enrol(departments, person)
    assert departments.ledger.events(types=("PersonEnrolled",)) == []

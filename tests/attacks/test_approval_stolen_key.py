"""A key that was stolen and revoked says nothing any more, whenever its statement claims to have been signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.approvals.keys import create_key, key_id_of
from lifecycle.errors import Refused
from lifecycle.life.gates import judging
from lifecycle.life.people.approval import approve_version
from lifecycle.life.revocation import revoke
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION, departments_of, enrolled, shown, wait_for_approval


@pytest.fixture
def departments(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home in which one version waits for a risk officer."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    enrolled(departments, tmp_path, "officer", roles=("risk",))
    wait_for_approval(departments)
    return departments


def revoke_the_key(departments: Departments) -> None:
    revoke(departments, departments.people.person("officer").keys[0].id, reason="It was stolen.")


def sign(departments: Departments, key: Path) -> None:
    approve_version(departments, MODEL, VERSION, person="officer", key_file=key, reason="Read and weighed.")


def rewrite_people(departments: Departments, old: str, new: str) -> None:
    """Edits the home's registry by hand, as whoever can write the file can."""
    home = departments.settings.home / "people.yaml"
    home.write_text(home.read_text().replace(old, new))
    for stale in ("people", "gate_keeper"):
        vars(departments).pop(stale, None)


def test_an_approval_by_a_key_that_was_revoked_since_does_not_count(departments: Departments, tmp_path: Path) -> None:
    """The registry still lists the key; the ledger says that it is revoked, and that is enough."""
    sign(departments, tmp_path / "officer.key")
    assert len(judging.approvals_for(departments, MODEL, VERSION)) == 1
    revoke_the_key(departments)
    assert judging.approvals_for(departments, MODEL, VERSION) == ()


def test_a_revoked_key_signs_nothing(departments: Departments, tmp_path: Path) -> None:
    """Nothing counts for whoever holds it; that somebody tried stands in the ledger."""
    revoke_the_key(departments)
    before = departments.ledger.head().size
    with pytest.raises(Refused) as refusal:
        sign(departments, tmp_path / "officer.key")
    assert refusal.value.rules == ("KEY-ENROLLED",)
    assert judging.approvals_for(departments, MODEL, VERSION) == ()
    assert [recorded.event.type for recorded in departments.ledger.events(since=before)] == ["ApprovalBarred"]


def test_another_id_does_not_bring_a_revoked_key_back(departments: Departments, tmp_path: Path) -> None:
    """Written into the registry by hand under an id of its own choosing, the stolen key is still the revoked one."""
    old = departments.people.person("officer").keys[0].id
    revoke_the_key(departments)
    rewrite_people(departments, old, "fresh")
    with pytest.raises(Refused):
        sign(departments, tmp_path / "officer.key")


def test_the_person_s_other_key_still_speaks(departments: Departments, tmp_path: Path) -> None:
    """A key was stolen, and not a person."""
    revoke_the_key(departments)
    second = create_key(tmp_path / "second.key")
    rewrite_people(departments, "  keys:\n", f"  keys:\n  - id: {key_id_of(second)}\n    public: {second}\n")
    sign(departments, tmp_path / "second.key")
    assert len(judging.approvals_for(departments, MODEL, VERSION)) == 1

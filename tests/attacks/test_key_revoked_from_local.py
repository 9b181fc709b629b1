"""A ledger that two environments share, and somebody in `local`, where nobody signs, who takes away the keys of those that govern."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.life.people.in_force import people_in_force, revoked_keys
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Event, Subject
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import departments_of, enrolled, shown


@pytest.fixture
def local(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home whose officer has a key."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    enrolled(departments, tmp_path, "officer", roles=("risk",))
    return departments


def governed(departments: Departments) -> Departments:
    """The same ledger and the same people, where people govern."""
    elsewhere = Departments(replace(departments.settings, environment="staging"))
    vars(elsewhere).update(people=departments.people)
    return elsewhere


def key_of(departments: Departments) -> str:
    return departments.people.person("officer").keys[0].id


def test_a_key_revoked_in_local_still_signs_where_people_govern(local: Departments) -> None:
    """In `local` it counts no more; elsewhere on the same ledger it is as good as before, for the gates and for whoever verifies."""
    key_id, staging = key_of(local), governed(local)
    recorded = revoke(local, key_id, reason="because", since_us=1)
    assert people_in_force(local).key(key_id) is None
    assert revoked_keys(staging) == frozenset()
    assert people_in_force(staging).key(key_id) is not None
    known = KnownKeys(local.artifacts.read)
    known.take(recorded.index, recorded.event)
    assert (known.revoked(key_id, "local"), known.revoked(key_id, "staging")) == (True, False)


def test_it_does_not_stand_in_the_way_of_the_revocation_that_counts(local: Departments, tmp_path: Path) -> None:
    """Whoever stole a key can't keep it good by taking it back themselves where that says nothing."""
    key_id, staging = key_of(local), governed(local)
    revoke(local, key_id, reason="because")
    revoke(staging, key_id, reason="It was stolen.", person="officer", key_file=tmp_path / "officer.key")
    assert revoked_keys(staging) == {key_id}
    assert len(local.ledger.events(types=("KeyRevoked",))) == 2


@pytest.mark.parametrize("said_in", ["staging", "production"])
def test_a_key_revoked_where_people_govern_is_revoked_everywhere(local: Departments, said_in: str) -> None:
    """`local` included, and whatever the other environment is called."""
    key_id = key_of(local)
    event = Event.happened(
        KeyRevoked(person="officer", key_id=key_id, reason="It was stolen."),
        subject=Subject(kind="key", name=key_id),
        actor=local.ledger.events()[0].event.actor,
        environment=said_in,
    )
    local.ledger.append(event)
    assert revoked_keys(local) == {key_id}
    assert revoked_keys(governed(local)) == {key_id}
    assert counts_as_revoked(said_in, "local")

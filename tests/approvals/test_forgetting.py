"""Taking out of a registry what it says of a person beyond what counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.approvals.enrolment import forget_directory_entry
from lifecycle.approvals.people import Registry
from lifecycle.errors import InvalidDeclaration

REGISTRY = """\
# Who counts here.
people:
- {id: ann, display_name: Ann Example, roles: [risk], git: [ab12]}
- {id: bo, display_name: Bo Example, roles: [risk]}
groups:
- {id: both, members: [ann, bo]}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    (tmp_path / "people.yaml").write_text(REGISTRY, encoding="utf-8")
    return tmp_path / "people.yaml"


def test_name_and_addresses_go_and_everything_that_counts_stays(registry: Path) -> None:
    """Roles, groups, other people and the comment are as they were, and so is the digest that decisions name."""
    before = Registry.load(registry, None)
    forget_directory_entry(registry, "ann")
    after = Registry.load(registry, None)
    assert (after.people["ann"].display_name, after.people["ann"].git) == ("", ())
    assert (after.digest, after.people["bo"], after.groups) == (before.digest, before.people["bo"], before.groups)
    assert registry.read_text(encoding="utf-8").startswith("# Who counts here.\n")
    assert [path.name for path in registry.parent.iterdir()] == [registry.name]


@pytest.mark.parametrize("person", ["cy", None])
def test_a_registry_that_says_nothing_of_a_person_keeps_its_bytes(registry: Path, person: str | None) -> None:
    """A file that people write by hand is not written anew for nothing."""
    forget_directory_entry(registry, person)
    assert registry.read_text(encoding="utf-8") == REGISTRY


def test_a_registry_that_is_not_there_is_none(tmp_path: Path) -> None:
    """Most homes have none."""
    forget_directory_entry(tmp_path / "nowhere" / "people.yaml", "ann")
    forget_directory_entry(tmp_path / "people.yaml", "ann")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_registry_is_left_alone(registry: Path) -> None:
    """Whatever it is, it is not written over."""
    registry.write_text("people: 7\n", encoding="utf-8")
    with pytest.raises(InvalidDeclaration):
        forget_directory_entry(registry, "ann")
    assert registry.read_text(encoding="utf-8") == "people: 7\n"

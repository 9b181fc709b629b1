"""The registry: everybody once, and as whom they act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.people import Registry, hash_of_address
from lifecycle.errors import InvalidDeclaration, UnknownName
from tests.approvals.people_files import registry, somebody, write

NOW = 1_000


def test_a_person_acts_as_their_teams_and_groups(tmp_path: Path) -> None:
    """A team, a group that holds them and a group that holds that group."""
    groups = [{"id": "inner", "members": ["alice"]}, {"id": "outer", "members": ["inner"]}]
    people = registry(tmp_path, somebody("alice", teams=["modelling"]), groups=groups)
    assert people.also("alice", NOW) == ("inner", "modelling", "outer")


def test_a_delegate_acts_as_whoever_they_act_for(tmp_path: Path) -> None:
    """Through a chain of delegations, with their teams and their roles."""
    delegations = [{"from": "alice", "to": "bob"}, {"from": "bob", "to": "carol"}]
    people = registry(
        tmp_path, somebody("alice", roles=["risk"], teams=["modelling"]), somebody("bob"), somebody("carol"), delegations=delegations
    )
    assert people.also("carol", NOW) == ("alice", "bob", "modelling")
    assert people.roles("carol", NOW) == ("risk",)
    assert people.also("alice", NOW) == ("modelling",)


@pytest.mark.parametrize(
    ("from_us", "until_us", "holds"),
    [(None, None, True), (NOW, None, True), (NOW + 1, None, False), (None, NOW, False), (0, NOW + 1, True)],
)
def test_a_delegation_holds_in_its_time(tmp_path: Path, from_us: int | None, until_us: int | None, holds: bool) -> None:
    """From its first microsecond to the one before its last."""
    dated = {name: at for name, at in (("from_us", from_us), ("until_us", until_us)) if at is not None}
    people = registry(tmp_path, somebody("alice"), somebody("bob"), delegations=[{"from": "alice", "to": "bob", **dated}])
    assert people.also("bob", NOW) == (("alice",) if holds else ())


def test_a_delegation_in_a_circle_ends(tmp_path: Path) -> None:
    """Two who act for each other are each other, once."""
    delegations = [{"from": "alice", "to": "bob"}, {"from": "bob", "to": "alice"}]
    people = registry(tmp_path, somebody("alice"), somebody("bob"), delegations=delegations)
    assert people.also("alice", NOW) == ("bob",)


def test_the_members_of_a_team_are_all_who_act_in_it(tmp_path: Path) -> None:
    """Whoever is in it, in a group of its name, or acts for somebody who is."""
    people = registry(
        tmp_path,
        *(somebody("alice", teams=["modelling"]), somebody("bob"), somebody("carol"), somebody("dave")),
        groups=[{"id": "modelling_guests", "members": ["carol"]}],
        delegations=[{"from": "alice", "to": "bob"}],
    )
    assert people.members("modelling") == ("alice", "bob")
    assert people.members("modelling_guests") == ("carol",)
    assert people.members("nobody_s") == ()


def test_the_home_adds_to_the_project(tmp_path: Path) -> None:
    """Both files count, and each person says which one they come from."""
    project, home = write(tmp_path / "project.yaml", somebody("alice")), write(tmp_path / "home.yaml", somebody("bob"))
    both = Registry.load(project, home)
    assert both.origin == {"alice": "project", "bob": "home"}
    assert both.digest != Registry.load(project, None).digest
    assert Registry.load(tmp_path / "absent.yaml", None).people == {}


def test_an_unknown_person_is_named(tmp_path: Path) -> None:
    """The words say who was asked for and where to look."""
    with pytest.raises(UnknownName, match="mallory"):
        registry(tmp_path, somebody("alice")).person("mallory")


def test_a_git_address_is_known_by_its_hash(tmp_path: Path) -> None:
    """The address itself stands nowhere."""
    people = registry(tmp_path, somebody("alice", git=[hash_of_address("Alice@Example.org")]))
    assert people.by_git_email("alice@example.org ") == "alice"
    assert people.by_git_email("bob@example.org") is None
    assert "example" not in (tmp_path / "people.yaml").read_text()


def test_one_key_for_two_people_is_refused(tmp_path: Path) -> None:
    """Whoever shares a key could approve under another name."""
    alice = somebody("alice", tmp_path)
    with pytest.raises(InvalidDeclaration, match=r"the key .* stands twice"):
        registry(tmp_path, alice, {"id": "bob", "keys": [{**alice["keys"][0], "id": "another"}]})


def test_one_person_in_both_files_is_refused(tmp_path: Path) -> None:
    """The home cannot redefine a person of the project."""
    with pytest.raises(InvalidDeclaration, match="the person alice stands twice"):
        Registry.load(write(tmp_path / "project.yaml", somebody("alice")), write(tmp_path / "home.yaml", somebody("alice", roles=["risk"])))


@pytest.mark.parametrize(
    ("people", "rest", "named"),
    [
        ([somebody("alice"), somebody("alice")], {}, "alice stands twice"),
        ([somebody("alice", teams=["alice"])], {}, "alice stands twice"),
        ([somebody("alice", git=["a"]), somebody("bob", git=["a"])], {}, "git address"),
        ([somebody("Alice Smith")], {}, r"people\.0\.id"),
        ([somebody("alice", admin=True)], {}, "admin"),
        ([somebody("alice", keys=[{"id": "k", "public": "AAAA"}])], {}, "public"),
        ([somebody("alice")], {"groups": [{"id": "g", "members": ["mallory"]}]}, "mallory"),
        ([somebody("alice")], {"delegations": [{"from": "alice", "to": "mallory"}]}, "mallory"),
        (
            [somebody("alice"), somebody("bob")],
            {"delegations": [{"from": "alice", "to": "bob", "from_us": 2, "until_us": 1}]},
            "ends before",
        ),
    ],
)
def test_a_registry_that_is_not_one_is_refused(tmp_path: Path, people: list[dict[str, Any]], rest: dict[str, Any], named: str) -> None:
    """Somebody twice, a name that is a team too, an unknown field, a stranger: each is named."""
    with pytest.raises(InvalidDeclaration, match=named):
        registry(tmp_path, *people, **rest)


@pytest.mark.parametrize("text", ["people: [", "people:\n- id: a\n  id: b\n", "- 1", "people: 7"])
def test_yaml_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named, and nobody is in it."""
    (tmp_path / "people.yaml").write_text(text)
    with pytest.raises(InvalidDeclaration, match=r"people\.yaml"):
        Registry.load(tmp_path / "people.yaml", None)


def test_no_is_a_text_and_a_date_stays_one(tmp_path: Path) -> None:
    """YAML's other words for false and its dates are not read as such."""
    (tmp_path / "people.yaml").write_text("people:\n- id: alice\n  display_name: no\n  roles: [on]\n")
    people = Registry.load(tmp_path / "people.yaml", None)
    assert (people.person("alice").display_name, people.person("alice").roles) == ("no", ("on",))

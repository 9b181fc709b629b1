"""Nobody approves their own work: not through a team, a group, a delegation, an admin's role or a second key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from lifecycle.approvals.keys import create_key, key_id_of
from lifecycle.approvals.people import Delegation, Group, Person, Registry
from lifecycle.errors import Refused
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import approve_version
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.gates import Maker
from tests.approvals.people_files import registry, somebody
from tests.approvals.waiting_version import MODEL, TEAM, VERSION, departments_of, enrolled, shown, wait_for_approval
from tests.policy.questions import approval, good, with_approvals

PEOPLE = ("alice", "bob", "carol", "dave")
TEAMS = ("red", "blue")
GROUPS = ("inner", "outer")


@st.composite
def organisations(draw: st.DrawFn) -> Registry:
    """People in teams, in groups of people and groups, with delegations any way round; everybody holds every role."""
    teams = st.lists(st.sampled_from(TEAMS), unique=True).map(tuple)
    inner = draw(st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2))
    outer = draw(st.lists(st.sampled_from((*PEOPLE, "inner")), unique=True, max_size=2))
    pairs = draw(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=3))
    return Registry(
        people={name: Person(id=name, roles=("admin", "risk"), teams=draw(teams)) for name in PEOPLE},
        origin=dict.fromkeys(PEOPLE, "project"),
        groups=(Group(id="inner", members=tuple(inner)), Group(id="outer", members=tuple(outer))),
        delegations=tuple(Delegation.of({"from": giver, "to": receiver}) for giver, receiver in pairs),
    )


def reaches(organisation: Registry, person: str, maker: str) -> bool:
    """Whether a person is the maker, belongs to it, or acts for somebody who does: by walking every edge, one at a time."""
    edges = {(given.receiver, given.giver) for given in organisation.delegations}
    edges |= {(somebody.id, team) for somebody in organisation.people.values() for team in somebody.teams}
    edges |= {(member, group.id) for group in organisation.groups for member in group.members}
    reached, frontier = {person}, [person]
    while frontier:
        here = frontier.pop()
        for start, end in edges:
            if start == here and end not in reached:
                reached.add(end)
                frontier.append(end)
    return maker in reached


@settings(max_examples=150)
@given(
    organisation=organisations(),
    person=st.sampled_from(PEOPLE),
    makers=st.sets(st.sampled_from((*PEOPLE, *TEAMS, *GROUPS)), min_size=1, max_size=2),
)
def test_no_path_leads_to_one_s_own_work(bundle: Bundle, keeper: GateKeeper, organisation: Registry, person: str, makers: set[str]) -> None:
    """In any organisation an approval counts exactly where no path leads from the approver to a maker."""
    question = good(
        bundle, "promotion", risk_tier="high", makers=tuple(Maker(id=maker, part="team", basis="fact") for maker in sorted(makers))
    )
    also, roles = organisation.also(person, question.now_us), organisation.roles(person, question.now_us)
    signed = approval(bundle, question, approver=person, also=list(also), roles=list(roles))
    result = keeper.ask(with_approvals(question, signed)).result
    own = any(reaches(organisation, person, maker) for maker in makers)
    event("own work" if own else "somebody else's work")
    assert result.allow is not own
    assert ("SOD-001" in {violation.rule for violation in result.violations}) is own


@pytest.mark.parametrize(
    "fields",
    [
        {"teams": ["modelling"]},
        {"roles": ["admin", "risk", "owner"], "teams": ["modelling"]},
        {"roles": ["risk"], "groups": True},
        {"roles": ["risk"], "delegation": True},
    ],
    ids=["team", "admin", "group", "delegation"],
)
def test_no_name_opens_the_door(bundle: Bundle, keeper: GateKeeper, tmp_path: Path, fields: dict[str, Any]) -> None:
    """One after the other: a team-mate, an admin in the team, a group that made it, a delegate of a maker."""
    groups = [{"id": "modelling_guild", "members": ["mallory"]}] if fields.pop("groups", False) else []
    delegations = [{"from": "maker", "to": "mallory"}] if fields.pop("delegation", False) else []
    people = registry(
        tmp_path, somebody("mallory", **fields), somebody("maker", teams=["modelling"]), groups=groups, delegations=delegations
    )
    makers = tuple(Maker(id=maker, part="team", basis="fact") for maker in ("maker", "modelling", "modelling_guild"))
    question = good(bundle, "promotion", risk_tier="high", makers=makers)
    signed = approval(bundle, question, approver="mallory", also=list(people.also("mallory", question.now_us)))
    result = keeper.ask(with_approvals(question, signed)).result
    assert result.outcome == "deny"
    assert "SOD-001" in {violation.rule for violation in result.violations}


def test_a_second_key_is_the_same_person(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh key of a team's member is enrolled rightly, verifies, and still cannot approve the team's work."""
    shown(monkeypatch, "dagster")
    departments = departments_of(repository, tmp_path)
    enrolled(departments, tmp_path, "engineer", roles=("risk",), teams=(TEAM,))
    second = create_key(tmp_path / "second.key")
    home = departments.settings.home / "people.yaml"
    home.write_text(home.read_text().replace("  keys:\n", f"  keys:\n  - id: {key_id_of(second)}\n    public: {second}\n"))
    for stale in ("people", "gate_keeper"):
        vars(departments).pop(stale, None)
    assert len(departments.people.person("engineer").keys) == 2
    wait_for_approval(departments)
    with pytest.raises(Refused) as refusal:
        approve_version(departments, MODEL, VERSION, person="engineer", key_file=tmp_path / "second.key", reason="It is fine.")
    assert refusal.value.rules == ("SOD-001",)
    assert [r.event.type for r in departments.ledger.events(name=MODEL)][-1] == "ApprovalBarred"
    assert standing.states(departments)[MODEL, VERSION] == "waiting"

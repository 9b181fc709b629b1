"""In any organisation, nobody's own work is approved: not at the gate, and not unnoticed by those who read the records afterwards.

The organisations have nested groups, delegations that hold and that have ended, second keys, and admins who hold every role.
The gate is asked; then it is taken to have been bypassed, and what it should have denied is held against the ledger's own check and
against the program that an auditor runs, which share no line with it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from lifecycle.approvals.keys import key_id_of
from lifecycle.approvals.people import Delegation, Group, Key, Person, Registry
from lifecycle.evidence.verify import Leaf, Pack, check_duties
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.gates import Maker
from tests.ledger.verifying.test_duty_check import approved, decided, found, trained
from tests.policy.questions import approval, good, with_approvals
from tests.records.samples.judging import STATEMENT

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
TEAMS = ("red", "blue")
GROUPS = ("inner", "middle", "outer")
#: Delegations end long before this moment, or long after.
NOW_US = STATEMENT.signed_at_us


def _keys(person: str, count: int) -> tuple[Key, ...]:
    """Some keys of one person, all different: halves that nobody signs with here."""
    publics = [base64.b64encode(f"{person}{number}".encode().ljust(32, b".")).decode() for number in range(count)]
    return tuple(Key(id=key_id_of(public), public=public) for public in publics)


@st.composite
def organisations(draw: st.DrawFn) -> Registry:
    """Five people; whoever has a role has all of them."""
    teams = st.lists(st.sampled_from(TEAMS), unique=True).map(tuple)
    members = st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2)
    inner, middle, outer = draw(members), draw(members), draw(members)
    nested = [*(["inner"] if draw(st.booleans()) else []), *middle], [*(["middle"] if draw(st.booleans()) else []), *outer]
    pairs = draw(st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.booleans()), max_size=4))
    roles = st.sampled_from(((), ("admin", "governor", "owner", "risk")))
    return Registry(
        people={name: Person(id=name, roles=draw(roles), teams=draw(teams), keys=_keys(name, draw(st.integers(1, 2)))) for name in PEOPLE},
        origin=dict.fromkeys(PEOPLE, "project"),
        groups=tuple(Group(id=name, members=tuple(inside)) for name, inside in zip(GROUPS, ([*inner], *nested), strict=True)),
        delegations=tuple(
            Delegation.of({"from": giver, "to": receiver, **({} if holds else {"until_us": 1})}) for giver, receiver, holds in pairs
        ),
    )


def reaches(organisation: Registry, person: str, makers: set[str]) -> bool:
    """Whether a person is a maker, belongs to one, or acts for somebody who does: every edge that holds, one at a time."""
    edges = {(one.receiver, one.giver) for one in organisation.delegations if one.until_us is None}
    edges |= {(somebody.id, team) for somebody in organisation.people.values() for team in somebody.teams}
    edges |= {(member, group.id) for group in organisation.groups for member in group.members}
    reached, frontier = {person}, [person]
    while frontier:
        here = frontier.pop()
        following = {end for start, end in edges if start == here} - reached
        reached |= following
        frontier += following
    return bool(reached & makers)


class Records:
    """What the auditor's program reads of a pack, without the pack: its own functions do the rest."""

    happened, voids = Pack.happened, Pack.voids

    def __init__(self, *events: Event) -> None:
        self.leaves = [Leaf(place, one.canonical(), told := one.as_json(), told["body"]) for place, one in enumerate(events)]

    def enrolled(self, place: int) -> list[Any]:
        return []


def told_by_the_auditors_program(*events: Event) -> list[str]:
    records: Any = Records(*events)
    return [finding for finding in check_duties(records) if "approved their own work" in finding]


def told_by_the_ledger(*events: Event) -> list[str]:
    return [finding for finding in found(*events) if "uses up the approval" in finding and "other bytes" not in finding]


makers_of_it = st.sets(st.sampled_from((*PEOPLE, *TEAMS, *GROUPS)), min_size=1, max_size=3)


@settings(max_examples=150)
@given(organisation=organisations(), makers=makers_of_it)
def test_no_approval_of_anybody_counts_for_their_own_work(
    bundle: Bundle, keeper: GateKeeper, organisation: Registry, makers: set[str]
) -> None:
    """Everybody tries at once, with each of their keys: what the gate counts is from people whom no path leads to a maker."""
    parts = tuple(Maker(id=maker, part="team", basis="fact") for maker in sorted(makers))
    question = good(bundle, "promotion", risk_tier="high", makers=parts)
    at_us = question.now_us
    tried = [
        approval(
            bundle,
            question,
            event_id=f"{person}-{key.id}",
            approver=person,
            also=list(organisation.also(person, at_us)),
            roles=list(organisation.roles(person, at_us)),
            statement_digest="sha256:" + f"{number:064x}",
        )
        for number, (person, key) in enumerate((one.id, key) for one in organisation.people.values() for key in one.keys)
    ]
    result = keeper.ask(with_approvals(question, *tried)).result
    counting = {one.approver for one in tried if "risk" in one.roles and not reaches(organisation, one.approver, makers)}
    event("somebody may" if counting else "nobody may")
    assert sum(need.given for need in result.required_approvals) == len(counting)
    own = {one.event_id for one in tried if reaches(organisation, one.approver, makers)}
    assert {violation.subject for violation in result.violations if violation.rule == "SOD-001"} == own
    if not counting:
        assert not result.allow


@settings(max_examples=150)
@given(organisation=organisations(), makers=makers_of_it, person=st.sampled_from(PEOPLE))
@pytest.mark.parametrize("told_by", [told_by_the_ledger, told_by_the_auditors_program], ids=["ledger", "auditor"])
def test_a_gate_that_was_bypassed_shows_in_the_records(
    told_by: Callable[..., list[str]], organisation: Registry, makers: set[str], person: str
) -> None:
    """Both say so of exactly those approvals that a path leads from to a maker."""
    also = organisation.also(person, NOW_US)
    signed = approved(approver=person)
    made = decided(tuple(sorted(makers)), also=also, approver=person)
    assert isinstance(made.body, DecisionMade)
    assert bool(told_by(trained(by="train_service"), signed, made)) is reaches(organisation, person, makers)


@pytest.mark.parametrize("told_by", [told_by_the_ledger, told_by_the_auditors_program], ids=["ledger", "auditor"])
@pytest.mark.parametrize("how", [{"by": "alice"}, {"author": "alice"}], ids=["trained-it", "wrote-its-code"])
def test_makers_that_the_gate_was_not_shown_show_all_the_same(told_by: Callable[..., list[str]], how: dict[str, str]) -> None:
    """Who trained it and who wrote its code stands in the record of the training."""
    assert told_by(trained(**how), approved(approver="alice"), decided(("somebody",), also=(), approver="alice"))


def test_keys_of_these_organisations_are_keys() -> None:
    """The halves that are made up here are read as such, and two of one person are two."""
    one, other = _keys("alice", 2)
    assert one.id != other.id

"""A run from Dagster's pages knows nobody: whoever pressed the button, the owner and the whole team count as having asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.life.gates import judging, standing
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import NOBODY, Step
from lifecycle.records.gates import Requester
from tests.scenarios.homes import copy_of_home_at_the_gate


def test_a_team_mate_who_starts_a_run_without_a_name_approves_nothing(tmp_path: Path) -> None:
    """Not the owner, not a member, and not somebody who joined the team since; whoever it was is nowhere named as the trainer."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    trained = standing.trained(departments, "credit", 1)
    assert not trained.event.actor.authenticated
    asked = judging.model_subject(departments, trained, Step(run_id="again", requester=NOBODY)).makers
    everybody = {model.owner, *departments.people.members(model.team)}
    assert everybody <= {maker.id for maker in asked if maker.part == "requester" and maker.basis == "claim"}
    assert "trainer" not in {maker.part for maker in asked}
    for person in sorted(everybody & set(departments.people.people)):
        with pytest.raises(Refused) as refused:
            approve_version(departments, "credit", 1, person=person, key_file=cast.key(person), reason="It is fine.")
        assert "SOD-001" in refused.value.rules
    assert standing.states(departments)["credit", 1] == "waiting"
    enrol(departments, "newcomer", roles=("risk",), teams=(model.team,))
    now = judging.model_subject(departments, trained, Step(run_id="again", requester=NOBODY)).makers
    assert "newcomer" in {maker.id for maker in now}


def test_a_name_that_nobody_vouched_for_takes_nobody_out(tmp_path: Path) -> None:
    """A run that claims to be somebody else's still counts as the whole team's."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    trained = standing.trained(departments, "credit", 1)
    claimed = Requester(id="stranger", kind="human", roles=("risk",), authenticated=False)
    makers = judging.model_subject(departments, trained, Step(run_id="again", requester=claimed)).makers
    members = set(departments.people.members(departments.model("credit").team))
    assert members <= {maker.id for maker in makers if maker.part == "requester"}

"""A decision that a killed step left unused goes out only while what it was shown is what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.life.deployment import deploy_version
from lifecycle.life.evaluation import evaluate_candidate
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.decisions import ApprovalGiven
from lifecycle.wiring import Departments
from tests.life.gateways import GatewayThatAnswers, types
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def departments(tmp_path: Path) -> Departments:
    """credit:1 is allowed by a deployment decision that used up the officer's approval; nothing was requested under it."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    vars(departments)["gateway"] = GatewayThatAnswers()
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    killed = Step(run_id="killed")
    assert ask(departments, deployment_input(departments, departments.model("credit"), 1, killed), killed).allowed
    return departments


def deploy(departments: Departments) -> None:
    deploy_version(departments, departments.model("credit"), 1, Step(run_id="next"), report=print)


def revoke_the_officer_s_key(departments: Departments) -> None:
    (given,) = departments.ledger.events(types=("ApprovalGiven",), name="credit")
    revoke(departments, standing.body_of(given, ApprovalGiven).envelope.key_id, reason="It was stolen.")


def test_the_next_step_goes_on_with_it(departments: Departments) -> None:
    """The gateway takes no orders here; what matters is that the rollout was requested without a second approval."""
    with pytest.raises(Refused):
        deploy(departments)
    assert "RolloutRequested" in types(departments)


def test_evidence_that_came_since_has_to_be_judged(departments: Departments) -> None:
    """Nobody approved the new evidence, so nothing goes out on the old decision."""
    model = departments.model("credit")
    evaluate_candidate(departments, model.model_copy(update={"slices": model.slices[:1]}), 1, Step(run_id="again"))
    with pytest.raises(Refused, match="waits for approval"):
        deploy(departments)
    assert "RolloutRequested" not in types(departments)


def test_a_key_that_is_revoked_while_the_gate_is_asked_is_not_passed_over(tmp_path: Path) -> None:
    """The gate was shown an approval whose key was still good; the decision is not written on it."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    seen = departments.ledger.head().size
    asked = deployment_input(departments, departments.model("credit"), 1, Step(run_id="raced"))
    revoke_the_officer_s_key(departments)
    with pytest.raises(Refused, match="a key was revoked"):
        ask(departments, asked, Step(run_id="raced"), seen=seen)


def test_a_key_that_was_revoked_since_takes_the_decision_with_it(departments: Departments) -> None:
    """What a thief signed does not go out because a step was killed in between."""
    revoke_the_officer_s_key(departments)
    with pytest.raises(Refused, match="waits for approval"):
        deploy(departments)
    assert "RolloutRequested" not in types(departments)

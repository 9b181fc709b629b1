"""A rollback while the OPA server that decides is dead: out on the decision that the gateway has cached, with words that say so."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Refused
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.life.rollback import roll_back
from lifecycle.policy.bundle import Bundle
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested
from lifecycle.records.events import Actor, Event
from lifecycle.wiring import Departments
from tests.policy import server
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate, train_to_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


class Rolling:
    """A gateway that goes back where it is told to, as the real one does from the proofs in its folder."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def rollback(self, model: str, **told: Any) -> str:
        self.told.append(told)
        return model


def with_two_that_served(folder: Path) -> Departments:
    """credit:1 was allowed, served, and gave way to credit:2."""
    departments, cast = copy_of_home_at_the_gate(folder)
    superseded = None
    for version in (1, 2):
        if version == 2:
            # Only now, so that it is judged beside the champion.
            train_to_gate(departments, "second")
        step = Step(run_id=f"deploy-{version}")
        approve_version(departments, "credit", version, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
        decision = ask(departments, deployment_input(departments, departments.model("credit"), version, step), step)
        assert decision.allowed
        subject = standing.trained(departments, "credit", version).event.subject
        plan = departments.model("credit").rollout
        requested = RolloutRequested(
            rollout_id=f"r-{version}", plan=plan, decision_id=decision.id, champion_version=None, champion_digest=None
        )
        completed = RolloutCompleted(rollout_id=f"r-{version}", superseded_version=superseded, superseded_digest=None, observed=())
        for body in (requested, completed):
            happened = Event.happened(body, subject=subject, actor=Actor(id="gateway", kind="service"), environment="local")
            departments.ledger.append(happened)
        superseded = version
    return departments


def decided(departments: Departments) -> list[str]:
    """How the rollback gate answered, each time that it was asked."""
    made = (standing.body_of(one, DecisionMade).decision for one in departments.ledger.events(types=("DecisionMade",), name="credit"))
    return [one.result.outcome for one in made if one.gate == "rollback"]


def test_a_rollback_goes_out_on_the_cached_decision_when_the_opa_server_was_killed(tool: Callable[[str], str], tmp_path: Path) -> None:
    """While it answers, its rules are obeyed; killed in mid question or before one, the way is the gateway's own, as the reason says."""
    settings = with_two_that_served(tmp_path).settings
    gateway = Rolling()
    with server.running(tool("opa"), Bundle.load(PROJECT / "governance"), tmp_path) as url:
        departments = Departments(replace(settings, opa_url=url, opa_token=server.TOKEN))
        vars(departments)["gateway"] = gateway
        model, pid = departments.model("credit"), int((tmp_path / "opa.pid").read_text())
        # The two were trained from the same data with the same seed, so they are the same bytes.
        with pytest.raises(Refused) as refused:
            roll_back(departments, model, Step(run_id="asked"), reason="It is bad")
        assert (refused.value.rules, gateway.told) == (("RBK-003",), [])
        with pytest.raises(Refused, match="There is no credit:99 to go back to"):
            roll_back(departments, model, Step(run_id="to-nowhere"), reason="It is bad", to_version=99)
        assert gateway.told == []
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
        roll_back(departments, model, Step(run_id="in-mid-question"), reason="It is bad")
    roll_back(departments, model, Step(run_id="before-one"), reason="It is bad")
    started_without = Departments(departments.settings)
    vars(started_without)["gateway"] = gateway
    roll_back(started_without, model, Step(run_id="never-there"), reason="It is bad")
    assert [(told["decision_id"], told["to_version"]) for told in gateway.told] == [(None, None)] * 3
    assert all(told["reason"].startswith("It is bad (the gate could not be asked: ") for told in gateway.told)
    assert decided(departments) == ["deny"] * 3

"""The whole life of a version that comes in as an A/B test, at the command line: nothing promotes it but a person."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.keys import load_key
from lifecycle.demo.acting import held_out
from lifecycle.demo.people import enrol_cast
from lifecycle.demo.traffic import infer_request
from lifecycle.errors import Tampered
from lifecycle.life.concluding import rollout_to_sign
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.serving.rollouts.word import Word
from tests.scenarios.commands import OFFICER, CommandLine, approval, change, gateway, project_copy
from tests.scenarios.homes import departments_at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CANARY = """        steps=(
            RolloutStep(weight=0.10, minimum_n=100, bake_seconds=1.0),
            RolloutStep(weight=0.50, minimum_n=300, bake_seconds=1.0),
            RolloutStep(weight=1.00, minimum_n=300, bake_seconds=1.0),
        ),
"""
ENGINEER = "demo_engineer"
AB = """        strategy="ab",
        steps=(RolloutStep(weight=0.5, minimum_n=20, bake_seconds=0.0),),
"""


def ask(url: str, body: bytes) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/v2/models/credit/infer", body, timeout=30) as answer:
        said: dict[str, Any] = json.load(answer)
    return said


def forged(home: Path, project: Path) -> Word:
    """The officer's word, signed with the key of whoever made the version."""
    departments = departments_at(home, LIFECYCLE_PROJECT=str(project))
    said = rollout_to_sign(departments, departments.model("credit"), "promote", person=OFFICER, reason="It refers fewer people.")
    message = pre_authentication(said.payload_type, said.canonical())
    return Word.signed(
        Envelope(
            payload_type=said.payload_type,
            payload=base64.b64encode(said.canonical()).decode(),
            key_id=departments.people.person(OFFICER).keys[0].id,
            signature=base64.b64encode(load_key(home / "keys" / "people" / f"{ENGINEER}.key").sign(message)).decode(),
        )
    )


def test_an_ab_test_from_its_training_to_a_persons_word(tmp_path: Path) -> None:
    """The deployment ends with the version at its share; it serves once a person has said so, and everything about it verifies."""
    project, home = project_copy(tmp_path, epochs=30), tmp_path / "home"
    change(project / "assets" / "credit" / "model.py", CANARY, AB)
    lifecycle = CommandLine(home, project)
    enrol_cast(departments_at(home, LIFECYCLE_PROJECT=str(project)))
    assert lifecycle("train", "credit").code == 0
    assert lifecycle(*approval(home, "credit:1")).code == 0
    with gateway(lifecycle):
        deployed = lifecycle("deploy", "credit:1", "--json")
        assert (deployed.code, json.loads(deployed.out)["outcome"]) == (0, "rolling_out"), deployed.err
        shown = json.loads(lifecycle("rollout", "show", "credit", "--json").out)
        assert (shown["version"], shown["state"], shown["weight"]) == (1, "baking", 0.5)
        early = lifecycle("rollout", "promote", "credit", "--as", OFFICER, "--reason", "I am in a hurry.")
        assert early.code == 3
        assert "has not answered 20 requests" in early.err

        url = json.loads(lifecycle("gateway", "status", "--json").out)["url"]
        body = infer_request(held_out(departments_at(home, LIFECYCLE_PROJECT=str(project)), 1)[0]).encode()
        answers = [ask(url, body) for _ in range(90)]
        unproven = lifecycle("rollout", "promote", "credit", "--as", OFFICER, "--reason", "It looks fine.")
        assert unproven.code == 3
        assert "not enough was answered to show that it does no worse" in unproven.err
        by_arm = {said["parameters"]["arm"]: said["parameters"]["prediction_id"] for said in answers}
        assert by_arm.keys() == {"canary", "referral"}

        assert lifecycle("rollout", "promote", "credit", "--as", "nobody", "--reason", "Because.").code == 2
        key = ("--key", str(home / "keys" / "people" / f"{OFFICER}.key"))
        own = ("--key", str(home / "keys" / "people" / f"{ENGINEER}.key"))
        makers = lifecycle("rollout", "promote", "credit", "--as", ENGINEER, *own, "--reason", "I made it well.")
        assert (makers.code, "nobody promotes their own work" in makers.err) == (3, True)
        with pytest.raises(Tampered):
            departments_at(home, LIFECYCLE_PROJECT=str(project)).gateway.conclude(forged(home, project))
        assert json.loads(lifecycle("rollout", "show", "credit", "--json").out)["state"] == "baking"
        # How many answers it takes depends on how many of them were slow, and so on the machine.
        for _ in range(20):
            answers += [ask(url, body) for _ in range(300)]
            done = lifecycle("rollout", "promote", "credit", "--as", OFFICER, *key, "--reason", "It refers fewer people.", "--json")
            if done.code == 0:
                break
        assert done.code == 0, done.err
        assert json.loads(done.out)["state"] == "completed"
        assert ask(url, body)["parameters"]["arm"] == "champion"
        over = lifecycle("rollout", "end", "credit", "--reason", "Nothing to end.")
        assert over.code == 3

    events = departments_at(home, LIFECYCLE_PROJECT=str(project)).ledger.events(types=("RolloutCompleted",))
    completed = events[-1].event.body
    assert isinstance(completed, RolloutCompleted)
    assert (completed.promoted_by, completed.reason) == (OFFICER, "It refers fewer people.")
    assert completed.statement is not None
    assert (completed.statement.part, completed.statement.signer) == ("promote", OFFICER)
    barred = departments_at(home, LIFECYCLE_PROJECT=str(project)).ledger.events(types=("SignatureBarred",))
    tried = [(one.event.body.person, one.event.body.rules) for one in barred if isinstance(one.event.body, SignatureBarred)]
    assert tried == [(ENGINEER, ("RLT-004",)), (OFFICER, ("SIGNATURE",))]
    assert lifecycle("ledger", "verify").code == 0
    explained = lifecycle("explain", by_arm["canary"])
    assert explained.code == 0, explained.out + explained.err
    assert "50 % of the traffic" in explained.out

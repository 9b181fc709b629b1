"""`lifecycle gateway` as a person uses it: start, look, stop, and what it says when something is in the way."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.cli.gateway import show
from lifecycle.cli.rollout import show_guardrails
from lifecycle.errors import Unavailable
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.rollouts.status import GatewayStatus, GuardrailStatus, ModelStatus, RolloutStatus, StepProgress
from tests.scenarios.homes import PROJECT, departments_at


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project with a home of its own, whose gateway is stopped afterwards."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_GATEWAY_PORT", "0")
    yield tmp_path
    try:
        GatewayClient(tmp_path / ".lifecycle" / "gateway").stop()
    except Unavailable:
        pass  # the test has stopped it itself, or never started it


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `gateway status --json` says; everything printed before is forgotten."""
    capsys.readouterr()
    assert main.run(["gateway", "status", "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_a_held_rollout_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """A person who looks sees what it waits for, and not only that it does."""
    rollout = RolloutStatus(
        rollout_id="r1", model="credit", version=2, state="baking", step=0, weight=0.5, reason="the arms' requests are not split as said"
    )
    model = ModelStatus(model="credit", versions=(), referred=0, rollout=rollout)
    show(GatewayStatus(running=False, url=None, pid=None, environment="local", workers=0, models=(model,), waiting_events=0))
    assert "It is held: the arms' requests are not split as said." in capsys.readouterr().out


def test_a_rollout_is_shown_with_how_its_guardrails_stand(capsys: pytest.CaptureFixture[str]) -> None:
    """Each guardrail, and each group of it, with what both arms count and how far it is from taking the version out."""
    owners = GuardrailStatus(
        guardrail="missed_approvals home=owner", log_evidence=2.5, log_limit=5.99, canary=40, canary_bad=9, control=360, control_bad=21
    )
    show_guardrails(RolloutStatus(rollout_id="r1", model="credit", version=2, state="baking", step=0, weight=0.1, guardrails=(owners,)))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "owner" in line]
    assert row.split() == ["missed_approvals", "home=owner", "9", "40", "21", "360", "2.50", "5.99"]
    show_guardrails(RolloutStatus(rollout_id="r1", model="credit", version=2, state="loading", step=0, weight=0.0))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("baked", "said"), [(4.9, "4 of 5 s"), (5.0, "5 of 5 s"), (7.0, "5 of 5 s")])
def test_a_step_is_told_as_baked_when_it_has_and_not_before(baked: float, said: str) -> None:
    """Rounded up, a step that waits for its last half second looks held for no reason."""
    assert StepProgress(steps=1, answered=9, minimum_n=9, baked_seconds=baked, bake_seconds=5.0).says().endswith(f"baked for {said}")


def test_a_rollout_is_shown_with_what_its_step_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A person who looks sees whether requests or time are missing, and, where neither is, that it waits for a person."""
    progress = StepProgress(steps=3, answered=12, minimum_n=100, baked_seconds=90.2, bake_seconds=60.0)
    rollout = RolloutStatus(rollout_id="r1", model="credit", version=2, state="baking", step=0, weight=0.1, progress=progress)
    model = ModelStatus(model="credit", versions=(), referred=0, rollout=rollout)
    status = GatewayStatus(running=False, url=None, pid=None, environment="local", workers=0, models=(model,), waiting_events=0)
    show(status)
    told = capsys.readouterr().out
    assert "Rollout of credit:2: baking, step 1 of 3, 10% of the traffic." in told
    assert "In this step: 12 of at least 100 requests answered, baked for 60 of 60 s." in told
    assert "A person" not in told
    done = rollout.model_copy(update={"progress": progress.model_copy(update={"answered": 100})})
    show(status.model_copy(update={"models": (model.model_copy(update={"rollout": done}),)}))
    assert "A person promotes or ends it: `lifecycle rollout promote credit`, or `end`." in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_start_status_and_stop(capsys: pytest.CaptureFixture[str]) -> None:
    """A started gateway answers, is not started twice, and is gone once stop returns."""
    assert main.run(["gateway", "start"]) == 0
    first = status(capsys)
    assert (first["running"], first["workers"], first["models"]) == (True, 1, [])
    assert main.run(["gateway", "start"]) == 0
    assert status(capsys)["pid"] == first["pid"]
    assert main.run(["gateway", "status"]) == 0
    assert first["url"] in capsys.readouterr().out
    assert main.run(["gateway", "stop"]) == 0
    assert status(capsys)["running"] is False


@pytest.mark.usefixtures("project")
def test_without_a_gateway_the_status_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A status without a gateway is an answer, and stopping none is an error with its code."""
    assert main.run(["gateway", "status"]) == 0
    assert "lifecycle gateway start" in capsys.readouterr().out
    assert main.run(["gateway", "stop"]) == Unavailable.exit_code
    said = capsys.readouterr().err
    assert "No gateway runs on this home." in said
    assert "gateway start" not in said


def test_the_controller_of_a_cluster_runs_though_it_has_no_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lifecycle status` tells of it as `gateway status` does, and asks nobody to start a gateway beside it."""
    monkeypatch.setenv("LIFECYCLE_HOME", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    controller = GatewayStatus(running=True, url=None, pid=4711, environment="local", workers=0, models=(), waiting_events=0)
    monkeypatch.setattr(GatewayClient, "status", lambda _: controller)
    departments = departments_at(tmp_path)
    _ = departments.ledger_key
    departments.ledger.close()
    assert main.run(["status"]) == 0
    assert "Gateway: the controller of a cluster (process 4711)" in capsys.readouterr().out
    assert main.run(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gateway"] == {"running": True, "url": None}
    assert main.run(["gateway", "status"]) == 0
    assert "The controller of a cluster takes orders (process 4711)." in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_a_port_in_use_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway whose port is taken ends with what is in the way, in the foreground and in the background."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main.run(["gateway", "run", "--port", port]) == Unavailable.exit_code
        assert f"can't listen on 127.0.0.1:{port}" in capsys.readouterr().err
        assert main.run(["gateway", "start", "--port", port]) == Unavailable.exit_code
        assert f"can't listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_plainly(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A home whose gateway folder is a file is named, with what to do."""
    (project / ".lifecycle").mkdir()
    (project / ".lifecycle" / "gateway").touch()
    assert main.run(["gateway", "run"]) == Unavailable.exit_code
    assert "can't be written" in capsys.readouterr().err

"""Kill -9, on the real command line: the next start goes on or undoes, and the ledger verifies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.demo.traffic import Traffic
from tests.scenarios.commands import PATIENCE, CommandLine, gateway, project_copy, wait_until
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill")]

APPLICATION: dict[str, float | str | None] = {
    "seniority": 9.0,
    "home": "rent",
    "time": 60.0,
    "records": "no",
    "job": "freelance",
    "expenses": 73.0,
    "income": 129.0,
    "assets": 0.0,
    "debt": None,
    "amount": 800.0,
    "price": 846.0,
}
EPOCHS = 60
#: `lifecycle deploy`, in a process that dies between the intent in the ledger and the order to the gateway.
DEPLOY_AND_DIE = """
import os, signal, sys
from lifecycle.cli import main
from lifecycle.life import deployment
deployment._order = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
main.run(["deploy", "credit:1"])
"""


@pytest.fixture
def lifecycle(tmp_path: Path) -> CommandLine:
    """The command line on a home in which credit:1 is approved."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    departments.ledger.close()
    commands = CommandLine(departments.settings.home)
    reason = ("--reason", "It is within its limits.")
    said = commands("approve", "credit:1", "--as", cast.officer, "--key", str(cast.key(cast.officer)), *reason)
    assert said.code == 0, said.err
    return commands


@pytest.fixture
def serving(lifecycle: CommandLine) -> Iterator[CommandLine]:
    """The same with its gateway."""
    with gateway(lifecycle):
        yield lifecycle


def gateway_status(lifecycle: CommandLine) -> dict[str, Any]:
    said = lifecycle("gateway", "status", "--json")
    assert said.code == 0, said.err
    status: dict[str, Any] = json.loads(said.out)
    return status


def begun(lifecycle: CommandLine) -> None:
    wait_until(lambda: "RolloutStepReached" in lifecycle.types(), "the rollout has begun")


def kill_in_training(lifecycle: CommandLine) -> None:
    """Kills `lifecycle train credit` once it has told of an epoch, and so has a checkpoint."""
    with lifecycle.started("train", "credit") as training:
        read_until(training, "credit/candidate: epoch ")
        training.kill()
        training.wait(PATIENCE)
    assert training.returncode == -signal.SIGKILL


def read_until(process: subprocess.Popen[str], said: str) -> None:
    assert process.stdout is not None
    assert any(said in line for line in process.stdout), f"it ended without saying {said!r}"


def canary_process(supervisor: int) -> int:
    """The process id of the canary among the children of the gateway."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                command = (process / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            if parent == supervisor and b"lifecycle.serving.answering.canary" in command.split(b"\0"):
                return int(process.name)
    raise AssertionError(f"the gateway {supervisor} has no canary")


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """`lifecycle train` is killed in an epoch; the same command goes on from there and makes one version, no second one."""
    lifecycle = CommandLine(tmp_path / "home", project_copy(tmp_path, epochs=EPOCHS))
    kill_in_training(lifecycle)
    assert lifecycle.types().count("TrainingStarted") == 1
    assert "ModelTrained" not in lifecycle.types()
    again = lifecycle("train", "credit")
    assert again.code == 0, again.err
    assert "going on from" in again.err
    (trained,) = lifecycle.bodies("ModelTrained")
    assert 0 < trained["metering"]["resumed_from_epoch"] < EPOCHS
    assert trained["metering"]["epochs"] == EPOCHS
    # What version 1 is worth is the gate's to say; that there is one, and no second one, is what going on means.
    assert set(lifecycle.states()) == {"credit:1"}
    lifecycle.require_whole_ledger()


def test_changed_code_does_not_go_on_from_what_other_code_left(tmp_path: Path) -> None:
    """A checkpoint belongs to the code that made it: after a change the training starts over."""
    project = project_copy(tmp_path, epochs=EPOCHS)
    lifecycle = CommandLine(tmp_path / "home", project)
    kill_in_training(lifecycle)
    network = project / "assets" / "credit" / "network.py"
    network.write_text(network.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    again = lifecycle("train", "credit")
    assert again.code == 0, again.err
    (trained,) = lifecycle.bodies("ModelTrained")
    assert trained["metering"]["resumed_from_epoch"] == 0


def test_a_rollout_outlives_the_command_that_ordered_it(serving: CommandLine) -> None:
    """`lifecycle deploy` is killed while it waits: the gateway goes on, and the same command waits on to the same end."""
    with serving.started("deploy", "credit:1") as deploying:
        begun(serving)
        deploying.kill()
        deploying.wait(PATIENCE)
    assert serving.states() == {"credit:1": "rolling_out"}
    with serving.started("deploy", "credit:1") as again:
        read_until(again, "waiting for it to end")
        with Traffic(gateway_status(serving)["url"], "credit", [APPLICATION]) as traffic:
            assert again.wait(PATIENCE) == 0
    assert traffic.counted.failed == 0
    assert serving.states() == {"credit:1": "serving"}
    assert serving.types().count("RolloutRequested") == serving.types().count("RolloutCompleted") == 1
    serving.require_whole_ledger()


def test_a_deployment_killed_before_its_order_goes_on_with_the_next(serving: CommandLine) -> None:
    """The intent stands in the ledger and the gateway knows nothing: the next `lifecycle deploy` gives the order, on the same approval."""
    killed = subprocess.run(
        [sys.executable, "-c", DEPLOY_AND_DIE], cwd=serving.project, env=serving.environment({}), capture_output=True, timeout=PATIENCE
    )
    assert killed.returncode == -signal.SIGKILL
    assert serving.types()[-1] == "RolloutRequested"
    assert gateway_status(serving)["models"] == []
    with serving.started("deploy", "credit:1") as again:
        begun(serving)
        with Traffic(gateway_status(serving)["url"], "credit", [APPLICATION]):
            assert again.wait(PATIENCE) == 0
    assert serving.states() == {"credit:1": "serving"}
    assert serving.types().count("RolloutRequested") == 1
    serving.require_whole_ledger()


def test_a_gateway_killed_in_a_rollout_goes_on_with_it(serving: CommandLine) -> None:
    """Supervisor and workers die at the first step; after `lifecycle gateway start` the waiting deployment comes to its end."""
    with serving.started("deploy", "credit:1") as deploying:
        begun(serving)
        os.kill(gateway_status(serving)["pid"], signal.SIGKILL)
        wait_until(lambda: not gateway_status(serving)["running"], "the gateway is gone")
        assert serving("gateway", "start").code == 0
        with Traffic(gateway_status(serving)["url"], "credit", [APPLICATION]):
            assert deploying.wait(PATIENCE) == 0
    assert serving.states() == {"credit:1": "serving"}
    assert [body["weight"] for body in serving.bodies("RolloutStepReached")] == [0.1, 0.5, 1.0]
    serving.require_whole_ledger()


def test_a_killed_canary_is_taken_out_and_the_deployment_says_why(serving: CommandLine) -> None:
    """The gateway undoes the rollout by itself, `lifecycle deploy` ends with an error that names the cause, and all is recorded."""
    with serving.started("deploy", "credit:1") as deploying:
        begun(serving)
        os.kill(canary_process(gateway_status(serving)["pid"]), signal.SIGKILL)
        told, _ = deploying.communicate(timeout=PATIENCE)
    assert deploying.returncode == 1
    assert "credit:1 was taken out" in told
    assert "Next: " in told
    assert "Traceback" not in told
    assert serving.bodies("RolledBack")[0]["trigger"]["kind"] == "crash"
    assert serving.states() == {"credit:1": "rolled_back"}
    serving.require_whole_ledger()

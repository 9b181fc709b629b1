"""Fault: the gateway, or a worker of it, is killed; the ledger is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from http.client import HTTPException
from pathlib import Path

from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.supervision.reporting import stopped_status
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import PATIENCE, RunningGateway, running_gateway, wait_for


def test_a_killed_gateway_serves_the_same_version_again_without_ledger_and_store(tmp_path: Path) -> None:
    """After kill -9 the next start serves what served, from its own folder alone."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        _, ids = gateway.caller().infer_many(50)
        gateway.kill()
        (tmp_path / "down").touch()
        for version in (1, 2):
            for file in gateway.pack(version).folder.iterdir():
                file.unlink()
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "2"
        assert set(ids) <= {row["id"] for row in gateway.client.predictions.rows(MODEL)}
        counted = {arm.version: arm.requests for arm in gateway.model().versions}
        assert counted[2] == 51


def test_a_gateway_that_restarts_can_still_roll_back(tmp_path: Path) -> None:
    """The version before is still there after kill -9, and a rollback needs no ledger; the event waits for it."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        wait_for(lambda: len(gateway.events()) == 4, "the ledger has the rollouts")
        gateway.kill()
        (tmp_path / "down").touch()
        gateway.start()
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        assert gateway.caller().infer()[1]["model_version"] == "1"
        # What the killed worker had answered may be sealed by now, and waits as well.
        assert gateway.client.status().waiting_events in (2, 3)
        assert len(gateway.events()) == 4
        (tmp_path / "down").unlink()
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        assert [event.type for event in gateway.events()][4:] == ["RollbackRequested", "RolledBack"]


def test_events_that_wait_survive_a_kill(tmp_path: Path) -> None:
    """What the ledger could not take before the gateway was killed it gets afterwards, once and in order."""
    with running_gateway(tmp_path) as gateway:
        (tmp_path / "down").touch()
        gateway.serve(1)
        gateway.serve(2)
        gateway.kill()
        (tmp_path / "down").unlink()
        gateway.start()
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        told = [(event.subject.version, event.type) for event in gateway.events()]
        assert told == [(1, "RolloutStepReached"), (1, "RolloutCompleted"), (2, "RolloutStepReached"), (2, "RolloutCompleted")]


def test_a_killed_worker_comes_back_by_itself(tmp_path: Path) -> None:
    """After kill -9 of the only worker, requests are answered again without anybody's help, and no logged row is lost."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        caller = gateway.caller()
        _, ids = caller.infer_many(50)
        killed = gateway.process("worker")
        os.kill(killed, signal.SIGKILL)

        def answers() -> bool:
            try:
                return caller.infer()[0] == 200
            except (HTTPException, OSError):
                return False

        wait_for(answers, "the gateway answers again")
        assert gateway.process("worker") != killed
        assert set(ids) <= {row["id"] for row in gateway.client.predictions.rows(MODEL)}


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    """A worker that lives but does not turn its loop is killed, and another one answers."""
    with running_gateway(tmp_path, watch_seconds=0.1) as gateway:
        gateway.serve(1)
        hanging = gateway.process("worker")
        os.kill(hanging, signal.SIGSTOP)
        wait_for(lambda: hanging not in gateway.processes().values(), "the hanging worker is gone")
        assert gateway.caller().infer()[0] == 200


def test_a_worker_that_comes_back_knows_the_canary(tmp_path: Path) -> None:
    """A worker that is started during a rollout is connected to its canary before it answers."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 100_000, 600.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.5)
        killed = gateway.process("worker")
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: any(name.startswith("worker") and pid != killed for name, pid in gateway.processes().items()), "a worker is back")
        arms, _ = gateway.caller().infer_many(60)
        assert set(arms) == {"champion", "canary"}
        assert gateway.client.rollout(rollout).state == "baking"


def test_a_second_gateway_on_one_folder_is_refused(tmp_path: Path) -> None:
    """Two controllers never act on one set of routes: the second ends with a clear message and code, the first serves on."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        second = RunningGateway(tmp_path)
        configuration = second.configuration()
        ended = subprocess.run(
            [sys.executable, "-m", "tests.serving.process", configuration],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            timeout=PATIENCE,
        )
        assert ended.returncode != 0
        assert b"runs on" in ended.stderr
        assert gateway.caller().infer()[0] == 200


def test_a_gateway_that_does_not_run_still_says_what_it_would_serve(tmp_path: Path) -> None:
    """The status of a killed gateway comes from its journal: its versions, with the shares that its next start gives them."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(3)
        gateway.kill()
        found = stopped_status(GatewayFolder(gateway.folder), "local")
        assert (found.running, found.url) == (False, None)
        assert [(arm.version, arm.weight, arm.requests) for arm in found.models[0].versions] == [(1, 1.0, 3)]

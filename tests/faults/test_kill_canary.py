"""Fault: the canary's process dies, hangs, or never gets ready."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from tests.serving.packages import MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

LONG = plan((0.5, 100_000, 600.0), (1.0, 1, 0.0))


def baking(gateway: RunningGateway, version: int = 2) -> str:
    """A rollout beside the champion 1 that stays at 50 %."""
    gateway.serve(1)
    rollout = gateway.deploy(version, LONG)
    gateway.await_weight(rollout, 0.5)
    return rollout


def test_a_killed_canary_is_rolled_back_and_no_caller_sees_it(tmp_path: Path) -> None:
    """Under traffic from several callers, kill -9 of the canary costs none of them an answer, and none is lost from the log."""
    with running_gateway(tmp_path) as gateway:
        rollout = baking(gateway)
        stop = threading.Event()
        failures: list[object] = []
        answered: list[str] = []

        def call() -> None:
            caller = gateway.caller()
            while not stop.is_set():
                status, said = caller.infer()
                if status != 200:
                    failures.append(said)
                else:
                    answered.append(said["parameters"]["prediction_id"])

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) > 200, "there is traffic")
        os.kill(gateway.process("canary"), signal.SIGKILL)
        gateway.await_rollout(rollout, "aborted")
        seen = len(answered)
        wait_for(lambda: len(answered) > seen + 200, "there is traffic afterwards")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert set(answered) <= {row["id"] for row in gateway.client.predictions.rows(MODEL, with_values=False)}
        body = gateway.events("RolledBack")[0].body
        assert isinstance(body, RolledBack)
        # Whichever is noticed first: the failures in a row, or the end of the process.
        assert body.trigger.metric in ("breaker", "process")


def test_a_killed_canary_is_rolled_back_without_any_traffic(tmp_path: Path) -> None:
    """Nobody need ask for its death to be noticed."""
    with running_gateway(tmp_path) as gateway:
        rollout = baking(gateway)
        os.kill(gateway.process("canary"), signal.SIGKILL)
        gateway.await_rollout(rollout, "aborted")
        assert gateway.caller().infer_many(20)[0] == {"champion": 20}
        body = gateway.events("RolledBack")[0].body
        assert isinstance(body, RolledBack)
        assert body.trigger.kind == "crash"
        assert "signal 9" in body.trigger.detail


@pytest.mark.slow
def test_a_canary_that_hangs_is_taken_out_and_every_request_is_answered(tmp_path: Path) -> None:
    """A stopped process costs its callers the timeout at most, and then nothing; it is ended although it does not listen."""
    with running_gateway(tmp_path, canary_timeout_ms=60) as gateway:
        rollout = baking(gateway)
        pid = gateway.process("canary")
        os.kill(pid, signal.SIGSTOP)
        assert gateway.caller().infer_many(40)[0] == {"champion": 40}
        gateway.await_rollout(rollout, "aborted")
        wait_for(lambda: not any(name.startswith("canary") for name in gateway.processes()), "the hanging process is gone")


def test_a_version_that_cannot_be_loaded_never_takes_traffic(tmp_path: Path) -> None:
    """A graph that does not load ends the rollout as failed, before its first step."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        packed = gateway.pack(2, behaviour="unloadable")
        assert packed.digest
        rollout = gateway.deploy(2, LONG, behaviour="unloadable")
        gateway.await_rollout(rollout, "aborted")
        wait_for(lambda: gateway.events("RolloutAborted") != [], "the abort is recorded")
        body = gateway.events("RolloutAborted")[0].body
        assert isinstance(body, RolloutAborted)
        assert body.cause == "failed"
        assert [event.subject.version for event in gateway.events("RolloutStepReached")] == [1]
        assert gateway.caller().infer_many(5)[0] == {"champion": 5}

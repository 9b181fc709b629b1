"""Fault: a version that loads for ever, that wants all memory, or that takes its time. Callers are answered, and it is taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from lifecycle.records.rollout import Guardrail
from tests.serving.packages import MODEL, ROW, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

LONG = plan((0.5, 100_000, 600.0), (1.0, 1, 0.0))
#: An income below the mean, of which every version makes an answer.
LOW = {**ROW, "income": 95.0}


def logged(gateway: RunningGateway) -> set[str]:
    return {row["id"] for row in gateway.client.predictions.rows(MODEL, with_values=False)}


@pytest.mark.slow
def test_a_version_that_loads_for_ever_never_takes_traffic(tmp_path: Path) -> None:
    """Its process is ended when its time is over, the rollout is recorded as failed, and the champion has answered throughout."""
    with running_gateway(tmp_path, more={"start_seconds": 8.0}) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, LONG, behaviour="endless")
        wait_for(lambda: any(name.startswith("canary") for name in gateway.processes()), "its process has begun to load")
        caller, ids = gateway.caller(), []
        while gateway.client.rollout(rollout).state == "loading":
            arms, answered = caller.infer_many(10)
            assert arms == {"champion": 10}
            ids += answered
        gateway.await_rollout(rollout, "aborted")
        wait_for(lambda: not any(name.startswith("canary") for name in gateway.processes()), "its process is gone")
        body = gateway.events("RolloutAborted")[0].body
        assert isinstance(body, RolloutAborted)
        assert body.cause == "failed"
        assert [event.subject.version for event in gateway.events("RolloutStepReached")] == [1]
        assert set(ids) <= logged(gateway)


def test_a_version_that_wants_all_memory_is_refused_it_and_taken_out(tmp_path: Path) -> None:
    """What it asks for past its limit it does not get: it fails, the champion answers, and the machine keeps its memory."""
    with running_gateway(tmp_path, more={"canary_memory_mb": 768}) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, LONG, behaviour="hungry")
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        assert caller.infer_many(20, LOW)[0].keys() == {"champion", "canary"}
        process = gateway.process("canary")
        assert Path(f"/proc/{process}/oom_score_adj").read_text().strip() == "1000"
        arms, ids = caller.infer_many(60)
        assert arms == {"champion": 60}
        gateway.await_rollout(rollout, "aborted")
        body = gateway.events("RolledBack")[0].body
        assert isinstance(body, RolledBack)
        assert (body.from_version, body.to_version, body.trigger.kind) == (2, 1, "guardrail")
        assert set(ids) <= logged(gateway)


def test_a_version_that_takes_its_time_is_taken_out_for_it(tmp_path: Path) -> None:
    """Each of its answers is right and late: the latency guardrail takes it out, and nobody was failed."""
    slow = plan((0.5, 100_000, 600.0), (1.0, 1, 0.0), guardrails=(Guardrail(kind="latency", objective_ms=10.0),))
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, slow, behaviour="slow")
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        while gateway.client.rollout(rollout).state == "baking":
            caller.infer_many(10)
        gateway.await_rollout(rollout, "aborted")
        body = gateway.events("RolledBack")[0].body
        assert isinstance(body, RolledBack)
        assert body.trigger.metric == "latency"
        assert all(arm.errors == 0 for arm in body.observed)

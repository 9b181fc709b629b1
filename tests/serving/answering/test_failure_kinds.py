"""How a version failed is told: an exception, a time-out and what is no answer are three kinds, in status and metrics alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.serving.failures import FailureKind
from tests.serving.graphs import Behaviour
from tests.serving.packages import plan
from tests.serving.running import running_gateway, wait_for

#: Which canary fails in which way: NaN, a second and more for a row, and a process that lacks the memory.
FAILING: list[tuple[Behaviour, FailureKind]] = [("not_a_number", "invalid"), ("slow", "timeout"), ("hungry", "exception")]


@pytest.mark.parametrize(("behaviour", "kind"), FAILING)
def test_a_canarys_failures_are_counted_by_kind(tmp_path: Path, behaviour: Behaviour, kind: FailureKind) -> None:
    """All of them are errors; callers are answered all the same, and nothing takes it out so soon."""
    patience = 20 if behaviour == "slow" else 30_000
    with running_gateway(tmp_path, canary_timeout_ms=patience, more={"canary_memory_mb": 768}) as gateway:
        gateway.serve(1)
        # Neither the breaker nor a guardrail acts on two failures.
        rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0), breaker=1_000), behaviour=behaviour)
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()

        def failed() -> bool:
            assert caller.infer()[0] == 200
            return any(arm.arm == "canary" and arm.errors for arm in gateway.model().versions)

        wait_for(failed, "the canary has failed")
        (canary,) = (arm for arm in gateway.model().versions if arm.arm == "canary")
        exceptions = canary.errors - canary.timeouts - canary.invalid
        assert {"exception": exceptions, "timeout": canary.timeouts, "invalid": canary.invalid}[kind] == canary.errors
        told = f'lifecycle_inference_failures_total{{model="credit",version="2",arm="canary",kind="{kind}"}} {canary.errors}'
        assert told in caller.send("GET", "/metrics")[1]

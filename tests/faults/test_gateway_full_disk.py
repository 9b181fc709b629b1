"""Fault: the disk is full while a version is taken out. The traffic moves, the answer is true, and nothing is forgotten."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can take the disk from a running process")


@contextmanager
def full_disk(gateway: RunningGateway, process: str = "") -> Iterator[None]:
    """No file of the gateway's supervisor, or of another process of it, may grow."""
    pid = gateway.process(process) if process else gateway.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("canary", [False, True], ids=["from a champion", "from a canary"])
def test_a_rollback_on_a_full_disk_is_in_force_and_becomes_durable(tmp_path: Path, canary: bool) -> None:
    """The bad version is out at once, the status says that the disk does not know yet, and a later restart does not bring it back."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        if canary:
            gateway.await_weight(gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0))), 0.5)
        else:
            gateway.serve(2)
        caller = gateway.caller()
        with full_disk(gateway):
            body = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="bad", rollback_id="b1")
            assert (body.from_version, body.to_version) == (2, 1)
            assert {caller.infer()[1]["model_version"] for _ in range(20)} == {"1"}
            faults = gateway.client.status().faults
            assert any("not durable" in fault and "can't be written" in fault for fault in faults)
        wait_for(lambda: not gateway.client.status().faults, "the disk has it")
        gateway.kill()
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "1"
        wait_for(lambda: gateway.client.status().waiting_events == 0, "everything is in the ledger")
        assert [event.type for event in gateway.events("RollbackRequested", "RolledBack")] == ["RollbackRequested", "RolledBack"]


def test_a_new_rollout_is_refused_on_a_full_disk(tmp_path: Path) -> None:
    """What the journal does not take does not begin."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        with full_disk(gateway), pytest.raises(Unavailable, match=os.strerror(errno.EFBIG)):
            gateway.deploy(2, plan())
        assert gateway.caller().infer()[1]["model_version"] == "1"


def test_nothing_is_answered_that_the_log_does_not_take(tmp_path: Path) -> None:
    """While its log can't grow a worker refuses (503) and says why; then it answers again, and the log has what was answered."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        caller = gateway.caller()
        _, ids = caller.infer_many(10)
        with full_disk(gateway, "worker"):
            said = [caller.infer() for _ in range(5)]
            assert {status for status, _ in said} == {503}
            assert all("prediction log can't be written" in answer["error"] for _, answer in said)
        ids += caller.infer_many(10)[1]
        assert sorted(row["id"] for row in gateway.client.predictions.rows(MODEL)) == sorted(ids)

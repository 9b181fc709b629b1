"""Attack: get traffic to a version whose events the ledger refuses. It is taken out, and everybody hears of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from lifecycle.cli import gateway as cli
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.supervision.reporting import stopped_status
from tests.serving.packages import ENVIRONMENT, plan
from tests.serving.running import running_gateway, wait_for


def test_a_version_that_the_ledger_refuses_is_taken_out_of_its_rollout(tmp_path: Path) -> None:
    """The champion goes on, and the status, running or not, counts what was refused."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "everything is in the ledger")
        assert gateway.client.status().refused_events == 0
        (tmp_path / "refusing").touch()
        rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
        ended = gateway.await_rollout(rollout, "aborted")
        assert "the ledger refused its RolloutStepReached" in ended.reason
        caller = gateway.caller()
        assert {caller.infer()[1]["model_version"] for _ in range(20)} == {"1"}
        wait_for(lambda: gateway.client.status().refused_events == 2, "the step and the end are refused")
        status = gateway.client.status()
        assert any("refused 2 events" in fault for fault in status.faults)
        assert "RolloutAborted of credit:2" in gateway.model().fault
        gateway.stop()
        stopped = stopped_status(GatewayFolder(gateway.folder), ENVIRONMENT)
        assert (stopped.refused_events, "credit:2" in stopped.models[0].fault) == (3, True)
    for shown in (status, stopped):
        with CliRunner().isolation() as (out, *_):
            cli.show(shown)
            assert "FAULT" in out.getvalue().decode()

"""What the metrics tell of rollouts: the evidence while one is under way, and what was decided of it."""

from __future__ import annotations

from pathlib import Path

from lifecycle.serving.rollouts.gauges import GaugeFile, RolloutGauges, read_gauges
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for


def told(gateway: RunningGateway, line: str) -> bool:
    """Whether a line of the metrics begins so."""
    _, text = gateway.caller().send("GET", "/metrics")
    return any(one.startswith(line) for one in text.splitlines())


def test_the_metrics_tell_the_evidence_and_the_decisions_of_a_rollout(tmp_path: Path) -> None:
    """By guardrail while the version comes in, with the limit; steps, ends and rollbacks are counted, and the evidence goes with it."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.await_weight(gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0))), 0.5)
        gateway.caller().infer_many(20)
        labels = f'{{model="{MODEL}",version="2",guardrail="errors"}}'
        wait_for(lambda: told(gateway, f"lifecycle_rollout_evalue_log{labels} "), "the evidence is told")
        assert told(gateway, f"lifecycle_rollout_evalue_log_limit{labels} ")
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="bad", rollback_id="b1")
        for decision, times in (("step", 2), ("completed", 1), ("aborted", 1), ("rollback", 1)):
            line = f'lifecycle_rollout_decision_total{{model="{MODEL}",decision="{decision}"}} {times}'
            wait_for(lambda line=line: told(gateway, line), f"{decision} is told {times} times")  # type: ignore[misc]  # this turn's
        wait_for(lambda: not told(gateway, "lifecycle_rollout_evalue_log{"), "no rollout is under way")


def test_a_disk_that_does_not_take_the_gauges_costs_the_metrics_and_nothing_else(tmp_path: Path) -> None:
    """The last ones stay, and the next ones are written once there is room."""
    seen = RolloutGauges()
    file = GaugeFile(tmp_path / "gone" / "rollouts.json", lambda: seen)
    file.write()
    assert read_gauges(tmp_path / "gone" / "rollouts.json") == RolloutGauges()
    (tmp_path / "gone").mkdir()
    file.write()
    assert RolloutGauges.parse((tmp_path / "gone" / "rollouts.json").read_bytes()) == seen


def test_gauges_that_nobody_can_read_are_none(tmp_path: Path) -> None:
    """Half a file, or one of something else, breaks no scrape."""
    (tmp_path / "rollouts.json").write_bytes(b'{"models":[')
    assert read_gauges(tmp_path / "rollouts.json") == RolloutGauges()

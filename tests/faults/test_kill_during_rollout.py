"""Fault: the gateway is killed in the middle of a rollout, or of a rollback. The next start goes on, or undoes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutStepReached
from lifecycle.records.record import canonical_bytes
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

pytestmark = pytest.mark.slow


def test_a_rollout_goes_on_with_the_step_that_it_was_in(tmp_path: Path) -> None:
    """After kill -9 at 50 %, the rollout goes on at 50 % and completes; no step is recorded twice."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.1, 2, 0.0), (0.5, 100, 0.0), (1.0, 10, 0.0)))
        gateway.await_weight(rollout, 0.1)
        caller = gateway.caller()
        while gateway.client.rollout(rollout).weight < 0.5:
            caller.infer_many(5)
        gateway.kill()
        gateway.start()
        gateway.await_rollout(rollout, "baking")
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        while gateway.client.rollout(rollout).state == "baking":
            caller.infer_many(10)
        gateway.await_rollout(rollout, "completed")
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        steps = [event.body for event in gateway.events("RolloutStepReached") if event.subject.version == 2]
        assert [body.weight for body in steps if isinstance(body, RolloutStepReached)] == [0.1, 0.5, 1.0]
        assert caller.infer()[1]["model_version"] == "2"


def test_what_was_counted_before_the_kill_still_counts(tmp_path: Path) -> None:
    """A canary that failed before the gateway was killed is taken out by the evidence from before and after."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 100_000, 600.0), (1.0, 1, 0.0), breaker=0), behaviour="not_a_number")
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        while not any(arm.errors for arm in gateway.model().versions):
            caller.infer_many(1)
        gateway.kill()
        gateway.start()
        gateway.await_rollout(rollout, "baking", "aborted")
        before = next((arm.errors for arm in gateway.model().versions if arm.arm == "canary"), 0)
        assert before >= 1
        caller = gateway.caller()
        while gateway.client.rollout(rollout).state == "baking":
            caller.infer_many(20)
        gateway.await_rollout(rollout, "aborted")


@pytest.mark.parametrize("cut", ["after the intent", "before the intent"])
def test_a_rollback_that_was_cut_short_is_finished(tmp_path: Path, cut: str) -> None:
    """Killed between intent and record, a rollback is finished by the next start; killed before both, it never happened."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 100_000, 600.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.5)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        (tmp_path / "down").touch()
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        gateway.kill()
        forget_last_commits(gateway, 1 if cut == "after the intent" else 2)
        (tmp_path / "down").unlink()
        gateway.start()
        if cut == "before the intent":
            gateway.await_rollout(rollout, "baking")
            return
        assert gateway.client.rollout(rollout).state == "aborted"
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        assert [event.type for event in gateway.events()][-3:] == ["RollbackRequested", "RolledBack", "RolloutAborted"]
        rolled_back, aborted = gateway.events("RolledBack")[0].body, gateway.events("RolloutAborted")[0].body
        assert isinstance(rolled_back, RolledBack)
        assert isinstance(aborted, RolloutAborted)
        assert (rolled_back.rollback_id, rolled_back.from_version, rolled_back.to_version) == ("b1", 2, 1)
        assert aborted.cause == "person"
        assert gateway.caller().infer_many(20)[0] == {"champion": 20}


def test_a_replaced_champion_stays_replaced(tmp_path: Path) -> None:
    """Killed after the intent of a rollback of what serves, the next start serves the target and records what happened."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        (tmp_path / "down").touch()
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        gateway.kill()
        forget_last_commits(gateway, 1)
        (tmp_path / "down").unlink()
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "1"
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        assert [event.type for event in gateway.events()][-2:] == ["RollbackRequested", "RolledBack"]


def test_a_rollout_that_was_promoting_is_promoted(tmp_path: Path) -> None:
    """Killed between the last step and the promotion, the next start promotes once the canary has answered again."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        gateway.kill()
        forget_last_commits(gateway, 1)
        gateway.start()
        gateway.await_rollout("rollout-credit-2", "completed")
        assert gateway.caller().infer()[1]["model_version"] == "2"


def test_a_promotion_by_hand_that_was_cut_short_can_be_asked_for_again(tmp_path: Path) -> None:
    """Killed between a person's word and the promotion, B is back at its share; asked again, it serves, and once is recorded."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 5, 0.0), strategy="ab"))
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        while gateway.model().versions[1].requests < 5:
            caller.infer_many(5)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        (tmp_path / "down").touch()
        gateway.promote(rollout, by="ada", reason="it sells more")
        gateway.kill()
        forget_last_commits(gateway, 1)
        (tmp_path / "down").unlink()
        gateway.start()
        gateway.await_weight(rollout, 0.5)
        assert {arm.arm: arm.version for arm in gateway.model().versions} == {"champion": 1, "canary": 2}
        assert gateway.promote(rollout, by="ada", reason="it sells more").state == "completed"
        wait_for(lambda: len(gateway.events("RolloutCompleted")) == 2, "the promotion is recorded once")
        assert gateway.caller().infer()[1]["model_version"] == "2"


def forget_last_commits(gateway: RunningGateway, count: int) -> None:
    """Makes the journal what it was before the last commits, as if the kill had come earlier."""
    lines = [json.loads(line) for line in (gateway.folder / "journal.jsonl").read_bytes().splitlines()]
    commits = [place for place, line in enumerate(lines) if "state" in line]
    kept = lines[: commits[-count]]
    (gateway.folder / "journal.jsonl").write_bytes(b"".join(canonical_bytes(line) + b"\n" for line in kept))

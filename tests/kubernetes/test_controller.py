"""The controller of a cluster: it takes what a gateway takes, and carries it out there."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Refused, Unavailable, UnknownName
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.rollouts.word import Word
from tests.kubernetes.controller import RunningController, callers, running_controller
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import wait_for

pytestmark = pytest.mark.slow
AT_ONCE = plan((1.0, 0, 0.0), strategy="blue_green")
HALF_FIRST = plan((0.5, 20, 0.0), (1.0, 20, 0.0))
HALF_FOR_LONG = plan((0.5, 1_000_000, 0.0), (1.0, 20, 0.0))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[RunningController]:
    """A controller that drives an empty cluster."""
    with running_controller(tmp_path) as made:
        yield made


def serve(there: RunningController, number: int = 1) -> None:
    """Has a version serve all requests."""
    assert there.until_ended(there.order(number, AT_ONCE).rollout_id) == "completed"


def at_half(there: RunningController, number: int = 2) -> str:
    """A rollout that stays in its first step; returns its id."""
    rollout_id = there.order(number, HALF_FOR_LONG).rollout_id
    wait_for(lambda: there.client.rollout(rollout_id).weight == 0.5, "the first step begins")
    return rollout_id


def test_versions_come_in_one_after_the_other(there: RunningController) -> None:
    """The first at once, the second step by step; the ledger is told what it is told of a gateway on one machine."""
    serve(there)
    with callers(there.server):
        assert there.until_ended(there.order(2, HALF_FIRST).rollout_id) == "completed"
    assert there.champion() == 2
    steps = ["RolloutStepReached", "RolloutCompleted", "RolloutStepReached", "RolloutStepReached", "RolloutCompleted"]
    wait_for(lambda: there.told() == steps, "the ledger is told")
    assert {pod.version for pod in there.server.pods.values()} == {"2"}


def test_a_bad_version_is_taken_out_and_the_former_one_serves(there: RunningController) -> None:
    """By the guardrails, without anybody; and it may not be ordered again under the same decision."""
    serve(there)
    with callers(there.server):
        made = there.order(2, HALF_FIRST, "not_a_number")
        assert there.until_ended(made.rollout_id) == "aborted"
    assert there.champion() == 1
    again = made.model_copy(update={"rollout_id": "another"})
    with pytest.raises(Refused, match="allows no second one"):
        there.client.order(again, there.home / "version-2")


def test_a_canary_is_taken_out_by_hand(there: RunningController) -> None:
    """With the decision of the gate and the person's reason in the ledger; asked again, it says the same."""
    serve(there)
    at_half(there)
    asked: dict[str, Any] = {"to_version": 1, "trigger": BY_HAND, "reason": "people complain", "rollback_id": "r1", "decision_id": "d1"}
    done = there.client.rollback(MODEL, **asked)
    assert (done.from_version, done.to_version) == (2, 1)
    assert there.client.rollback(MODEL, **asked) == done
    assert there.champion() == 1
    wait_for(lambda: there.told()[-3:] == ["RollbackRequested", "RolledBack", "RolloutAborted"], "the ledger is told")
    assert {pod.version for pod in there.server.pods.values()} == {"1"}


def test_what_serves_goes_back_by_hand(there: RunningController) -> None:
    """The version before it is ready before anything changes, and the other's pods end last."""
    serve(there, 1)
    serve(there, 2)
    done = there.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="people complain", rollback_id="r1")
    assert (done.from_version, done.to_version) == (2, 1)
    assert there.champion() == 1
    wait_for(lambda: there.told()[-2:] == ["RollbackRequested", "RolledBack"], "the ledger is told")
    assert {pod.version for pod in there.server.pods.values()} == {"1"}
    with pytest.raises(Refused, match="no way back"):
        there.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="again", rollback_id="r2")


def test_a_rollback_to_another_version_than_was_judged_is_refused(there: RunningController) -> None:
    """What serves may have changed since the gate was asked."""
    serve(there, 1)
    serve(there, 2)
    with pytest.raises(Refused, match="has changed since"):
        there.client.rollback(MODEL, from_version=7, to_version=1, trigger=BY_HAND, reason="late", rollback_id="r1")
    assert there.champion() == 2


def test_a_rollout_is_ended_without_judgement(there: RunningController) -> None:
    """The champion has all of the traffic again; a second end changes nothing, and an unknown rollout is not known."""
    serve(there)
    rollout_id = at_half(there)
    for _ in range(2):
        assert there.client.abort(rollout_id, "the run was cancelled", "cancelled").state == "aborted"
    assert there.champion() == 1
    wait_for(lambda: there.told()[-1] == "RolloutAborted", "the ledger is told")
    body = there.events()[-1].body
    assert isinstance(body, RolloutAborted)
    assert (body.cause, body.reason) == ("cancelled", "the run was cancelled")
    with pytest.raises(UnknownName):
        there.client.abort("nobodys", "x", "cancelled")


def test_an_end_does_not_wait_for_a_version_that_never_gets_ready(there: RunningController) -> None:
    """Its pods would be waited for much longer."""
    serve(there)
    made = there.order(2, HALF_FIRST, "unloadable")
    assert there.client.conclude(Word(part="end", rollout_id=made.rollout_id, by="ada", reason="it takes too long")).state == "aborted"
    assert there.champion() == 1


def test_a_person_ends_a_rollout_and_a_killed_controller_still_tells_who(tmp_path: Path) -> None:
    """Whose word it was stands at the cluster until it is recorded; somebody whose word does not count ends nothing."""
    with running_controller(tmp_path, pace={"tick_seconds": 0.05, "quiet_seconds": 3.0}) as there:
        serve(there)
        rollout_id = at_half(there)
        with pytest.raises(Refused):
            there.client.conclude(Word(part="end", rollout_id=rollout_id, by="mallory", reason="because"))
        assert there.client.rollout(rollout_id).state == "baking"
        with ThreadPoolExecutor(1) as asking:
            asked = asking.submit(there.client.conclude, Word(part="end", rollout_id=rollout_id, by="ada", reason="no difference"))
            wait_for(lambda: there.client.rollout(rollout_id).state == "undoing", "the canary is out")
            there.end(signal.SIGKILL)
        assert isinstance(asked.exception(), Unavailable)
        there.start()
        wait_for(lambda: there.told()[-1] == "RolloutAborted", "the ledger is told")
        body = there.events()[-1].body
        assert isinstance(body, RolloutAborted)
        assert (body.cause, body.ended_by, body.reason) == ("person", "ada", "no difference")


def test_a_revoked_canary_is_out(there: RunningController) -> None:
    """As soon as the ledger says so."""
    serve(there)
    rollout_id = at_half(there)
    there.take_back(Withdrawal(event_id="e1", model=MODEL, version=2, decision_id=None, why="it was revoked: stolen data"))
    assert there.until_ended(rollout_id) == "aborted"
    assert there.champion() == 1
    wait_for(lambda: "RolledBack" in there.told(), "the ledger is told")


def test_a_revoked_champion_gives_way_to_the_version_before_it(there: RunningController) -> None:
    """Nobody is answered until that is ready; a version that was taken back as well is passed over."""
    for number in (1, 2, 3):
        serve(there, number)
    there.take_back(Withdrawal(event_id="e1", model=MODEL, version=2, decision_id=None, why="it was revoked: stolen data"))
    there.take_back(Withdrawal(event_id="e2", model=MODEL, version=3, decision_id=None, why="it was revoked: stolen data"))
    wait_for(lambda: there.champion() == 1, "the first version serves again")
    wait_for(lambda: there.told()[-1] == "RolledBack", "the ledger is told")
    body = there.events()[-1].body
    assert isinstance(body, RolledBack)
    assert (body.trigger.kind, body.from_version, body.to_version) == ("revocation", 3, 1)


def test_a_step_on_another_machine_orders_by_mail(there: RunningController) -> None:
    """It has the controller's folder mounted, and no way to its socket."""
    GatewayFolder(there.folder).socket("admin").unlink()
    serve(there)
    assert there.champion() == 1


def test_where_nothing_may_serve_nobody_answers(there: RunningController) -> None:
    """The route names no version, and the status says why."""
    serve(there)
    there.take_back(Withdrawal(event_id="e1", model=MODEL, version=1, decision_id=None, why="it was revoked: stolen data"))
    wait_for(lambda: "no version stands by" in there.client.status().models[0].fault, "the status says so")
    route = there.server.objects["HTTPRoute", "credit"]
    assert route["spec"]["rules"][0]["backendRefs"] == []
    assert there.server.pods == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_controller_that_is_killed_goes_on_with_its_rollout(there: RunningController, number: signal.Signals) -> None:
    """It is found again by the journal and the route; nothing is told twice."""
    serve(there)
    rollout_id = there.order(2, HALF_FIRST).rollout_id
    wait_for(lambda: there.client.rollout(rollout_id).weight == 0.5, "the first step begins")
    there.end(number)
    there.start()
    with callers(there.server):
        assert there.until_ended(rollout_id) == "completed"
    assert there.champion() == 2
    wait_for(lambda: there.told()[2:] == ["RolloutStepReached", "RolloutStepReached", "RolloutCompleted"], "the ledger is told")


def test_a_controller_that_is_killed_over_a_way_back_finishes_it(there: RunningController) -> None:
    """What was taken back stays out, and the version before it serves once it is ready."""
    serve(there, 1)
    serve(there, 2)
    there.server.never_ready.add("1")
    there.take_back(Withdrawal(event_id="e1", model=MODEL, version=2, decision_id=None, why="it was revoked: stolen data"))
    wait_for(lambda: there.server.objects["HTTPRoute", "credit"]["spec"]["rules"][0]["backendRefs"] == [], "nobody is answered")
    there.end(signal.SIGKILL)
    there.server.never_ready.clear()
    there.server.restart_pods("1")
    there.start()
    wait_for(lambda: there.champion() == 1, "the first version serves again")
    wait_for(lambda: "RolledBack" in there.told(), "the ledger is told")
    wait_for(lambda: {pod.version for pod in there.server.pods.values()} == {"1"}, "the pods of the other end")
    assert there.told().count("RolledBack") == 1


def test_bytes_changed_while_no_controller_ran_end_the_rollout(there: RunningController) -> None:
    """What it goes on with is checked again, from its proof to its last byte; the champion has all of the traffic."""
    serve(there)
    rollout_id = at_half(there)
    there.end(signal.SIGKILL)
    (graph,) = (there.folder / "packages").glob("credit-2-*/model/*.onnx")
    graph.write_bytes(b"other bytes")
    there.start()
    assert there.until_ended(rollout_id) == "aborted"
    assert there.champion() == 1
    wait_for(lambda: there.told()[-1] == "RolloutAborted", "the ledger is told")
    body = there.events()[-1].body
    assert isinstance(body, RolloutAborted)
    assert body.cause == "failed"


def test_a_second_controller_changes_nothing_while_the_first_is_at_work(there: RunningController, tmp_path: Path) -> None:
    """Two homes, one cluster: the second says why its rollout does not begin, and can be told to give it up."""
    serve(there)
    at_half(there)
    (tmp_path / "other").mkdir()
    before = there.server.objects["HTTPRoute", "credit"]["spec"]
    other = RunningController(tmp_path / "other", there.server, there.host)
    try:
        other.start()
        rollout_id = other.order(3, HALF_FIRST).rollout_id
        wait_for(lambda: "drives rollouts of this model" in other.client.status().models[0].fault, "the status says so")
        assert there.server.objects["HTTPRoute", "credit"]["spec"] == before
        there.client.rollback(MODEL, to_version=1, trigger=BY_HAND, reason="x", rollback_id="r1")
        assert other.client.conclude(Word(part="end", rollout_id=rollout_id, reason="it was the wrong home")).state == "aborted"
        assert there.champion() == 1
    finally:
        other.end()


def test_a_ledger_that_is_down_is_told_afterwards(there: RunningController) -> None:
    """The rollout needs it no more once it is ordered; nothing is lost and nothing is told twice."""
    serve(there)
    wait_for(lambda: len(there.told()) == 2, "the ledger is told of the first")
    (there.home / "down").touch()
    with callers(there.server):
        assert there.until_ended(there.order(2, HALF_FIRST).rollout_id) == "completed"
    assert len(there.told()) == 2
    (there.home / "down").unlink()
    wait_for(lambda: there.told()[2:] == ["RolloutStepReached", "RolloutStepReached", "RolloutCompleted"], "the ledger is told")


def test_a_ledger_that_is_away_for_too_long_is_told_as_what_it_means(tmp_path: Path) -> None:
    """Pods that look at the same ledger answer nobody any more; the controller goes on, and its status says so."""
    with running_controller(tmp_path, offline_seconds=1.0) as there:
        (there.home / "down").touch()
        wait_for(lambda: any("Nobody is answered" in fault for fault in there.client.status().faults), "the status says so")
        (there.home / "down").unlink()
        wait_for(lambda: not there.client.status().faults, "all is well again")


def test_a_cluster_that_does_not_answer_has_not_stopped_serving(there: RunningController) -> None:
    """The status has what was placed last, with its share, and says that the cluster can't be asked."""
    serve(there)
    there.server.down = True
    (model,) = there.client.status().models
    assert [(arm.version, arm.arm, arm.weight) for arm in model.versions] == [(1, "champion", 1.0)]
    assert "API server" in model.fault
    there.server.down = False
    wait_for(lambda: not there.client.status().models[0].fault, "the cluster answers again")

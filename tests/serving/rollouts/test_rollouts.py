"""Rollouts against a real gateway: its processes, its sockets and its files."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lifecycle.errors import Refused, UnknownName
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.records.rollout import NoWorse
from lifecycle.records.states import Fold
from tests.serving.packages import BY_HAND, MODEL, order, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

#: A row that a preprocessor which refuses unknown categories can't take, and one that buckets them can.
UNKNOWN_HOME = {"income": 120.0, "home": "houseboat"}


def told(gateway: RunningGateway, *types: str) -> list[str]:
    """The types of the events in the ledger once there are as many as are expected."""
    wait_for(lambda: len(gateway.events()) >= len(types), f"the ledger has {types}")
    return [event.type for event in gateway.events()]


def test_a_first_version_serves_once_its_rollout_is_complete(gateway: RunningGateway) -> None:
    """A first version without steps to wait for becomes the champion and answers."""
    gateway.serve(1)
    status, said = gateway.caller().infer()
    assert (status, said["model_version"], said["parameters"]["arm"]) == (200, "1", "champion")


def test_a_rollout_takes_its_steps_when_each_has_answered_enough(gateway: RunningGateway) -> None:
    """The canary goes 10 %, 50 %, 100 %, each after its minimum n, and then serves alone."""
    gateway.serve(1)
    caller = gateway.caller()
    rollout = gateway.deploy(2, plan((0.1, 5, 0.0), (0.5, 20, 0.0), (1.0, 20, 0.0)))
    gateway.await_weight(rollout, 0.1)
    for _ in range(100):
        if gateway.client.rollout(rollout).state == "completed":
            break
        caller.infer_many(20)
    steps = [event.body for event in gateway.events("RolloutStepReached") if event.subject.version == 2]
    assert [body.weight for body in steps if isinstance(body, RolloutStepReached)] == [0.1, 0.5, 1.0]
    assert caller.infer_many(5)[0] == {"champion": 5}
    assert [(arm.version, arm.arm, arm.weight) for arm in gateway.model().versions] == [(2, "champion", 1.0), (1, "standby", 0.0)]
    completed = gateway.events("RolloutCompleted")[-1].body
    assert isinstance(completed, RolloutCompleted)
    assert completed.superseded_version == 1
    assert completed.observed[1].requests >= 45


def test_a_rollout_says_what_its_step_waits_for(gateway: RunningGateway) -> None:
    """Its status counts what the version has answered in this step, and for how long it has baked, against what the plan asks."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 600.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    answered = gateway.caller().infer_many(60)[0]["canary"]
    wait_for(lambda: (found := gateway.client.rollout(rollout).progress) is not None and found.answered == answered, "they are counted")
    progress = gateway.client.rollout(rollout).progress
    assert progress is not None
    assert (progress.steps, progress.minimum_n, progress.bake_seconds, progress.done) == (2, 10_000, 600.0, False)
    assert 0.0 < progress.baked_seconds < 600.0


def test_what_is_recorded_is_a_legal_life(gateway: RunningGateway) -> None:
    """The events of two rollouts and a rollback move both versions by legal transitions only."""
    gateway.serve(1)
    gateway.serve(2)
    gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    types = told(gateway, *["RolloutStepReached", "RolloutCompleted"] * 2, "RollbackRequested", "RolledBack")
    assert types == ["RolloutStepReached", "RolloutCompleted"] * 2 + ["RollbackRequested", "RolledBack"]
    folded = Fold("local", {(MODEL, 1): "rolling_out", (MODEL, 2): "rolling_out"})
    for event in gateway.events():
        folded.apply(event)
    assert folded.states == {(MODEL, 1): "serving", (MODEL, 2): "rolled_back"}


def test_what_no_version_may_answer_yet_goes_to_a_person(gateway: RunningGateway) -> None:
    """Without a champion and with `refer`, the rest of the traffic is told to refer, and is logged."""
    rollout = gateway.deploy(1, plan((0.5, 10_000, 0.0), (1.0, 1, 0.0), without_champion="refer"))
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    answers = [caller.infer()[1] for _ in range(60)]
    referred = [said for said in answers if said["parameters"]["arm"] == "referral"]
    assert 10 < len(referred) < 50
    assert referred[0]["outputs"] == [{"name": "decision", "datatype": "BYTES", "shape": [1], "data": ["refer"]}]
    assert "model_version" not in referred[0]
    rows = list(gateway.client.predictions.rows(MODEL))
    assert [row["outcome"] for row in rows].count("referred") == len(referred)
    assert gateway.model().referred == len(referred)


def test_what_no_version_may_answer_yet_is_refused_where_the_plan_says_so(gateway: RunningGateway) -> None:
    """Without a champion and with `refuse`, the rest of the traffic gets a 503."""
    rollout = gateway.deploy(1, plan((0.5, 10_000, 0.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    statuses = {caller.infer()[0] for _ in range(60)}
    assert statuses == {200, 503}


def test_a_canary_that_breaks_is_taken_out_and_no_caller_sees_it(gateway: RunningGateway) -> None:
    """A canary that answers NaN is rolled back by itself; every request in between is answered by the champion."""
    gateway.serve(1)
    caller = gateway.caller()
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)), behaviour="not_a_number")
    gateway.await_weight(rollout, 0.5)
    arms, _ = caller.infer_many(60)
    ended = gateway.await_rollout(rollout, "aborted")
    assert arms == {"champion": 60}
    rolled_back = gateway.events("RolledBack")[0].body
    assert isinstance(rolled_back, RolledBack)
    assert (rolled_back.from_version, rolled_back.to_version, rolled_back.trigger.kind) == (2, 1, "guardrail")
    canary = next(arm for arm in rolled_back.observed if arm.arm == "canary")
    assert canary.errors == canary.fallbacks == canary.requests > 0
    assert ended.reason
    assert told(gateway, *"123456")[2:] == ["RolloutStepReached", "RollbackRequested", "RolledBack", "RolloutAborted"]
    wait_for(lambda: not any(name.startswith("canary") for name in gateway.processes()), "the canary's process has ended")


def test_the_evidence_takes_a_canary_out_without_the_breaker(gateway: RunningGateway) -> None:
    """With the breaker off, the errors guardrail alone takes a broken canary out."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.1, 10_000, 60.0), (1.0, 1, 0.0), breaker=0), behaviour="not_a_number")
    gateway.await_weight(rollout, 0.1)
    caller = gateway.caller()
    while gateway.client.rollout(rollout).state == "baking":
        caller.infer_many(20)
    gateway.await_rollout(rollout, "aborted")
    wait_for(lambda: bool(gateway.events("RolledBack")), "the rollback is entered")
    body = gateway.events("RolledBack")[0].body
    assert isinstance(body, RolledBack)
    assert body.trigger.metric == "errors"
    assert (body.trigger.value or 0.0) >= (body.trigger.limit or 0.0)


def test_a_version_goes_on_when_it_has_shown_that_it_is_no_worse(gateway: RunningGateway) -> None:
    """Twenty clean answers in no time are no evidence: the rollout waits and says for what, and goes on once there is."""
    gateway.serve(1)
    asked = plan((0.5, 5, 0.0), (1.0, 1, 0.0)).model_copy(update={"no_worse": NoWorse(ceiling=0.05)})
    rollout = gateway.deploy(2, asked)
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    caller.infer_many(20)
    wait_for(lambda: "does no worse" in gateway.client.rollout(rollout).reason, "the status says what is waited for")
    assert gateway.client.rollout(rollout).weight == 0.5
    shown = gateway.model().rollout
    assert shown is not None
    assert "does no worse" in shown.reason
    while gateway.client.rollout(rollout).state in ("baking", "promoting"):
        caller.infer_many(50)
    assert gateway.await_rollout(rollout, "completed").reason == ""


def test_a_first_version_that_breaks_is_rolled_back_to_nothing(gateway: RunningGateway) -> None:
    """Without a champion a broken version is taken out all the same, and its rollback leads to no version."""
    rollout = gateway.deploy(1, plan((1.0, 10_000, 60.0), without_champion="refer"), behaviour="not_a_number")
    gateway.await_weight(rollout, 1.0)
    arms, _ = gateway.caller().infer_many(20)
    gateway.await_rollout(rollout, "aborted")
    assert arms == {"referral": 20}
    body = gateway.events("RolledBack")[0].body
    assert isinstance(body, RolledBack)
    assert (body.to_version, body.to_digest) == (None, None)


def test_a_canary_whose_preprocessing_refuses_the_feed_is_taken_out(gateway: RunningGateway) -> None:
    """Rows that the champion takes and the canary refuses count against the canary."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)), behaviour="refuses_unknown")
    gateway.await_weight(rollout, 0.5)
    arms, _ = gateway.caller().infer_many(60, UNKNOWN_HOME)
    gateway.await_rollout(rollout, "aborted")
    assert arms == {"champion": 60}


def test_nonsense_from_a_caller_takes_no_canary_out(gateway: RunningGateway) -> None:
    """Requests that the champion refuses as well are the caller's fault; the canary stays."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    assert {caller.infer({"income": 1.0})[0] for _ in range(60)} == {400}
    assert gateway.client.rollout(rollout).state == "baking"
    assert all(arm.errors == 0 for arm in gateway.model().versions)


def test_only_one_rollout_of_a_model_at_a_time(gateway: RunningGateway) -> None:
    """A second candidate is refused while the first is out; the first goes on."""
    gateway.serve(1)
    first = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    with pytest.raises(Refused, match="credit:2 is being rolled out"):
        gateway.deploy(3, plan())
    assert gateway.client.rollout(first).state in ("loading", "baking")


def test_an_order_that_is_sent_twice_is_one_rollout(gateway: RunningGateway) -> None:
    """A repeated order changes nothing, during its rollout and after it."""
    gateway.serve(1)
    gateway.serve(1)
    assert told(gateway, *"12") == ["RolloutStepReached", "RolloutCompleted"]


def test_an_aborted_rollout_leaves_the_champion_alone(gateway: RunningGateway) -> None:
    """A cancelled rollout ends with its cause, the champion serves on, and no rollback is recorded."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    ended = gateway.client.abort(rollout, "the run was cancelled", "cancelled")
    assert (ended.state, ended.reason) == ("aborted", "the run was cancelled")
    assert gateway.caller().infer_many(20)[0] == {"champion": 20}
    assert gateway.end(rollout, "again").reason == "the run was cancelled"
    wait_for(lambda: gateway.events("RolloutAborted") != [], "the abort is recorded")
    body = gateway.events("RolloutAborted")[0].body
    assert isinstance(body, RolloutAborted)
    assert body.cause == "cancelled"
    assert gateway.events("RolledBack") == []


def test_an_aborted_version_can_be_rolled_out_again(gateway: RunningGateway) -> None:
    """After an abort the same version goes out under a new rollout."""
    gateway.serve(1)
    gateway.end(gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0))), "not now")
    gateway.await_rollout(gateway.deploy(2, plan((0.5, 5, 0.0), (1.0, 0, 0.0)), rollout_id="again"), "baking")
    gateway.caller().infer_many(60)
    gateway.await_rollout("again", "completed")


def test_a_decision_allows_one_rollout_only(gateway: RunningGateway) -> None:
    """Attack: after a version was taken out, its old order is sent again under another name. The gate must be asked anew."""
    gateway.serve(1)
    old = order(gateway.pack(2), 2, gateway.key, plan())
    gateway.client.order(old, gateway.pack(2).folder)
    gateway.await_rollout(old.rollout_id, "completed")
    gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    with pytest.raises(Refused, match="allows no second one"):
        gateway.client.order(old.model_copy(update={"rollout_id": "replayed"}), gateway.pack(2).folder)
    assert gateway.caller().infer()[1]["model_version"] == "1"


def test_a_person_rolls_back_what_serves(gateway: RunningGateway) -> None:
    """A rollback by hand goes to the version before, at once; the same request again says the same and does nothing."""
    gateway.serve(1)
    gateway.serve(2)
    caller = gateway.caller()
    first = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    assert caller.infer()[1]["model_version"] == "1"
    assert (first.from_version, first.to_version) == (2, 1)
    assert gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1") == first
    assert caller.infer()[1]["model_version"] == "1"


def test_a_person_takes_a_canary_out(gateway: RunningGateway) -> None:
    """A rollback during a rollout takes the canary out and leaves the champion."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    body = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    assert (body.from_version, body.to_version) == (2, 1)
    assert gateway.client.rollout(rollout).state == "aborted"


def test_a_rollback_names_what_it_can_go_back_to(gateway: RunningGateway) -> None:
    """A target that never served here is refused; so is a model that nothing knows."""
    gateway.serve(1)
    gateway.serve(2)
    with pytest.raises(Refused, match="can't go back to version 7"):
        gateway.client.rollback(MODEL, to_version=7, trigger=BY_HAND, reason="test", rollback_id="b1")
    with pytest.raises(UnknownName, match="fraud"):
        gateway.client.rollback("fraud", to_version=None, trigger=BY_HAND, reason="test", rollback_id="b2")
    assert gateway.caller().infer()[1]["model_version"] == "2"


def test_a_rollback_that_was_decided_for_other_versions_is_refused(gateway: RunningGateway) -> None:
    """What serves may change between the gate and the gateway: then nothing is done, and both are named."""
    gateway.serve(1)
    gateway.serve(2)
    with pytest.raises(Refused, match=r"from credit:1.*from credit:2 to credit:1"):
        gateway.client.rollback(MODEL, from_version=1, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    rollout = gateway.deploy(3, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    with pytest.raises(Refused, match=r"from credit:2.*from credit:3 to credit:2"):
        gateway.client.rollback(MODEL, from_version=2, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b2")
    assert gateway.client.rollout(rollout).state == "baking"
    body = gateway.client.rollback(MODEL, from_version=3, to_version=2, trigger=BY_HAND, reason="test", rollback_id="b3")
    assert (body.from_version, body.to_version) == (3, 2)


def test_two_models_are_served_beside_each_other(gateway: RunningGateway) -> None:
    """Each model has its own route; a rollout of one leaves the other alone."""
    gateway.serve(1)
    gateway.serve(4, model="fraud")
    caller = gateway.caller()
    assert caller.infer(model="fraud")[1]["model_version"] == "4"
    assert caller.infer()[1]["model_version"] == "1"


def test_a_routing_key_stays_on_its_arm(gateway: RunningGateway) -> None:
    """The same id goes to the same arm throughout a rollout, and different ids to both."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    arms = {key: {caller.infer(request_id=key)[1]["parameters"]["arm"] for _ in range(4)} for key in map(str, range(30))}
    assert all(len(seen) == 1 for seen in arms.values())
    assert {arm for seen in arms.values() for arm in seen} == {"champion", "canary"}


def test_a_rollback_acts_on_every_worker_at_once(tmp_path: Path) -> None:
    """With three workers under traffic, nothing that is sent after a rollback has returned goes to the version that left."""
    with running_gateway(tmp_path, workers=3) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        stop = threading.Event()
        versions: list[tuple[float, str]] = []

        def call() -> None:
            caller = gateway.caller()
            while not stop.is_set():
                sent = time.monotonic()
                status, said = caller.infer()
                assert status == 200
                versions.append((sent, said["model_version"]))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(versions) > 300, "there is traffic")
        body = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        returned, seen = time.monotonic(), len(versions)
        wait_for(lambda: len(versions) > seen + 300, "there is traffic afterwards")
        stop.set()
        for thread in threads:
            thread.join()
        assert {version for sent, version in versions if sent > returned} == {"1"}
        assert {version for _, version in versions} == {"1", "2"}
        assert body.actuation_us >= 0

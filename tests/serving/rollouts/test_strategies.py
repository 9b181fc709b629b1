"""Strategies against a real gateway: how a version comes in when it is not a canary, and what stays beside it when it serves."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from lifecycle.errors import MalformedRecord, Refused
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.records.rollout import Tier
from lifecycle.serving.rollouts.word import Word
from tests.serving.packages import BY_HAND, MODEL, plan
from tests.serving.running import Caller, RunningGateway, running_gateway, wait_for

#: A row at which a broken version answers nothing: it answers NaN for incomes above the mean.
HIGH = {"income": 120.0, "home": "rent"}
#: And one that it answers.
LOW = {"income": 95.0, "home": "rent"}
EARLIER = Tier(kind="earlier_version")
CACHED = Tier(kind="cached", most_age_seconds=600.0)


def arms(gateway: RunningGateway) -> dict[str, tuple[int, float]]:
    """The version and the share of each arm, as the status has it."""
    return {arm.arm: (arm.version, arm.weight) for arm in gateway.model().versions}


def arm_of(caller: Caller, key: str) -> str:
    arm: str = caller.infer(request_id=key)[1]["parameters"]["arm"]
    return arm


# Blue-green.


def test_blue_green_moves_everything_at_once_and_promotes_after_its_bake(gateway: RunningGateway) -> None:
    """From the switch on every request goes to green; blue stands by until green has baked, and then green is the champion."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((1.0, 30, 0.0), strategy="blue_green"))
    gateway.await_weight(rollout, 1.0)
    caller = gateway.caller()
    assert caller.infer_many(10)[0] == {"canary": 10}
    assert arms(gateway)["champion"] == (1, 0.0)
    while gateway.client.rollout(rollout).state != "completed":
        caller.infer_many(5)
    assert caller.infer()[1]["model_version"] == "2"
    steps = [event.body for event in gateway.events("RolloutStepReached") if event.subject.version == 2]
    assert [body.weight for body in steps if isinstance(body, RolloutStepReached)] == [1.0]


def test_green_that_breaks_gives_everything_back_to_blue_and_no_caller_sees_it(gateway: RunningGateway) -> None:
    """Blue has kept its capacity: it answers what green fails at, and then everything again."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((1.0, 10_000, 60.0), strategy="blue_green"), behaviour="not_a_number")
    gateway.await_weight(rollout, 1.0)
    found, _ = gateway.caller().infer_many(40)
    gateway.await_rollout(rollout, "aborted")
    assert found == {"champion": 40}
    body = gateway.events("RolledBack")[0].body
    assert isinstance(body, RolledBack)
    assert (body.from_version, body.to_version) == (2, 1)


# A/B.


def test_an_ab_test_keeps_its_share_and_never_promotes_by_itself(gateway: RunningGateway) -> None:
    """However much it answers after its bake, B stays at its share; the same caller stays with its arm."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.4, 5, 0.0), strategy="ab"))
    gateway.await_weight(rollout, 0.4)
    caller = gateway.caller()
    keys = [f"customer-{number}" for number in range(60)]
    first = {key: arm_of(caller, key) for key in keys}
    assert {key: arm_of(caller, key) for key in keys} == first
    assert Counter(first.values()).keys() == {"champion", "canary"}
    assert gateway.client.rollout(rollout).state == "baking"
    assert arms(gateway) == {"champion": (1, 0.6), "canary": (2, 0.4)}


def test_a_person_promotes_b_once_it_has_answered_enough(gateway: RunningGateway) -> None:
    """Before its minimum n a promotion is refused and changes nothing; after it, B serves, and who said so is recorded."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10, 0.0), strategy="ab"))
    gateway.await_weight(rollout, 0.5)
    with pytest.raises(Refused, match="has not answered 10 requests"):
        gateway.promote(rollout, by="ada", reason="too early")
    assert arms(gateway)["canary"] == (2, 0.5)
    caller = gateway.caller()
    while gateway.model().versions[1].requests < 10:
        caller.infer_many(5)
    assert gateway.promote(rollout, by="ada", reason="it sells more").state == "completed"
    assert gateway.promote(rollout, by="ada", reason="again").state == "completed"
    assert caller.infer()[1]["model_version"] == "2"
    wait_for(lambda: len(gateway.events("RolloutCompleted")) == 2, "the promotion is recorded once")
    body = gateway.events("RolloutCompleted")[-1].body
    assert isinstance(body, RolloutCompleted)
    assert (body.promoted_by, body.reason, body.superseded_version) == ("ada", "it sells more", 1)


def test_a_person_ends_an_ab_test_and_a_stays(gateway: RunningGateway) -> None:
    """Ended without a promotion, A answers everybody, and B was judged by nobody."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10, 0.0), strategy="ab"))
    gateway.await_weight(rollout, 0.5)
    assert gateway.end(rollout, "no difference").state == "aborted"
    assert gateway.caller().infer_many(20)[0] == {"champion": 20}
    with pytest.raises(Refused, match="ended without a promotion"):
        gateway.promote(rollout, by="ada", reason="after all")
    assert gateway.events("RolledBack") == []


def test_a_word_that_does_not_count_changes_nothing(gateway: RunningGateway) -> None:
    """Attack: on the gateway's own socket, in a name whose word does not count, and in nobody's by the cause of a run."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 0, 0.0), strategy="ab"))
    gateway.await_weight(rollout, 0.5)
    for part in ("promote", "end"):
        with pytest.raises(Refused) as refused:
            gateway.client.conclude(Word.of({"part": part, "rollout_id": rollout, "by": "mallory", "reason": "because"}))
        assert refused.value.rules == ("RLT-001",)
    with pytest.raises(MalformedRecord):
        gateway.client.abort(rollout, "because", "person")  # type: ignore[arg-type]  # what a run does not tell
    assert arms(gateway) == {"champion": (1, 0.5), "canary": (2, 0.5)}
    assert gateway.client.rollout(rollout).state == "baking"
    assert gateway.end(rollout, "over").state == "aborted"
    wait_for(lambda: gateway.events("RolloutAborted") != [], "the end is recorded")
    (ended,) = gateway.events("RolloutAborted")
    assert isinstance(ended.body, RolloutAborted)
    assert (ended.body.cause, ended.body.ended_by, ended.body.reason) == ("person", None, "over")


def test_a_canary_is_promoted_by_nobody_but_the_controller(gateway: RunningGateway) -> None:
    """A person's word does not shorten a canary's steps."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 0.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    with pytest.raises(Refused, match="promoted by the gateway"):
        gateway.promote(rollout, by="ada", reason="I am in a hurry")
    assert gateway.client.rollout(rollout).weight == 0.5


def test_an_ab_test_goes_on_with_the_same_callers_after_a_kill(tmp_path: Path) -> None:
    """Killed and started again, every caller is on the arm that it was on."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 5, 0.0), strategy="ab"))
        gateway.await_weight(rollout, 0.5)
        keys = [f"customer-{number}" for number in range(40)]
        before = {key: arm_of(gateway.caller(), key) for key in keys}
        gateway.kill()
        gateway.start()
        gateway.await_rollout(rollout, "baking")
        gateway.await_weight(rollout, 0.5)
        caller = gateway.caller()
        assert {key: arm_of(caller, key) for key in keys} == before


# Shadow.


def shadow_rows(gateway: RunningGateway) -> list[dict[str, object]]:
    return [row for row in gateway.client.predictions.rows(MODEL) if row["arm"] == "shadow"]


def test_a_shadow_answers_copies_and_no_caller(gateway: RunningGateway) -> None:
    """Every caller is answered by the champion; what the shadow says of the same values lies beside it in the log."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((1.0, 10, 0.0), strategy="shadow"))
    gateway.await_weight(rollout, 1.0)
    assert gateway.client.rollout(rollout).copies
    found, ids = gateway.caller().infer_many(30)
    assert found == {"champion": 30}
    wait_for(lambda: len(shadow_rows(gateway)) == 30, "the shadow has answered every copy")
    rows = {row["shadow_of"]: row for row in shadow_rows(gateway)}
    assert rows.keys() == set(ids)
    assert all((row["version"], row["outcome"], row["values"]) == (2, "answered", HIGH) for row in rows.values())
    assert arms(gateway) == {"champion": (1, 1.0), "shadow": (2, 0.0)}
    assert gateway.model().copies_dropped == 0
    assert gateway.client.rollout(rollout).state == "baking"


def test_a_shadow_with_steps_after_it_becomes_a_canary(gateway: RunningGateway) -> None:
    """Once it has answered enough copies it takes its first share, and goes on as a canary does."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((1.0, 20, 0.0), (0.5, 20, 0.0), (1.0, 10, 0.0), strategy="shadow"))
    gateway.await_weight(rollout, 1.0)
    caller = gateway.caller()
    seen: Counter[str] = Counter()
    while gateway.client.rollout(rollout).state != "completed":
        seen += caller.infer_many(10)[0]
    assert seen["champion"] >= 20
    assert seen["canary"] >= 30
    assert caller.infer()[1]["model_version"] == "2"


def test_a_shadow_that_breaks_is_taken_out_and_nobody_was_answered_by_it(gateway: RunningGateway) -> None:
    """Its failures on copies count against it as if callers had seen them."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((1.0, 10_000, 60.0), (1.0, 1, 0.0), strategy="shadow"), behaviour="not_a_number")
    gateway.await_weight(rollout, 1.0)
    assert gateway.caller().infer_many(40)[0] == {"champion": 40}
    gateway.await_rollout(rollout, "aborted")
    wait_for(lambda: gateway.events("RolloutAborted") != [], "the abort is recorded")
    body = gateway.events("RolloutAborted")[0].body
    assert isinstance(body, RolloutAborted)
    assert {(arm.arm, arm.weight) for arm in body.observed} == {("champion", 1.0), ("shadow", 0.0)}
    assert {row["outcome"] for row in shadow_rows(gateway)} == {"failed"}


def test_a_shadow_that_hangs_holds_nobody_up_and_what_it_misses_is_counted(tmp_path: Path) -> None:
    """Fault: its process is stopped. Callers are answered as ever, and past a bound its copies are dropped and counted."""
    with running_gateway(tmp_path, canary_timeout_ms=60_000) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((1.0, 10_000, 600.0), (1.0, 1, 0.0), strategy="shadow"))
        gateway.await_weight(rollout, 1.0)
        os.kill(gateway.process("canary"), signal.SIGSTOP)
        caller = gateway.caller()
        asked = 0
        while not gateway.model().copies_dropped:
            assert caller.infer_many(50)[0] == {"champion": 50}
            asked += 50
        assert asked > 500
        dropped = gateway.model().copies_dropped
        assert f'lifecycle_shadow_dropped_total{{model="credit"}} {dropped}' in caller.send("GET", "/metrics")[1]
        os.kill(gateway.process("canary"), signal.SIGKILL)
        gateway.await_rollout(rollout, "aborted")


# The hold-out.


def test_a_holdout_stays_with_the_former_champion_after_the_promotion(gateway: RunningGateway) -> None:
    """A stable share of callers is answered by the version before, through restarts, and the ledger has the share."""
    gateway.serve(1)
    gateway.serve(2, plan(holdout=0.3))
    caller = gateway.caller()
    keys = [f"customer-{number}" for number in range(80)]
    first = {key: arm_of(caller, key) for key in keys}
    assert Counter(first.values()).keys() == {"champion", "holdout"}
    assert arms(gateway) == {"champion": (2, 0.7), "holdout": (1, 0.3)}
    body = gateway.events("RolloutCompleted")[-1].body
    assert isinstance(body, RolloutCompleted)
    assert body.holdout == 0.3
    rows = {row["arm"]: row["version"] for row in gateway.client.predictions.rows(MODEL)}
    assert rows == {"champion": 2, "holdout": 1}
    gateway.kill()
    gateway.start()
    caller = gateway.caller()
    assert {key: arm_of(caller, key) for key in keys} == first


def test_a_holdout_keeps_its_callers_while_the_next_version_comes_in(gateway: RunningGateway) -> None:
    """A canary takes its share from the champion's callers only; with its promotion the hold-out is over, as its plan has none."""
    gateway.serve(1)
    gateway.serve(2, plan(holdout=0.3))
    caller = gateway.caller()
    keys = [f"customer-{number}" for number in range(80)]
    held = {key for key in keys if arm_of(caller, key) == "holdout"}
    rollout = gateway.deploy(3, plan((0.5, 30, 0.0), (1.0, 0, 0.0)))
    gateway.await_weight(rollout, 0.5)
    assert {key for key in keys if arm_of(caller, key) == "holdout"} == held
    while gateway.client.rollout(rollout).state != "completed":
        caller.infer_many(20)
    assert {arm_of(caller, key) for key in keys} == {"champion"}


def test_a_rollback_of_what_serves_ends_the_holdout(gateway: RunningGateway) -> None:
    """Everybody is back on the version that the hold-out was on."""
    gateway.serve(1)
    gateway.serve(2, plan(holdout=0.3))
    gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    caller = gateway.caller()
    answers = [caller.infer(request_id=str(number))[1] for number in range(40)]
    assert {(said["parameters"]["arm"], said["model_version"]) for said in answers} == {("champion", "1")}


# Tiers.


def test_the_version_before_answers_what_the_champion_fails_at(gateway: RunningGateway) -> None:
    """A champion that breaks costs no caller an answer: the backup's row names it, its decision and the version that failed."""
    gateway.serve(1)
    gateway.serve(2, plan(tiers=(EARLIER,)), behaviour="not_a_number")
    caller = gateway.caller()
    status, said = caller.infer(HIGH)
    assert (status, said["model_version"], said["parameters"]["arm"]) == (200, "1", "backup")
    assert caller.infer(LOW)[1]["parameters"]["arm"] == "champion"
    row = gateway.client.predictions.find(said["parameters"]["prediction_id"])
    assert (row["version"], row["arm"], row["fallback_from"]) == (1, "backup", 2)
    assert row["decision_id"] == "decision-of-rollout-credit-1"
    assert gateway.model().versions[0].fallbacks == 1


def test_without_tiers_a_champion_that_fails_is_a_503(gateway: RunningGateway) -> None:
    """Nothing answers in a version's place that its plan does not name."""
    gateway.serve(1)
    gateway.serve(2, behaviour="not_a_number")
    assert gateway.caller().infer(HIGH)[0] == 503


def test_another_model_is_the_backup_and_its_own_log_has_the_row(gateway: RunningGateway) -> None:
    """The answer names the model that gave it; its row lies in that model's log and says which model was asked."""
    gateway.serve(1, model="small")
    gateway.serve(1, plan(tiers=(Tier(kind="model", model="small"),)), behaviour="not_a_number")
    status, said = gateway.caller().infer(HIGH)
    assert (status, said["model_name"], said["parameters"]["asked_model"]) == (200, "small", MODEL)
    row = gateway.client.predictions.find(said["parameters"]["prediction_id"])
    assert (row["model"], row["version"], row["asked_model"], row["fallback_from"]) == ("small", 1, MODEL, 1)
    assert row["decision_id"] == "decision-of-rollout-small-1"


def test_too_many_rows_go_to_the_small_model_then_to_the_cache_then_nowhere(gateway: RunningGateway) -> None:
    """Tiered: the large model answers its rows of a second; then the small one, and without it what was said before, or 429."""
    slow = plan(tiers=(Tier(kind="model", model="small"), CACHED), rows_per_second=0.001)
    gateway.serve(1, slow)
    caller = gateway.caller()
    assert caller.infer(HIGH)[1]["parameters"]["arm"] == "champion"
    status, said = caller.infer(HIGH)
    assert (status, said["model_name"], said["parameters"]["arm"]) == (200, MODEL, "backup")
    assert gateway.client.predictions.find(said["parameters"]["prediction_id"])["cached"]
    status, refused = caller.infer(LOW)
    assert status == 429
    assert "rows of this second" in refused["error"]
    assert gateway.model().referred == 1
    gateway.serve(7, model="small")
    status, said = caller.infer(LOW)
    assert (status, said["model_name"], said["model_version"]) == (200, "small", "7")


def test_a_version_comes_in_beside_a_champion_that_is_over_its_budget(gateway: RunningGateway) -> None:
    """What the champion has no rows left for fell to it all the same: the split holds, and the rollout goes on."""
    gateway.serve(1)
    gateway.serve(2, plan(tiers=(Tier(kind="earlier_version"),), rows_per_second=0.001))
    rollout = gateway.deploy(3, plan((0.5, 200, 0.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    caller = gateway.caller()
    arms = caller.infer_many(600)[0]
    assert arms.keys() >= {"canary", "backup"}
    gateway.await_rollout(rollout, "completed")
    assert gateway.client.status().models[0].versions[0].version == 3


def test_after_a_rollback_the_version_before_stands_by_for_the_tiers(gateway: RunningGateway) -> None:
    """The one that came back is over its budget: the one before it, which had been let go, is loaded again and answers."""
    gateway.serve(1)
    gateway.serve(2, plan(tiers=(Tier(kind="earlier_version"),), rows_per_second=0.001))
    gateway.serve(3)
    # One that starts holds what serves and the one before it, and no earlier one.
    gateway.kill()
    gateway.start()
    gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    caller = gateway.caller()
    assert caller.infer()[1]["model_version"] == "2"
    wait_for(lambda: caller.infer()[0] == 200, "the version that stands by is loaded")
    said = caller.infer()[1]
    assert (said["model_version"], said["parameters"]["arm"]) == ("1", "backup")


def test_what_is_cached_goes_with_the_version_that_said_it(gateway: RunningGateway) -> None:
    """After a rollback nothing is given again that the version which left had said."""
    gateway.serve(1)
    gateway.serve(2, plan(tiers=(CACHED,), rows_per_second=0.001))
    caller = gateway.caller()
    assert [caller.infer(HIGH)[1]["parameters"]["arm"] for _ in range(2)] == ["champion", "backup"]
    gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
    assert [caller.infer(HIGH)[1]["model_version"] for _ in range(3)] == ["1", "1", "1"]

"""Callers whose key sticks to an arm: as evidence they count once, whichever worker they come to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.records.rollout import Guardrail
from lifecycle.serving.answering.counters import Counters, total
from lifecycle.serving.answering.repeated_keys import KEYS, RepeatedKeys
from lifecycle.serving.rollouts.controller import Hold, Undo
from lifecycle.serving.rollouts.guardrails import bad_events
from lifecycle.serving.rollouts.seen import Observed
from tests.serving.packages import ROW, plan
from tests.serving.running import Caller, running_gateway, wait_for
from tests.serving.watching import Played

SALT, NEXT = b"12345678", b"87654321"
ERRORS = Guardrail(kind="errors")


def test_a_key_is_known_to_every_worker_after_its_first_bad_event(tmp_path: Path) -> None:
    """What one worker has noted, another finds; in the other arm, of another kind and in the next rollout it is new."""
    first, second = (RepeatedKeys.open(tmp_path / "keys") for _ in range(2))
    assert not first.again(0, 1, "error", "customer-7", SALT)
    assert second.again(0, 1, "error", "customer-7", SALT)
    assert not second.again(0, 2, "error", "customer-7", SALT)
    assert not second.again(0, 1, "slow", "customer-7", SALT)
    assert not second.again(1, 1, "error", "customer-7", SALT)
    assert not second.again(0, 1, "error", "customer-7", NEXT)


def test_a_request_that_names_no_key_is_a_cause_of_its_own(tmp_path: Path) -> None:
    """Without a key every bad event counts."""
    keys = RepeatedKeys.open(tmp_path / "keys")
    assert not any(keys.again(0, 1, "error", "", SALT) for _ in range(3))


def test_a_full_table_lets_go_of_keys_and_never_takes_a_new_one_for_known(tmp_path: Path) -> None:
    """However many keys have failed, one that has not is new: neither arm is spared anything."""
    keys = RepeatedKeys.open(tmp_path / "keys")
    assert not any(keys.again(0, 1, "error", f"caller-{number}", SALT) for number in range(2 * KEYS))
    assert not keys.again(0, 1, "error", "another", SALT)
    assert keys.again(0, 1, "error", "another", SALT)


@settings(deadline=None, max_examples=30)
@given(key=st.text(min_size=1, max_size=30))
def test_any_text_is_a_key(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    """Half a character, too, can be told apart from another caller."""
    keys = RepeatedKeys.open(tmp_path_factory.mktemp("keys") / "keys")
    assert not keys.again(0, 1, "error", key, SALT)
    assert keys.again(0, 1, "error", key, SALT)


def test_failures_of_one_caller_make_no_streak_and_stay_in_the_metrics(tmp_path: Path) -> None:
    """The counts have every failure; the streak that trips the breaker and the evidence have the first."""
    counters = Counters.open(tmp_path / "counters-0.bin")
    cell = counters.cell(0, 1)
    for again in (False, True, True):
        cell.failed(fell_back=True, again=again)
    cell.answered(9_000, slow=True)
    cell.slow_again()
    found = total([counters], 0, 1)
    assert (found.errors, found.errors_again, found.slow, found.slow_again) == (3, 2, 1, 1)
    counters.clear(0, 1)
    assert total([counters], 0, 1).errors_again == 0


def test_a_caller_who_fails_again_and_again_takes_no_canary_out() -> None:
    """Slot after slot one key of the canary fails: it counts once, and a healthy canary stays. Of many keys, it goes."""
    sticky = [(Observed(20, errors=1, errors_again=int(slot > 0)), Observed(180)) for slot in range(200)]
    assert isinstance(Played(plan((0.1, 1, 9e9), (1.0, 1, 0.0), guardrails=(ERRORS,))).slots(sticky), Hold)
    many = [(Observed(20, errors=1), Observed(180)) for _ in range(200)]
    assert isinstance(Played(plan((0.1, 1, 9e9), (1.0, 1, 0.0), guardrails=(ERRORS,))).slots(many), Undo)


def test_repeated_events_are_no_bad_events() -> None:
    """Each guardrail leaves out its own kind of repetition."""
    seen = Observed(100, errors=9, slow=7, errors_again=4, slow_again=5)
    assert bad_events(ERRORS, seen) == 5
    assert bad_events(Guardrail(kind="latency", objective_ms=50.0), seen) == 2


@pytest.mark.slow
def test_one_caller_can_not_have_a_canary_taken_out(tmp_path: Path) -> None:
    """On real processes: somebody whose requests alone fail, to whichever worker they go, counts once; the same from many takes it out."""
    with running_gateway(tmp_path, workers=2) as gateway:
        gateway.serve(1)
        steps = ((0.5, 1_000_000, 600.0), (1.0, 1, 0.0))
        rollout = gateway.deploy(2, plan(*steps, guardrails=(ERRORS,)), behaviour="not_a_number")
        gateway.await_weight(rollout, 0.5)
        callers = [gateway.caller() for _ in range(4)]
        key = next(key for key in map("customer-{}".format, range(100)) if asked(callers[0], key, 90.0) == "canary")
        for number in range(60):
            asked(callers[number % 4], key, 120.0)
        assert gateway.client.rollout(rollout).state == "baking"
        (canary,) = [arm for arm in gateway.model().versions if arm.arm == "canary"]
        assert canary.errors == 60
        for number in range(400):
            asked(callers[number % 4], f"another-{number}", 120.0)
        wait_for(lambda: gateway.client.rollout(rollout).state == "aborted", "many callers have taken it out")


def asked(caller: Caller, key: str, income: float) -> str:
    """Asks under a routing key; the arm that answered."""
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in {**ROW, "income": income}.items()
    ]
    body = json.dumps({"inputs": tensors, "parameters": {"routing_key": key}}).encode()
    status, said = caller.send("POST", "/v2/models/credit/infer", body)
    assert status == 200, said
    arm: str = said["parameters"]["arm"]
    return arm

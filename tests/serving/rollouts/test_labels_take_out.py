"""Labels on real processes: callers tell what was true, and a canary that decides worse is taken out while its rollout runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.rollout import Guardrail
from tests.serving.graphs import Behaviour
from tests.serving.packages import plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

WRONG = Guardrail(kind="wrong_labels")
MISSED = Guardrail(kind="missed_approvals", favourable="bad", column="home", groups=("rent", "owner"))
#: Every tiny model says "bad" of everybody, but for those that are contrary.
TRUTH = "bad"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path, workers=2) as running:
        yield running


def tell(gateway: RunningGateway, caller: Any, prediction_id: str, label: str = TRUTH) -> None:
    body = json.dumps({"model": "credit", "prediction_id": prediction_id, "label": label}).encode()
    status, said = caller.send("POST", "/v2/feedback", body)
    assert status == 200, said


@contextmanager
def labelled_traffic(gateway: RunningGateway, *, right: float = 1.0) -> Iterator[None]:
    """Renters and owners in turn, each answer with its label, while the block lasts. Labels say that a share of the answers is `right`."""
    ended, broke = threading.Event(), []

    def send() -> None:
        caller, number = gateway.caller(), 0
        try:
            while not ended.is_set():
                number += 1
                status, said = caller.infer({"income": 120.0, "home": ("rent", "owner")[number % 2]})
                assert status == 200, said
                wrong = number % 10 >= round(10 * right)
                tell(gateway, caller, said["parameters"]["prediction_id"], "good" if wrong else TRUTH)
        except Exception as error:  # noqa: BLE001  # shown by whoever waits for this thread
            broke.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()
        assert not broke, broke


def rolled_out(gateway: RunningGateway, *guardrails: Guardrail, behaviour: Behaviour) -> str:
    """A canary of a half, beside a champion that is right."""
    gateway.serve(1)
    steps = ((0.5, 1_000_000, 600.0), (1.0, 1, 0.0))
    return gateway.deploy(2, plan(*steps, guardrails=(Guardrail(kind="errors"), *guardrails)), behaviour=behaviour)


@pytest.mark.slow
def test_a_canary_that_decides_wrongly_is_taken_out_by_its_labels(gateway: RunningGateway) -> None:
    """It answers fast, never fails, and is wrong: the ledger has the rollback, by the guardrail on labels."""
    rollout = rolled_out(gateway, WRONG, behaviour="contrary")
    with labelled_traffic(gateway):
        gateway.await_rollout(rollout, "aborted")
    (event,) = gateway.events("RolledBack")
    assert isinstance(event.body, RolledBack)
    assert (event.body.trigger.metric, event.subject.version) == ("wrong_labels", 2)
    assert [arm.arm for arm in gateway.model().versions][:1] == ["champion"]
    assert gateway.model().versions[0].version == 1


@pytest.mark.slow
def test_a_canary_that_misses_one_group_is_taken_out_by_that_group(gateway: RunningGateway) -> None:
    """What it does to owners alone is found among owners, and the trigger names them."""
    rollout = rolled_out(gateway, MISSED, behaviour="contrary_to_owners")
    with labelled_traffic(gateway):
        gateway.await_rollout(rollout, "aborted")
    (event,) = gateway.events("RolledBack")
    assert isinstance(event.body, RolledBack)
    assert event.body.trigger.metric == "missed_approvals home=owner"


@pytest.mark.slow
def test_a_canary_that_is_no_worse_stays_and_its_labels_are_shown(gateway: RunningGateway) -> None:
    """Both arms are wrong in a tenth of the labels: nothing is taken out, and the status has what each arm's labels say."""
    rollout = rolled_out(gateway, WRONG, behaviour="good")
    gateway.await_weight(rollout, 0.5)
    with labelled_traffic(gateway, right=0.9):
        wait_for(lambda: rail(gateway, rollout)[0] >= 40 and rail(gateway, rollout)[1] >= 40, "both arms have labels")
    assert gateway.client.rollout(rollout).state == "baking"
    wait_for(lambda: sum(rail(gateway, rollout)) == len(list(gateway.client.predictions.rows("credit"))), "every label has counted")


@pytest.mark.slow
def test_labels_that_came_before_a_kill_count_after_it(gateway: RunningGateway) -> None:
    """A gateway that is killed reads the labels of its rollout again: none is forgotten, and none counts twice."""
    rollout = rolled_out(gateway, WRONG, behaviour="good")
    gateway.await_weight(rollout, 0.5)
    with labelled_traffic(gateway):
        wait_for(lambda: min(rail(gateway, rollout)) >= 20, "both arms have labels")
    answered = len(list(gateway.client.predictions.rows("credit")))
    wait_for(lambda: sum(rail(gateway, rollout)) == answered, "every label has counted")
    gateway.kill()
    gateway.start()
    wait_for(lambda: sum(rail(gateway, rollout)) == answered, "every label has counted again")


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"nonsense", b"[]", b'{"id":7,"label":"bad"}', b'{"id":"a"}', b'{"id":"a","label":"bad","asked_by":7}'])
def test_a_line_that_is_no_label_holds_the_rollout(tmp_path: Path, line: bytes) -> None:
    """Where somebody has written into the log, what labels say is not known: the rollout goes no further and says why."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        steps = ((0.5, 1, 1.0), (1.0, 1, 0.0))
        labels = gateway.folder / "predictions" / "credit" / "labels"
        labels.mkdir(parents=True, exist_ok=True)
        (labels / "00000000000000001-9-9.jsonl").write_bytes(line + b"\n")
        rollout = gateway.deploy(2, plan(*steps, guardrails=(WRONG,)))
        with labelled_traffic(gateway):
            wait_for(lambda: "is not a row" in gateway.client.rollout(rollout).reason, "it is held")
        assert gateway.client.rollout(rollout).state == "baking"


def rail(gateway: RunningGateway, rollout: str) -> tuple[int, int]:
    """The labels of canary and control that count."""
    found = next((one for one in gateway.client.rollout(rollout).guardrails if one.guardrail == "wrong_labels"), None)
    return (0, 0) if found is None else (found.canary, found.control)

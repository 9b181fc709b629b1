"""Attack: use an outage to go back to what was never allowed. Without engine and ledger, what counts is the proof in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import BY_HAND, MODEL
from tests.serving.running import RunningGateway, running_gateway, wait_for


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path) as started:
        yield started


def test_a_cached_signed_decision_serves_for_a_rollback_when_engine_and_ledger_are_down(gateway: RunningGateway) -> None:
    """No gate was asked, so there is no decision of one: the proof beside the earlier version lets it serve. The ledger hears later."""
    gateway.serve(1)
    gateway.serve(2)
    with gateway.ledger_down():
        body = gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="the engine is down", rollback_id="b1")
        assert (body.from_version, body.to_version) == (2, 1)
        assert gateway.caller().infer()[1]["model_version"] == "1"
        assert gateway.events("RolledBack") == []
    wait_for(lambda: bool(gateway.events("RolledBack")), "the ledger hears of it")
    (told,) = (event.body for event in gateway.events("RolledBack"))
    assert isinstance(told, RolledBack)
    assert told.to_version == 1
    (asked,) = gateway.events("RollbackRequested")
    assert asked.body.as_json()["decision_id"] is None


@pytest.mark.parametrize("part", ["leaf", "checkpoint"])
def test_an_altered_cached_decision_lets_nothing_serve(gateway: RunningGateway, part: str) -> None:
    """One byte of the proof is another: the rollback is refused, what serves goes on, and the ledger is told of no rollback."""
    gateway.serve(1)
    gateway.serve(2)
    earlier = next(kept for kept in gateway.model().versions if kept.version == 1)
    file = GatewayFolder(gateway.folder).package(MODEL, 1, earlier.digest) / "order.json"
    order = RolloutOrder.parse(file.read_bytes())
    said = getattr(order.proof, part)
    altered = order.proof.model_copy(update={part: said.replace("a", "b", 1) if part == "leaf" else said.replace("—", "— x", 1)})
    file.write_bytes(order.model_copy(update={"proof": altered}).canonical())
    with gateway.ledger_down(), pytest.raises((Tampered, MalformedRecord)):
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="the engine is down", rollback_id="b1")
    assert gateway.caller().infer()[1]["model_version"] == "2"
    assert gateway.events("RollbackRequested", "RolledBack") == []

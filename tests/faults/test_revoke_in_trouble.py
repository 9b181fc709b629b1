"""Fault: a version is taken back while the gateway is down, is killed over it, or can't reach the ledger afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused, Tampered
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.serving.allowed.withdrawals import Withdrawal, Withdrawals
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import BY_HAND, MODEL
from tests.serving.running import running_gateway, wait_for


def test_what_was_taken_back_while_the_gateway_was_down_does_not_serve_when_it_starts(tmp_path: Path) -> None:
    """The first thing that it does is to look; what stood by serves, and the ledger is told."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        gateway.kill()
        gateway.take_back(2)
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "1"
        wait_for(lambda: bool(gateway.events("RolledBack")), "the ledger has been told")
        body = gateway.events("RolledBack")[0].body
        assert isinstance(body, RolledBack)
        assert (body.from_version, body.to_version) == (2, 1)


def test_a_gateway_that_was_killed_over_a_revocation_finishes_it_without_the_ledger(tmp_path: Path) -> None:
    """It had written down what it heard, and had not acted on it: nothing else is needed to act."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        gateway.kill()
        heard = Withdrawals(GatewayFolder(gateway.folder).withdrawals)
        heard.take(1, [Withdrawal(event_id="revoked", model=MODEL, version=2, decision_id=None, why="it was revoked")], heard.reached_us)
        assert heard.keep()
        with gateway.ledger_down():
            gateway.start()
            assert gateway.caller().infer()[1]["model_version"] == "1"
            with pytest.raises(Refused):
                gateway.client.rollback(MODEL, to_version=2, trigger=BY_HAND, reason="try", rollback_id="by-hand")


def test_a_revocation_that_comes_while_the_ledger_is_away_acts_once_it_answers(tmp_path: Path) -> None:
    """What serves goes on meanwhile; nobody has to do anything when the ledger is back."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        with gateway.ledger_down():
            gateway.take_back(2)
            assert gateway.caller().infer()[1]["model_version"] == "2"
            wait_for(lambda: any("does not answer" in fault for fault in gateway.client.status().faults), "the status says so")
        wait_for(lambda: gateway.caller().infer()[1]["model_version"] == "1", "version 1 serves")


def test_a_gateway_does_not_guess_what_was_taken_back(tmp_path: Path) -> None:
    """A file that can't be read is no empty file: the gateway does not start, and says what to do."""
    file = tmp_path / "withdrawals.json"
    file.write_bytes(b'{"place": 3')
    with pytest.raises(Tampered, match="can't be read") as refused:
        Withdrawals(file)
    assert "move it away while the ledger answers" in refused.value.next_step

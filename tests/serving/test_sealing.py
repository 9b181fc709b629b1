"""Sealing: what nobody writes any more becomes one event, once, whatever is killed in between."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.serving.segments import ModelLog
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway, running_gateway, wait_for


def seals(gateway: RunningGateway) -> list[PredictionsSealed]:
    """What the ledger was told of segments, in its order."""
    return [event.body for event in gateway.events("PredictionsSealed") if isinstance(event.body, PredictionsSealed)]


def log_of(gateway: RunningGateway) -> ModelLog:
    return ModelLog(gateway.folder / "predictions" / MODEL)


def require_sealed_whole(gateway: RunningGateway, rows: int) -> None:
    """Every row lies in one sealed segment, under the root that the ledger has, and the numbers have no gaps."""
    found = seals(gateway)
    assert [body.number for body in found] == list(range(1, len(found) + 1))
    assert len({body.stream for body in found}) == 1
    assert sum(body.rows for body in found) == rows
    assert {body.segment for body in found} == log_of(gateway).segments()
    for body in found:
        lines = log_of(gateway).rows(body.segment).read_bytes().splitlines()
        assert body.root == f"sha256:{root_of(map(leaf_hash, lines)).hex()}"
        assert sum(answered.rows for answered in body.versions) == body.rows == len(lines)


def test_a_segment_that_is_old_enough_is_sealed_while_the_gateway_serves(tmp_path: Path) -> None:
    """Nobody has to ask again: the age alone closes it, and the ledger hears of it."""
    with running_gateway(tmp_path, seal_seconds=0.3) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(5)
        wait_for(lambda: sum(body.rows for body in seals(gateway)) == 5, "the rows are sealed")
        gateway.caller().infer_many(3)
        wait_for(lambda: sum(body.rows for body in seals(gateway)) == 8, "the later rows are sealed")
        require_sealed_whole(gateway, 8)
        assert seals(gateway)[0].versions[0].decision_id == f"decision-of-rollout-{MODEL}-1"


def test_a_gateway_that_ends_seals_everything(tmp_path: Path) -> None:
    """What was still open when it was told to stop is sealed and entered before it is gone."""
    with running_gateway(tmp_path, workers=2) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(7)
        assert not seals(gateway)
        gateway.stop()
        require_sealed_whole(gateway, 7)


def test_the_rows_of_a_killed_worker_are_sealed(tmp_path: Path) -> None:
    """Its lock went with it: its segment is over, and the rest of the stream goes on."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(4)
        os.kill(gateway.process("worker"), signal.SIGKILL)
        wait_for(lambda: len(seals(gateway)) == 1, "the orphan is sealed")
        require_sealed_whole(gateway, 4)


def test_the_rows_of_a_killed_gateway_are_sealed_by_the_next(tmp_path: Path) -> None:
    """After kill -9 the stream goes on where it was, with the next number."""
    with running_gateway(tmp_path, seal_seconds=0.3) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(2)
        wait_for(lambda: len(seals(gateway)) == 1, "the first segment is sealed")
        gateway.caller().infer_many(3)
        gateway.kill()
        gateway.start()
        wait_for(lambda: sum(body.rows for body in seals(gateway)) == 5, "the orphan is sealed")
        require_sealed_whole(gateway, 5)


def test_a_seal_that_no_journal_knows_is_sent_as_it_is(tmp_path: Path) -> None:
    """Killed between the seal and the journal, the gateway enters the very same event; lost with its journal, all of them, once."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(2)
        gateway.stop()
        before = gateway.events("PredictionsSealed")
        (gateway.folder / "journal.jsonl").unlink()
        gateway.start()
        wait_for(lambda: gateway.client.status().waiting_events == 0, "everything is entered")
        gateway.stop()
        assert gateway.events("PredictionsSealed") == before
        assert before[0].canonical() + b"\n" == next((log_of(gateway).folder / "seals").iterdir()).read_bytes()


def test_a_ledger_that_is_away_delays_seals_and_nothing_else(tmp_path: Path) -> None:
    """The events wait in the journal, in their order, and the gateway answers on."""
    with running_gateway(tmp_path, seal_seconds=0.2) as gateway:
        gateway.serve(1)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the rollout is entered")
        (tmp_path / "down").touch()
        for turn in range(3):
            gateway.caller().infer_many(2)
            wait_for(lambda turn=turn: gateway.client.status().waiting_events == turn + 1, "it is sealed")  # type: ignore[misc]  # this turn's
        (tmp_path / "down").unlink()
        wait_for(lambda: len(seals(gateway)) == 3, "the seals are entered")
        require_sealed_whole(gateway, 6)

"""Sealing: what nobody writes any more becomes one event, once, whatever is killed in between."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log import sealing
from lifecycle.serving.prediction_log.reconciling import logged_rows
from lifecycle.serving.prediction_log.sealing import Sealer, read_seal
from lifecycle.serving.prediction_log.segment_check import OwnSegments, Sealed, check_segments
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.prediction_log.writing import PredictionWriter
from lifecycle.serving.rollouts.state import SealedStream
from tests.serving.packages import MODEL
from tests.serving.prediction_log.rows import asked, row
from tests.serving.running import RunningGateway, running_gateway, wait_for
from tests.serving.sealed_log import SealedLog


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


class Moody(SealedLog):
    """A log whose journal does not take so many seals."""

    refusals = 0

    def commit_seal(self, stream: SealedStream, event: Event) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("The disk is full.", "Free space.")
        super().commit_seal(stream, event)


def sealed_numbers(log: SealedLog) -> list[tuple[int, str]]:
    return [(one.body.number, one.body.segment) for one in log.sealed()]


def test_a_journal_that_does_not_take_a_seal_gets_the_same_one_later(tmp_path: Path) -> None:
    """The seal lies beside its segment already: it is entered first, and no number is given twice or left out."""
    log = Moody(tmp_path, segments=1)
    log.write([5])
    log.write([6])
    log.refusals = 2
    sealer = Sealer(log.folder.predictions, "local", log)
    asyncio.run(sealer.end())
    assert sealer.faults == {"credit": "The disk is full."}
    assert len(log.log.seals()) == 2
    asyncio.run(sealer.end())
    asyncio.run(sealer.end())
    assert not sealer.faults
    log.seal()
    assert [number for number, _ in sealed_numbers(log)] == [1, 2, 3]
    assert [segment for _, segment in sealed_numbers(log)] == sorted(log.log.segments())
    assert [read_seal(log.log, seal).id for seal in log.log.seals()] == [event.id for event in log.events]


def test_a_disk_that_takes_no_seal_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file there is no number and no event; with room again, there is one of each."""
    log = SealedLog(tmp_path, segments=0)
    log.write([1])
    sealer = Sealer(log.folder.predictions, "local", log)

    def full(path: Path, content: bytes) -> None:
        raise Unavailable("No space left.", "Free space.")

    with monkeypatch.context() as disk:
        disk.setattr(sealing, "write_durably", full)
        asyncio.run(sealer.end())
    assert (sealer.faults, log.log.seals(), log.stream("credit")) == ({"credit": "No space left."}, (), None)
    log.seal()
    assert [number for number, _ in sealed_numbers(log)] == [1]


def test_a_folder_that_can_not_be_read_is_named_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says once does not end sealing for good."""
    log = SealedLog(tmp_path, segments=0)
    log.write([1])
    sealer = Sealer(log.folder.predictions, "local", log)

    def unreadable(log: ModelLog) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as disk:
        disk.setattr(ModelLog, "seals", unreadable)
        asyncio.run(sealer.end())
    assert "can't be read: Permission denied" in sealer.faults["credit"]
    asyncio.run(sealer.end())
    assert not sealer.faults
    assert len(log.log.seals()) == 1


def test_a_segment_that_was_tampered_with_before_it_was_sealed_is_named_and_holds_up_no_other(tmp_path: Path) -> None:
    """A line that is no row, or one of another model, keeps its segment from being sealed; the status says so."""
    log = SealedLog(tmp_path, segments=0)
    for number in range(3):
        log.write([number])
    broken, moved, whole = (log.rows(place) for place in range(3))
    broken.write_bytes(b"{}\n" + broken.read_bytes())
    moved.write_bytes(moved.read_bytes().replace(b'"model":"credit"', b'"model":"income"'))
    sealer = Sealer(log.folder.predictions, "local", log)
    asyncio.run(sealer.end())
    assert "is a row of income, and lies among those of credit" in sealer.faults["credit"]
    stream = log.stream("credit")
    assert stream is not None
    assert (stream.number, stream.rows) == (1, 1)
    assert [seal.segment for seal in log.log.seals()] == [whole.name]


def test_what_a_crash_tore_off_is_cut_before_it_is_sealed(tmp_path: Path) -> None:
    """Half a row was never answered; after the seal nothing follows the last whole one."""
    log = SealedLog(tmp_path, segments=0)
    log.write([1, 2])
    whole = log.rows().read_bytes()
    log.rows().write_bytes(whole + b'{"schema_ver')
    log.seal()
    assert log.rows().read_bytes() == whole
    assert log.sealed()[0].body.rows == 2


def test_a_segment_that_never_got_a_row_is_no_segment(tmp_path: Path) -> None:
    """A worker that was killed before its first answer leaves nothing to seal, and no number is used up."""
    log = SealedLog(tmp_path, segments=0)
    log.write([1])
    log.rows().write_bytes(b"")
    log.seal()
    assert (log.events, log.log.segments(), log.stream("credit")) == ([], frozenset(), None)


def test_a_segment_that_is_still_written_is_left_alone(tmp_path: Path) -> None:
    """Its writer holds its lock; when that is gone, it is sealed."""
    log = SealedLog(tmp_path, segments=0)
    writer = PredictionWriter(log.folder.predictions, 0)
    writer.append("credit", [row(1)], [asked(income=1.0)])
    log.seal()
    assert log.events == []
    writer.append("credit", [row(2)], [asked(income=2.0)])
    writer.close()
    log.seal()
    assert log.sealed()[0].body.rows == 2


def test_seals_of_another_stream_are_not_taken_for_ours(tmp_path: Path) -> None:
    """A folder of segments that was put beside another gateway's journal is named, not renumbered."""
    here, there = SealedLog(tmp_path / "here", segments=1), SealedLog(tmp_path / "there", segments=3)
    shutil.rmtree(here.log.folder)
    shutil.copytree(there.log.folder, here.log.folder)
    sealer = Sealer(here.folder.predictions, "local", here)
    asyncio.run(sealer.end())
    assert "was sealed in stream" in sealer.faults["credit"]


@pytest.mark.slow
def test_every_answer_is_sealed_once_whatever_is_killed(tmp_path: Path) -> None:
    """Under traffic, with workers and the gateway killed in turn: every row that was answered lies in one sealed segment."""
    with running_gateway(tmp_path, workers=2, seal_seconds=0.2) as gateway:
        gateway.serve(1)
        answered: list[str] = []
        for turn in range(6):
            answered += gateway.caller().infer_many(15)[1]
            if turn % 2:
                gateway.kill()
                gateway.start()
            else:
                os.kill(gateway.process("worker"), signal.SIGKILL)
                wait_for(lambda: len([name for name in gateway.processes() if name.startswith("worker")]) == 2, "a worker is back")
        gateway.stop()
        rows = [found["id"] for found in gateway.client.predictions.rows(MODEL)]
        assert len(rows) == len(set(rows))
        assert set(answered) <= set(rows)
        require_sealed_whole(gateway, len(rows))
        own = OwnSegments.look(GatewayFolder(gateway.folder))
        sealed = [
            Sealed(index, event.subject.name, event.body)
            for index, event in enumerate(gateway.events("PredictionsSealed"))
            if isinstance(event.body, PredictionsSealed)
        ]
        assert list(check_segments(own, sealed, frozenset(), lambda _: False, all_here=False)) == []
        assert logged_rows(GatewayFolder(gateway.folder))[0].missing == 0

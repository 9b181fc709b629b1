"""How surely a row is kept: on the disk before its answer (audit), or beside the requests, with each loss counted (best effort)."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Unavailable
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.group_commit import GroupCommit
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.prediction_log.writing import Lines, PredictionWriter
from lifecycle.serving.supervision.reporting import stopped_status
from tests.faults.test_gateway_full_disk import full_disk
from tests.serving.packages import MODEL, plan
from tests.serving.prediction_log.rows import asked, row
from tests.serving.running import running_gateway, wait_for
from tests.serving.sealed_log import SealedLog

SLOT = 3


class Disk:
    """Stands in for fsync: each one ends when it is let go, and says what the file had when it began."""

    def __init__(self, written: Callable[[], int]) -> None:
        self._written = written
        self.seen: list[int] = []
        self.gates: list[threading.Event] = []

    def sync(self) -> None:
        gate = threading.Event()
        self.seen.append(self._written())
        self.gates.append(gate)
        assert gate.wait(30), "nobody let this fsync go"


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a thread, for 30 s at most."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


def test_whoever_waits_at_the_same_time_shares_one_fsync() -> None:
    """Who comes while one is under way may have been missed by it, and waits for the next, together with all who come until then."""

    async def run() -> None:
        written = 0
        disk = Disk(lambda: written)
        commits = GroupCommit(disk.sync)
        written = 1
        first = [asyncio.create_task(commits.wait()) for _ in range(3)]
        await until(lambda: len(disk.gates) == 1)
        written = 2
        second = [asyncio.create_task(commits.wait()) for _ in range(4)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in (*first, *second))
        disk.gates[0].set()
        await asyncio.gather(*first)
        await until(lambda: len(disk.gates) == 2)
        assert not any(task.done() for task in second)
        disk.gates[1].set()
        await asyncio.gather(*second)
        assert disk.seen == [1, 2]

    asyncio.run(run())


def test_a_caller_that_leaves_takes_no_fsync_away_from_others() -> None:
    """Its connection is gone; those who wait with it still hear when their rows are on the disk."""

    async def run() -> None:
        disk = Disk(lambda: 0)
        commits = GroupCommit(disk.sync)
        leaves, stays = asyncio.create_task(commits.wait()), asyncio.create_task(commits.wait())
        await until(lambda: len(disk.gates) == 1)
        leaves.cancel()
        await asyncio.sleep(0)
        disk.gates[0].set()
        await stays
        assert leaves.cancelled()

    asyncio.run(run())


def test_what_lies_in_two_files_is_asked_of_the_disk_at_once_and_nobody_is_told_before_both_are_there() -> None:
    """Neither fsync waits for the other; whichever ends first, the round ends with the last."""

    async def run(first: int) -> None:
        disk = Disk(lambda: 0)
        waits = asyncio.create_task(GroupCommit(disk.sync, disk.sync).wait())
        await until(lambda: len(disk.gates) == 2)
        disk.gates[first].set()
        done, _ = await asyncio.wait([waits], timeout=0.05)
        assert not done
        disk.gates[1 - first].set()
        await waits

    for first in (0, 1):
        asyncio.run(run(first))


def test_a_round_of_which_one_fsync_failed_is_over_once_the_others_have_ended() -> None:
    """Its segment is closed then: nothing is let go of that is still being synced."""

    def fails() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def run() -> None:
        disk, closed = Disk(lambda: 0), asyncio.Event()
        commits = GroupCommit(fails, disk.sync)
        waits = asyncio.create_task(commits.wait())
        await until(lambda: len(disk.gates) == 1)
        commits.when_idle(closed.set)
        await asyncio.wait([waits], timeout=0.05)
        assert (waits.done(), closed.is_set()) == (False, False)
        disk.gates[0].set()
        with pytest.raises(OSError, match="error"):
            await waits
        await asyncio.wait_for(closed.wait(), 30)

    asyncio.run(run())


@pytest.mark.parametrize("broken", ["rows", "values"])
def test_fault_the_disk_takes_one_of_the_two_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Whichever it is: nobody is answered, the segment takes no row more, and the next one is durable in both."""
    real, synced = os.fsync, []

    def fsync(descriptor: int) -> None:
        folder = Path(f"/proc/self/fd/{descriptor}").readlink().parent.name
        if folder == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        synced.append(folder)
        real(descriptor)

    writer = PredictionWriter(tmp_path, 0)

    async def run() -> None:
        with monkeypatch.context() as failing:
            failing.setattr(os, "fsync", fsync)
            with pytest.raises(Unavailable, match="can't be written"):
                await writer.append_durably("credit", [row(1)], [asked()])
        await writer.append_durably("credit", [row(2)], [asked()])

    asyncio.run(run())
    writer.close()
    assert broken not in synced
    log = ModelLog(tmp_path / "credit")
    first, second = log.files("rows")
    assert [b'"p2"' in path.read_bytes() for path in (first, second)] == [False, True]
    assert not log.is_written(first.name)


def test_an_audit_grade_row_is_on_the_disk_before_its_caller_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, values and the names of their files are synced after they were written, and before `append_durably` returns."""
    order: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        order.append(f"{path.parent.name if path.is_file() else path.name} {path.stat().st_size > 0}")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    writer = PredictionWriter(tmp_path, 0)

    async def run() -> None:
        await writer.append_durably("credit", [row(1)], [asked(income=1.0)])
        order.append("heard")

    asyncio.run(run())
    writer.close()
    assert order[-1] == "heard"
    assert {"values True", "rows True", "credit True", f"{tmp_path.name} True"} <= set(order[:-1])


def test_nobody_is_answered_where_an_fsync_failed_and_its_segment_takes_no_row_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync the next one says that all is well, whatever was lost: later rows go to another file."""
    writer = PredictionWriter(tmp_path, 0)

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def run() -> None:
        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(Unavailable, match="can't be written"):
            await writer.append_durably("credit", [row(1)], [asked()])
        monkeypatch.undo()
        await writer.append_durably("credit", [row(2)], [asked()])

    asyncio.run(run())
    first, second = ModelLog(tmp_path / "credit").files("rows")
    assert [b'"p2"' in path.read_bytes() for path in (first, second)] == [False, True]
    assert not ModelLog(tmp_path / "credit").is_written(first.name)
    writer.close()


def test_a_segment_that_is_closed_while_somebody_waits_stays_locked_until_its_rows_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sealer must not take a segment for over whose rows nobody has been told yet."""
    writer, log = PredictionWriter(tmp_path, 0, segment_seconds=0.0), ModelLog(tmp_path / "credit")

    async def run() -> None:
        disk = Disk(lambda: 0)
        monkeypatch.setattr(os, "fsync", lambda descriptor: disk.sync())
        waits = asyncio.create_task(writer.append_durably("credit", [row(1)], [asked()]))
        await until(lambda: len(disk.gates) == 2)
        writer.close_old()
        (segment,) = log.segments()
        assert log.is_written(segment)
        assert not waits.done()
        monkeypatch.undo()
        for gate in disk.gates:
            gate.set()
        await waits
        await until(lambda: not log.is_written(segment))

    asyncio.run(run())


class StuckWriter(PredictionWriter):
    """Writes nothing until it is let go; then the disk takes it, or refuses it."""

    def __init__(self, folder: Path, *, refuses: bool = False) -> None:
        super().__init__(folder, 0)
        self.gate = threading.Event()
        self.began = threading.Event()
        self._refuses = refuses

    def add(self, model: str, lines: Lines) -> Any:
        self.began.set()
        assert self.gate.wait(30), "nobody let this write go"
        if self._refuses:
            raise Unavailable("The disk is full.", "Free space.")
        return super().add(model, lines)


def counts_of(counters: Counters) -> tuple[int, int, int]:
    """Rows that wait, that are logged, and that are lost."""
    return counters.rows_waiting(SLOT), counters.rows_logged(SLOT), counters.rows_dropped(SLOT)


@pytest.mark.parametrize("refuses", [False, True], ids=["the disk is slow", "the disk is full"])
def test_a_backlog_is_bounded_and_counts_each_row_that_is_lost(tmp_path: Path, refuses: bool) -> None:
    """Nobody waits for a disk that stands still. Of ten rows six fit; four are lost at once, and what fits goes as the disk goes."""
    counters, writer = Counters.open(tmp_path / "counters"), StuckWriter(tmp_path / "log", refuses=refuses)

    async def run() -> None:
        backlog = Backlog(writer, counters, most_rows=6)
        for number in range(5):
            backlog.offer("credit", SLOT, [row(2 * number), row(2 * number + 1)], [asked(), asked()])
        assert counts_of(counters) == (6, 0, 4)
        writer.gate.set()
        await backlog.end(30)
        backlog.offer("credit", SLOT, [], [])

    asyncio.run(run())
    assert counts_of(counters) == ((0, 0, 10) if refuses else (0, 6, 4))
    logged = [found["id"] for found in PredictionLog(tmp_path / "log").rows("credit")]
    assert logged == ([] if refuses else [f"p{number}" for number in range(6)])


def test_a_backlog_writes_rows_of_several_models_each_into_its_own_log(tmp_path: Path) -> None:
    """And counts them in their own slots."""
    counters = Counters.open(tmp_path / "counters")

    async def run() -> None:
        backlog = Backlog(PredictionWriter(tmp_path / "log", 0), counters)
        for number in range(6):
            model = ("credit", "fraud")[number % 2]
            backlog.offer(model, number % 2, [row(number, model=model)], [asked()])
        await backlog.end(30)

    asyncio.run(run())
    log = PredictionLog(tmp_path / "log")
    assert [[found["id"] for found in log.rows(model)] for model in ("credit", "fraud")] == [["p0", "p2", "p4"], ["p1", "p3", "p5"]]
    assert [counters.rows_logged(slot) for slot in (0, 1)] == [3, 3]


def test_rows_that_come_within_a_moment_are_written_at_once(tmp_path: Path) -> None:
    """A hundred answers cost their log one turn of a thread, and not a hundred."""
    counters, turns = Counters.open(tmp_path / "counters"), []

    class CountingWriter(PredictionWriter):
        def add(self, model: str, lines: Lines) -> Any:
            turns.append(len(lines.rows))
            return super().add(model, lines)

    async def run() -> None:
        backlog = Backlog(CountingWriter(tmp_path / "log", 0), counters)
        backlog.offer("credit", SLOT, [row(0)], [asked()])
        # By now it would be with the disk, if it waited for nobody.
        await asyncio.sleep(0)
        for number in range(1, 100):
            backlog.offer("credit", SLOT, [row(number)], [asked()])
        await backlog.end(30)

    asyncio.run(run())
    assert turns == [100]
    assert counters.rows_logged(SLOT) == 100


def test_what_a_backlog_can_not_write_before_its_end_is_lost_and_counted(tmp_path: Path) -> None:
    """A disk that never answers does not hold up a worker's end."""
    counters, writer = Counters.open(tmp_path / "counters"), StuckWriter(tmp_path / "log")

    async def run() -> None:
        backlog = Backlog(writer, counters)
        backlog.offer("credit", SLOT, [row(1)], [asked()])
        await until(writer.began.is_set)
        backlog.offer("credit", SLOT, [row(2)], [asked()])
        await backlog.end(0.01)
        # The first is with the disk; whoever takes over this worker's counts finds it waiting.
        assert counts_of(counters) == (1, 0, 1)
        counters.take_over()
        assert counts_of(counters) == (0, 0, 2)
        writer.gate.set()

    asyncio.run(run())


def test_what_a_killed_worker_had_not_written_is_counted_as_lost(tmp_path: Path) -> None:
    """Who takes over its counts finds how many rows waited, and that nobody waits for an answer any more."""
    killed = Counters.open(tmp_path / "counters")
    killed.waiting(SLOT, 7)
    killed.entered(SLOT)
    counters = Counters.open(tmp_path / "counters")
    counters.take_over()
    assert (*counts_of(counters), counters.in_flight(SLOT)) == (0, 0, 7, 0)


def test_a_seal_tells_how_many_rows_its_stream_never_got(tmp_path: Path) -> None:
    """The number of a best-effort model's lost rows stands in the ledger; a seal without losses has the bytes that it always had."""
    log = SealedLog(tmp_path, segments=1)
    log.dropped = 5
    log.write([7])
    log.seal()
    bodies = [event.body for event in log.events if isinstance(event.body, PredictionsSealed)]
    assert [body.rows_dropped for body in bodies] == [None, 5]
    assert b"rows_dropped" not in log.events[0].canonical()


def test_answers_of_an_audit_grade_model_are_logged_from_every_arm(tmp_path: Path) -> None:
    """Champion and canary answer as ever, and the log has each answer once."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1, plan(log_grade="audit"))
        gateway.await_weight(gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0), log_grade="audit")), 0.5)
        arms, ids = gateway.caller().infer_many(40)
        assert set(arms) == {"champion", "canary"}
        assert sorted(found["id"] for found in gateway.client.predictions.rows(MODEL)) == sorted(ids)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux can take the disk from a running process")
def test_a_best_effort_model_answers_on_a_full_disk_and_says_what_it_lost(tmp_path: Path) -> None:
    """Status, metrics and the next seal have the number of rows that the log has not; what came before and after is there."""
    with running_gateway(tmp_path, seal_seconds=0.5) as gateway:
        gateway.serve(1, plan(log_grade="best_effort"))
        caller = gateway.caller()
        _, ids = caller.infer_many(5)
        wait_for(lambda: len(list(gateway.client.predictions.rows(MODEL))) == 5, "the first rows are written")
        with full_disk(gateway, "worker"):
            caller.infer_many(7)
            wait_for(lambda: gateway.model().rows_dropped == 7, "the rows that no disk took are counted")
        ids += caller.infer_many(3)[1]
        wait_for(lambda: len(list(gateway.client.predictions.rows(MODEL))) == 8, "the last rows are written")
        assert sorted(found["id"] for found in gateway.client.predictions.rows(MODEL)) == sorted(ids)
        _, metrics = caller.send("GET", "/metrics")
        assert f'lifecycle_predictions_dropped_total{{model="{MODEL}"}} 7' in metrics
        wait_for(lambda: sum(body.rows for body in _seals(gateway.events("PredictionsSealed"))) == 8, "everything is sealed")
        assert _seals(gateway.events("PredictionsSealed"))[-1].rows_dropped == 7
        folder = GatewayFolder(gateway.folder)
    assert stopped_status(folder, "local").models[0].rows_dropped == 7


def _seals(events: list[Any]) -> list[PredictionsSealed]:
    return [event.body for event in events if isinstance(event.body, PredictionsSealed)]

"""Where the rows of an answer are kept, and how surely: in the log of who answered, as that was declared."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lifecycle.errors import Unavailable
from lifecycle.records.record import digest_of
from lifecycle.records.rollout import LogGrade
from lifecycle.serving.allowed.packages import Allowance
from lifecycle.serving.answering.answer_log import AnswerLog
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.outcome import Inquiry, Outcome
from lifecycle.serving.answering.protocol import InferRequest
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.answering.served import Answer, ServedModel
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.writing import PredictionWriter

ASKED, OTHER = "credit", "fraud"


class Kept:
    """The log of a worker that serves two models."""

    def __init__(self, folder: Path) -> None:
        self.names = {ASKED: ServedName(ASKED, 0), OTHER: ServedName(OTHER, 1)}
        self.table = RouteTable.create(folder / "routes")
        self.counters = Counters.open(folder / "counters")
        self.read = PredictionLog(folder / "log")
        self.backlog = Backlog(PredictionWriter(folder / "log", 0), self.counters)
        self.log = AnswerLog(self.names, self.table, self.counters, PredictionWriter(folder / "log", 0), self.backlog)

    def inquiry(self) -> Inquiry:
        name = self.names[ASKED]
        return Inquiry(name, self.table.read(name.slot), InferRequest("r", {"income": [1.0, 2.0]}, 2, "", ()), 1_000, 0)

    def rows(self, model: str = ASKED) -> list[dict[str, Any]]:
        return list(self.read.rows(model))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def outcome(grade: LogGrade | None, *, other_model: str = "") -> Outcome:
    """Two answered applications, by a version that was declared so."""
    by = SimpleNamespace(version=3, digest=digest_of(b"model"), allowance=Allowance("decision-1", digest_of(b"bundle"), (), None, grade))
    return Outcome("champion", cast("ServedModel", by), Answer([0.25, 0.75], ["good", "bad"]), other_model=other_model)


def durable(waits: list[str] | Coroutine[Any, Any, list[str]]) -> Coroutine[Any, Any, list[str]]:
    assert not isinstance(waits, list), "nobody waited for the disk"
    return waits


def test_a_row_is_written_before_anybody_is_told(kept: Kept) -> None:
    """Unless a plan says otherwise: when the ids are given, the rows are in the log, and counted."""
    ids = kept.log.keep(kept.inquiry(), outcome(None))
    assert [row["id"] for row in kept.rows()] == sorted(cast("list[str]", ids))
    assert kept.counters.rows_logged(0) == 2


def test_an_audit_grade_request_is_in_flight_until_its_rows_are_on_the_disk(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks how many wait sees it; it is counted as logged when it is, and not before."""
    real, seen = os.fsync, []

    def fsync(descriptor: int) -> None:
        seen.append((kept.counters.in_flight(0), kept.counters.rows_logged(0)))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    ids = asyncio.run(durable(kept.log.keep(kept.inquiry(), outcome("audit"))))
    assert set(seen) == {(1, 0)}
    assert (kept.counters.in_flight(0), kept.counters.rows_logged(0)) == (0, 2)
    assert len(ids) == len(kept.rows()) == 2


def test_fault_an_audit_grade_request_that_no_disk_takes_leaves_nobody_in_flight(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, and is no row of the log's count."""

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(Unavailable, match="can't be written"):
        asyncio.run(durable(kept.log.keep(kept.inquiry(), outcome("audit"))))
    assert (kept.counters.in_flight(0), kept.counters.rows_logged(0)) == (0, 0)


def test_nobody_waits_for_the_disk_on_a_shadow_s_account(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said of a copy is written like any row, whatever its grade, and names the answers that were given."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("nobody was told anything"))
    kept.log.keep_copy(kept.inquiry(), outcome("audit")._replace(arm="shadow"), 900, ("a", "b"))
    assert sorted(row["shadow_of"] for row in kept.rows()) == ["a", "b"]


def test_what_another_model_answered_stands_in_its_own_log_under_its_own_epoch(kept: Kept) -> None:
    """The model that was asked is named there; its own log has nothing."""
    kept.table.write(1, kept.table.read(1))
    epoch = kept.table.read(1).epoch
    assert epoch != kept.table.read(0).epoch
    kept.log.keep(kept.inquiry(), outcome(None, other_model=OTHER))
    assert [(row["model"], row["asked_model"], row["epoch"]) for row in kept.rows(OTHER)] == [(OTHER, ASKED, epoch)] * 2
    assert kept.rows() == []
    assert (kept.counters.rows_logged(0), kept.counters.rows_logged(1)) == (0, 2)


def test_a_best_effort_answer_waits_for_no_log(kept: Kept) -> None:
    """Its ids are given while its rows wait; they are written later, by the backlog."""

    async def run() -> None:
        assert isinstance(kept.log.keep(kept.inquiry(), outcome("best_effort")), list)
        assert (kept.counters.rows_waiting(0), kept.counters.rows_logged(0)) == (2, 0)
        await kept.backlog.end(30)

    asyncio.run(run())
    assert (kept.counters.rows_waiting(0), kept.counters.rows_logged(0), len(kept.rows())) == (0, 2, 2)


def test_where_nobody_answered_a_row_is_kept_as_the_champion_s_are(kept: Kept) -> None:
    """A request that no version could answer is told as surely as one that was answered."""
    champion = outcome("audit").by
    kept.names[ASKED].loaded[0] = cast("ServedModel", champion)
    failed = Outcome("referral", None, None, failure="nobody")
    assert len(asyncio.run(durable(kept.log.keep(kept.inquiry(), failed)))) == 2
    assert [(row["outcome"], row["version"], row["output"]) for row in kept.rows()] == [("failed", None, None)] * 2

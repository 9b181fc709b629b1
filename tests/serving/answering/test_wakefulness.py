"""A worker stays awake after an answer only where that meets callers, and only where it has cores to spare."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from lifecycle.serving.answering import wakefulness
from lifecycle.serving.answering.wakefulness import Wakefulness, has_cores_to_spare

A_DAY_NS = 86_400 * 10**9


class Watched:
    """A worker's wakefulness, and whether an answer keeps it awake."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stays = Wakefulness()
        self._monkeypatch = monkeypatch

    def answer(self, awake_ns: int) -> bool:
        """Sends one; whether the loop is kept turning for it."""
        self._monkeypatch.setattr(wakefulness, "AWAKE_NS", awake_ns)
        self.stays.answered()
        return self.stays.is_awake

    async def moments_of(self, answers: int) -> int:
        """How many of so many answers kept it awake, of which none is followed by another in time."""
        moments = 0
        for _ in range(answers):
            moments += self.answer(0)
            await asyncio.sleep(0)
        return moments


def test_where_it_meets_nobody_it_stays_awake_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Down to one answer in 64."""

    async def run() -> int:
        watched = Watched(monkeypatch)
        await watched.moments_of(1_000)
        return await watched.moments_of(640)

    assert asyncio.run(run()) == 10


def test_a_caller_who_asks_again_at_once_makes_it_worth_while_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on it is tried after each answer, until it meets nobody."""

    async def run() -> tuple[int, int]:
        watched = Watched(monkeypatch)
        await watched.moments_of(1_000)
        for _ in range(64):
            if watched.answer(A_DAY_NS):
                break
        before = watched.stays.is_awake
        watched.answer(0)
        await asyncio.sleep(0)
        return before, await watched.moments_of(2)

    assert asyncio.run(run()) == (True, 1)


def test_where_nobody_asks_the_loop_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the moment after the last answer is over, nothing is left to be turned for."""

    async def run() -> bool:
        watched = Watched(monkeypatch)
        watched.answer(0)
        await asyncio.sleep(0)
        return watched.stays.is_awake

    assert asyncio.run(run()) is False


@pytest.mark.parametrize(
    ("cores", "quota", "workers", "spare"),
    [(4, None, 2, True), (4, None, 3, False), (1, None, 1, False), (64, "100000 100000", 1, False), (64, "max 100000", 8, True)],
)
def test_it_stays_awake_only_where_each_worker_has_two_cores(
    cores: int, quota: str | None, workers: int, spare: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of this machine, and of what its container may use of them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(wakefulness, "_QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert has_cores_to_spare(workers) is spare

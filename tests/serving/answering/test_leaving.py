"""Answers of one turn of the loop leave together, and none is held for long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lifecycle.serving.answering import leaving
from lifecycle.serving.answering.leaving import Leaving
from tests.serving.answering.test_direct import Pipe


def test_answers_of_one_turn_leave_at_its_end_and_in_their_order() -> None:
    """Not one before the last is made; then who waits for them is told once."""
    sent: list[bytes] = []

    class Told(Pipe):
        def write(self, data: Any) -> None:
            sent.append(data)

    async def run() -> int:
        left: list[None] = []
        turn = Leaving(lambda: left.append(None))
        for number in range(20):
            turn.begin()
            turn.take(Told(), b"%d" % number)
        assert sent == []
        await asyncio.sleep(0)
        return len(left)

    assert asyncio.run(run()) == 1
    assert sent == [b"%d" % number for number in range(20)]


def test_what_takes_long_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer leaves at once where holding it would make its caller wait for slow answers to others."""
    monkeypatch.setattr(leaving, "MOST_HELD_NS", 0)

    async def run() -> list[bytes]:
        turn, pipes = Leaving(), [Pipe(), Pipe()]
        for pipe in pipes:
            turn.begin()
            turn.take(pipe, b"1")
        return [pipe.sent for pipe in pipes]

    assert asyncio.run(run()) == [b"1", b"1"]


def test_a_connection_that_is_over_keeps_no_other_from_its_answer() -> None:
    """Its own answer goes nowhere; the next one's leaves."""

    async def run() -> list[bytes]:
        turn, pipes = Leaving(), [Pipe(), Pipe()]
        for pipe in pipes:
            turn.begin()
            turn.take(pipe, b"1")
        pipes[0].close()
        await asyncio.sleep(0)
        return [pipe.sent for pipe in pipes]

    assert asyncio.run(run()) == [b"", b"1"]

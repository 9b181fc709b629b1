"""What a supervisor does again and again: one round after the other, and a last one at its end."""

from __future__ import annotations

import asyncio

from lifecycle.serving.rounds import Rounds


def test_the_last_round_comes_after_the_one_that_was_under_way() -> None:
    """Two never run at once, and what came up during a round is seen by the last one."""

    async def run() -> None:
        order: list[str] = []
        goes_on = asyncio.Event()

        async def one() -> None:
            number = len(order) // 2
            order.append(f"begin {number}")
            await goes_on.wait()
            order.append(f"end {number}")

        rounds = Rounds(one, 3_600.0)
        rounds.start()
        await asyncio.sleep(0)
        ending = asyncio.create_task(rounds.end())
        await asyncio.sleep(0)
        assert order == ["begin 0"]
        goes_on.set()
        await ending
        assert order == ["begin 0", "end 0", "begin 1", "end 1"]

    asyncio.run(run())


def test_rounds_that_never_started_have_a_last_one_too() -> None:
    """A gateway that ends before it began to seal still seals what lies there."""

    async def run() -> None:
        done: list[int] = []

        async def one() -> None:
            done.append(1)

        await Rounds(one, 3_600.0).end()
        assert done == [1]

    asyncio.run(run())


def test_rounds_follow_each_other_without_being_asked() -> None:
    """They go on until they are ended."""

    async def run() -> None:
        seen = asyncio.Event()
        done: list[int] = []

        async def one() -> None:
            done.append(1)
            if len(done) == 3:
                seen.set()

        rounds = Rounds(one, 0.001)
        rounds.start()
        async with asyncio.timeout(30):
            await seen.wait()
        await rounds.end()
        assert len(done) >= 4

    asyncio.run(run())

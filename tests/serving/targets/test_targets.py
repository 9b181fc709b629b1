"""The contract of targets, held by each of them: real gateway processes, Deployments and KServe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Refused, Unavailable
from lifecycle.serving.targets.contract import Moved, Placement
from lifecycle.serving.targets.driving import Drive
from tests.serving.packages import MODEL, plan
from tests.serving.places import KINDS, Told, named, place
from tests.serving.targets.driven import HALF_FIRST, PACE, asking, serve

pytestmark = pytest.mark.slow


@pytest.fixture(params=KINDS)
def within(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    """Does something at a place of each kind."""

    def run(test: Callable[[Any], Awaitable[None]]) -> None:
        async def inside() -> None:
            async with place(request.param, tmp_path) as there:
                await test(there)

        asyncio.run(inside())

    return run


def test_a_version_counts_what_it_answered(within: Any) -> None:
    """Thirty requests to the only version are thirty by its own count, and no failure."""

    async def test(there: Any) -> None:
        made = await serve(there)
        target = there.target()
        before = (await target.counted(named(made))).observed
        assert await there.ask(30) == {1: 30}
        came = (await target.counted(named(made))).observed.since(before)
        assert (came.requests, came.errors) == (30, 0)

    within(test)


def test_requests_are_split_by_weight_and_counted_by_version(within: Any) -> None:
    """At a weight of a half, both versions answer, and their counts are what callers saw."""

    async def test(there: Any) -> None:
        first, second = await serve(there), there.version(2, HALF_FIRST)
        target = there.target()
        await target.hold()
        await target.make_ready(named(second), 0)
        was = await target.read()
        now = was.placement.model_copy(update={"canary": named(second), "weight": 0.5, "rollout_id": second.rollout_id})
        placed = await target.place(was, now)
        assert placed.placement == now
        assert placed.in_force
        before = [(await target.counted(named(made))).observed for made in (first, second)]
        answered = await there.ask(200)
        came = [
            (await target.counted(named(made))).observed.since(earlier).requests
            for made, earlier in zip((first, second), before, strict=True)
        ]
        assert came == [answered[1], answered[2]]
        assert min(came) > 40

    within(test)


def test_a_version_without_a_share_is_asked_nothing_and_still_runs(within: Any) -> None:
    """On the way back the weight goes first: what lost its share is asked no more, and has not ended yet."""

    async def test(there: Any) -> None:
        first, second = await serve(there), there.version(2, HALF_FIRST)
        target = there.target()
        await target.hold()
        await target.make_ready(named(second), 0)
        was = await target.read()
        shared = await target.place(was, was.placement.model_copy(update={"canary": named(second), "weight": 0.5, "rollout_id": "r"}))
        await there.ask(20)
        back = Placement(model=MODEL, champion=named(first), leaving=named(second), rollout_id="r", outcome="aborted", settled=False)
        await target.place(shared, back)
        assert await there.ask(50) == {1: 50}
        assert there.runs(named(second))
        await target.take_out(named(second))
        await target.take_out(named(second))
        assert not there.runs(named(second))
        assert await there.ask(10) == {1: 10}

    within(test)


def test_a_write_after_somebody_elses_changes_nothing(within: Any) -> None:
    """A placement that follows from what is no longer placed is refused, and what is placed stays."""

    async def test(there: Any) -> None:
        await serve(there)
        target = there.target()
        await target.hold()
        stale = await target.read()
        latest = await target.place(stale, stale.placement.model_copy(update={"reason": "the first write"}))
        with pytest.raises(Moved):
            await target.place(stale, stale.placement.model_copy(update={"reason": "the second write"}))
        assert await target.read() == latest

    within(test)


def test_a_second_controller_waits_for_the_first(within: Any) -> None:
    """While one holds the right to change what serves, another is refused; when it is given back, the other has it."""

    async def test(there: Any) -> None:
        one, other = there.target("one"), there.target("other")
        await one.hold()
        with pytest.raises(Refused):
            await other.hold()
        await one.let_go()
        await other.hold()
        with pytest.raises(Refused):
            await one.hold()

    within(test)


def test_a_version_that_never_gets_ready_has_no_share(within: Any) -> None:
    """Making it ready fails with the reason, and what serves is what served."""

    async def test(there: Any) -> None:
        first = await serve(there)
        told, bad = Told(), there.version(2, HALF_FIRST, "unloadable")
        ended = await Drive(there.target(), told, bad, PACE).run()
        assert (ended.outcome, ended.champion, ended.canary) == ("aborted", named(first), None)
        assert told.names == ["RolloutAborted"]
        assert await there.ask(20) == {1: 20}
        assert not there.runs(named(bad))
        with pytest.raises(Unavailable):
            await there.target().make_ready(named(bad), 0)

    within(test)


def test_a_good_version_comes_in_step_by_step(within: Any) -> None:
    """It is given half, then all, then it is the champion; the former one ends last, and every request was answered."""

    async def test(there: Any) -> None:
        first, told = await serve(there), Told()
        good = there.version(2, HALF_FIRST)
        drive = asyncio.create_task(Drive(there.target(), told, good, PACE).run())
        await asyncio.wait_for(asking(there, drive), 60)
        ended = await drive
        assert (ended.outcome, ended.champion, ended.settled) == ("completed", named(good), True)
        assert told.names == ["RolloutStepReached", "RolloutStepReached", "RolloutCompleted"]
        assert await there.ask(20) == {2: 20}
        assert there.runs(named(good))
        assert not there.runs(named(first))
        assert await Drive(there.target("another"), told, good, PACE).run() == ended
        with pytest.raises(Refused, match="serves there already"):
            await Drive(there.target(), told, good.model_copy(update={"rollout_id": "again"}), PACE).run()

    within(test)


def test_a_bad_version_is_taken_out_and_ends(within: Any) -> None:
    """A version that fails is out after a few requests; what was decided, and when it was last asked, is told."""

    async def test(there: Any) -> None:
        first, told = await serve(there), Told()
        bad = there.version(2, HALF_FIRST, "not_a_number")
        drive = asyncio.create_task(Drive(there.target(), told, bad, PACE).run())
        await asyncio.wait_for(asking(there, drive), 60)
        ended = await drive
        assert (ended.outcome, ended.champion, ended.weight) == ("aborted", named(first), 0.0)
        assert told.names == ["RolloutStepReached", "RollbackRequested", "RolledBack", "RolloutAborted"]
        assert await there.ask(20) == {1: 20}
        assert not there.runs(named(bad))

    within(test)


@pytest.mark.parametrize(
    "wanted",
    [
        plan((0.3, 1, 0.0), strategy="ab"),
        plan((0.5, 1, 0.0), strategy="shadow"),
        plan((0.5, 1, 0.0), (1.0, 1, 0.0), holdout=0.1),
    ],
)
def test_a_plan_that_weights_alone_cannot_carry_out_is_refused(wanted: Any, tmp_path: Path) -> None:
    """What the gate was shown is carried out whole or not begun."""

    async def test() -> None:
        async with place("deployments", tmp_path) as there:
            await serve(there)
            before = await there.target().read()
            with pytest.raises(Refused):
                await Drive(there.target(), Told(), there.version(2, wanted), PACE).run()
            assert await there.target().read() == before

    asyncio.run(test())

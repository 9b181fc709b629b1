"""What can go wrong between a controller and a cluster, and what serves afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Refused
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from lifecycle.serving.rollouts.seen import Observed
from lifecycle.serving.targets.contract import Counted, Pace, TargetVersion
from lifecycle.serving.targets.driving import Drive
from lifecycle.serving.targets.observing import PodCounts, observed_in
from tests.serving.packages import plan
from tests.serving.places import ClusterPlace, Told, named, place
from tests.serving.targets.driven import HALF_FIRST, asking, serve

pytestmark = pytest.mark.slow
PACE = Pace(tick_seconds=0.02, quiet_seconds=0.1)
HALF_FOR_LONG = plan((0.5, 1_000_000, 0.0), (1.0, 20, 0.0))


def within(home: Path, test: Callable[[ClusterPlace], Any], kind: str = "deployments") -> None:
    async def run() -> None:
        async with place(kind, home) as there:
            await asyncio.wait_for(test(there), 60)

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a state, for as long as the test may take."""
    while not holds():
        await asyncio.sleep(0.01)


def route_of(there: ClusterPlace) -> Any:
    return there.server.objects["HTTPRoute", "credit"]


def weights(there: ClusterPlace) -> list[int]:
    return [backend["weight"] for backend in route_of(there)["spec"]["rules"][0]["backendRefs"]]


async def half(there: ClusterPlace, told: Told, holder: str = "first") -> tuple[Any, asyncio.Task[Any]]:
    """A rollout that stays in its first step."""
    made = there.version(2, HALF_FOR_LONG)
    drive = asyncio.create_task(Drive(there.target(holder), told, made, PACE).run())
    await until(lambda: weights(there) == [500, 500])
    return made, drive


async def killed(drive: asyncio.Task[Any], there: ClusterPlace) -> None:
    """A controller ends without a word; its lease stands."""
    lease = dict(there.server.objects["Lease", "credit-rollout"])
    drive.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await drive
    there.server.objects["Lease", "credit-rollout"] = lease


def test_an_api_server_that_goes_away_holds_the_rollout_and_changes_nothing(tmp_path: Path) -> None:
    """While it does not answer nothing is learned; when it does again, the rollout goes on to its end."""

    async def test(there: ClusterPlace) -> None:
        first, told = await serve(there), Told()
        good = there.version(2, HALF_FIRST)
        drive = asyncio.create_task(Drive(there.target(), told, good, PACE).run())
        await until(lambda: weights(there) == [500, 500])
        there.server.down = True
        before = route_of(there)
        await there.ask(100)
        await asyncio.sleep(0.3)
        assert not drive.done()
        assert route_of(there) == before
        assert there.runs(named(first))
        there.server.down = False
        await asking(there, drive)
        assert (await drive).outcome == "completed"

    within(tmp_path, test)


def test_a_write_whose_answer_is_lost_counts_once(tmp_path: Path) -> None:
    """The controller finds its own write when it writes again, and goes on from it."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        told, good = Told(), there.version(2, HALF_FIRST)
        drive = asyncio.create_task(Drive(there.target(), told, good, PACE).run())
        await until(lambda: weights(there) == [500, 500])
        there.server.lost_answers = 3
        await asking(there, drive)
        assert (await drive).outcome == "completed"
        assert told.names == ["RolloutStepReached", "RolloutStepReached", "RolloutCompleted"]

    within(tmp_path, test)


def test_another_writer_of_the_route_costs_a_second_attempt_and_loses_nothing(tmp_path: Path) -> None:
    """Labels that somebody else adds again and again stay, and the rollout ends."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        good = there.version(2, HALF_FIRST)
        drive = asyncio.create_task(Drive(there.target(), Told(), good, PACE).run())
        number = 0
        while not drive.done():
            if number < 20:
                number += 1
                there.server.touch("HTTPRoute", "credit", team=f"t{number}")
            await there.ask(10)
            await asyncio.sleep(0.2)
        assert (await drive).outcome == "completed"
        assert route_of(there)["metadata"]["labels"]["team"] == f"t{number}"

    within(tmp_path, test)


def test_weights_that_somebody_changed_by_hand_are_put_back(tmp_path: Path) -> None:
    """The plan's weight is what the gate was shown: another one does not stay."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        _, drive = await half(there, Told())
        with there.server.lock:
            route_of(there)["spec"]["rules"][0]["backendRefs"][1]["weight"] = 9_000
            there.server.touch("HTTPRoute", "credit")
        await until(lambda: weights(there) == [500, 500])
        drive.cancel()

    within(tmp_path, test)


@pytest.mark.parametrize("kind", ["deployments", "kserve"])
def test_a_crash_of_the_canary_takes_it_out(tmp_path: Path, kind: str) -> None:
    """Out of memory: the weight goes to the champion, the cause is told, and its objects go."""

    async def test(there: ClusterPlace) -> None:
        first, told = await serve(there), Told()
        bad, drive = await half(there, told)
        await asyncio.sleep(0.1)
        there.server.crash(2)
        ended = await drive
        assert (ended.outcome, ended.champion) == ("aborted", named(first))
        assert "OOMKilled" in ended.reason
        assert [body.cause for body in told.bodies.values() if isinstance(body, RolloutAborted)] == ["crash"]
        assert [body.to_version for body in told.bodies.values() if isinstance(body, RolledBack)] == [1]
        assert not there.runs(named(bad))
        assert weights(there) == [1_000]

    within(tmp_path, test, kind)


def test_a_controller_that_is_killed_in_a_step_is_followed_by_another(tmp_path: Path) -> None:
    """The next one waits until the lease is over, reads the step from the route and drives the rollout to its end."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        told, good = Told(), there.version(2, HALF_FIRST)
        drive = asyncio.create_task(Drive(there.target("killed"), told, good, PACE).run())
        await until(lambda: weights(there) == [500, 500])
        await killed(drive, there)
        assert weights(there) == [500, 500]
        successor = there.target("successor")
        with pytest.raises(Refused, match="killed drives rollouts"):
            await successor.hold()
        await asyncio.sleep(2.1)
        following = asyncio.create_task(Drive(successor, told, good, PACE).run())
        await asking(there, following)
        assert (await following).outcome == "completed"
        assert told.names == ["RolloutStepReached", "RolloutStepReached", "RolloutCompleted"]

    within(tmp_path, test)


def test_a_controller_that_is_killed_between_weight_and_scale_down_is_finished_by_another(tmp_path: Path) -> None:
    """The bad version has no share already; the next controller ends its pods, and tells the rollback once."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        told, bad = Told(), there.version(2, HALF_FIRST, "not_a_number")
        slowly = Pace(tick_seconds=0.02, quiet_seconds=3_600.0)
        drive = asyncio.create_task(Drive(there.target("killed"), told, bad, slowly).run())
        while "RollbackRequested" not in told.names or weights(there) != [1_000]:
            await there.ask(5)
            await asyncio.sleep(0.01)
        await killed(drive, there)
        assert weights(there) == [1_000]
        assert there.runs(named(bad))
        successor = there.target("successor")
        with contextlib.suppress(Refused):
            await successor.hold()
        await asyncio.sleep(2.1)
        ended = await Drive(successor, told, bad, PACE).run()
        assert (ended.outcome, ended.settled) == ("aborted", True)
        assert not there.runs(named(bad))
        assert told.names == ["RolloutStepReached", "RollbackRequested", "RolledBack", "RolloutAborted"]

    within(tmp_path, test)


def test_a_slow_controller_that_lost_its_lease_writes_nothing_more(tmp_path: Path) -> None:
    """Another one took over meanwhile: the first finds that out and stops."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        told = Told()
        _, drive = await half(there, told, "slow")
        with there.server.lock:
            there.server.objects["Lease", "credit-rollout"]["spec"]["holderIdentity"] = "other"
            there.server.touch("Lease", "credit-rollout")
        before = route_of(there)
        with pytest.raises(Refused, match="other drives rollouts"):
            await drive
        assert route_of(there) == before

    within(tmp_path, test)


def test_a_full_disk_does_not_hold_up_a_rollback(tmp_path: Path) -> None:
    """The weight goes while nothing can be recorded; what happened is told when the disk takes it."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        told = Told()
        _, drive = await half(there, told)
        await asyncio.sleep(0.1)
        told.full = True
        there.server.crash(2)
        await until(lambda: weights(there) == [1_000])
        assert not drive.done()
        told.full = False
        await drive
        assert told.names == ["RolloutStepReached", "RollbackRequested", "RolledBack", "RolloutAborted"]

    within(tmp_path, test)


def test_two_deployments_at_once_leave_the_first_alone(tmp_path: Path) -> None:
    """A rollout that another one finds under way is refused, and changes nothing."""

    async def test(there: ClusterPlace) -> None:
        await serve(there)
        _, drive = await half(there, Told())
        await killed(drive, there)
        del there.server.objects["Lease", "credit-rollout"]
        before = route_of(there)
        with pytest.raises(Refused, match="is being rolled out there"):
            await Drive(there.target("second"), Told(), there.version(3, HALF_FIRST), PACE).run()
        assert route_of(there) == before
        assert not there.runs(TargetVersion(version=3, digest=named(there.version(4, HALF_FIRST)).digest))

    within(tmp_path, test)


def test_counts_of_pods_that_end_or_start_again_are_kept() -> None:
    """A pod that is gone keeps what it had answered; a process that counts from nothing adds to what it had."""
    counts = PodCounts()
    counts.look({"a": Observed(10, 1, 0), "b": Observed(5, 0, 0)})
    assert counts.look({"a": Observed(12, 1, 0)}) == Observed(17, 1, 0)
    assert counts.look({"a": Observed(3, 3, 0)}) == Observed(20, 4, 0)
    assert counts.look({"a": Observed(6, 6, 0)}).errors == 7
    assert counts.streak == 6
    assert counts.look({"a": Observed(7, 6, 0)}).requests == 24
    assert counts.streak == 0


def test_slow_answers_are_those_above_the_bound_below_the_objective() -> None:
    """With an objective of 7 ms, what took more than 5 ms is slow, as the histogram has it."""
    labels = 'model="credit",version="2",arm="champion"'
    name = "lifecycle_inference_duration_seconds"
    text = "\n".join(
        (
            f"lifecycle_inference_requests_total{{{labels}}} 10",
            f"lifecycle_inference_errors_total{{{labels}}} 1",
            f'{name}_bucket{{{labels},le="0.005"}} 6',
            f'{name}_bucket{{{labels},le="0.01"}} 8',
            f"{name}_count{{{labels}}} 9",
            'lifecycle_inference_requests_total{model="other",version="2",arm="champion"} 99',
        )
    )
    assert observed_in(text, "credit", 2, 7_000) == Observed(10, 1, 3)
    assert observed_in(text, "credit", 2, 0) == Observed(10, 1, 0)
    assert Counted().observed == Observed()

"""Rollouts on a target, as its tests drive them."""

from __future__ import annotations

import asyncio
from typing import Any

from lifecycle.serving.targets.contract import Pace, Placement
from tests.serving.packages import MODEL, plan
from tests.serving.places import named

PACE = Pace(tick_seconds=0.02, quiet_seconds=0.1)
AT_ONCE = plan((1.0, 0, 0.0), strategy="blue_green")
HALF_FIRST = plan((0.5, 20, 0.0), (1.0, 20, 0.0))


async def serve(there: Any, number: int = 1) -> Any:
    """Has a version serve all requests; returns its order."""
    made = there.version(number, AT_ONCE)
    target = there.target()
    await target.hold()
    await target.make_ready(named(made), 0)
    was = await target.read()
    await target.place(was, Placement(model=MODEL, champion=named(made)))
    await target.let_go()
    return made


async def asking(there: Any, until: asyncio.Task[Any]) -> None:
    """Callers that ask while something goes on."""
    while not until.done():
        await there.ask(10)
        await asyncio.sleep(0.005)

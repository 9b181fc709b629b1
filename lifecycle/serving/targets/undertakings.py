"""What a controller has under way: each until it is done, whatever comes in between, and one of a name at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lifecycle.errors import LifecycleError

_LOG = logging.getLogger(__name__)
#: How soon what could not be gone on with is tried again.
_AGAIN_SECONDS = 2.0
T = TypeVar("T")


class Undertakings:
    """The tasks of one controller."""

    def __init__(self) -> None:
        #: By model: why what should go on does not.
        self.faults: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, doing: Coroutine[Any, Any, None]) -> None:
        """Begins something, unless the same goes on already: that looks at what there is when it comes to it."""
        before = self._tasks.get(name)
        if before is not None and not before.done():
            doing.close()
            return
        task = self._tasks[name] = asyncio.get_running_loop().create_task(doing)
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    def find(self, name: str) -> asyncio.Task[None] | None:
        """What goes on under this name."""
        return self._tasks.get(name)

    async def until_done(self, model: str, go_on: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Does something until it is done, however often the cluster does not answer or another controller is at work there."""
        while True:
            try:
                return await go_on()
            except LifecycleError as error:
                if self.faults.get(model) != error.what:
                    _LOG.error("%s does not go on: %s", model, error.what)
                self.faults[model] = error.what
            except Exception as error:  # noqa: BLE001  # a controller that breaks over one model must go on with the others, and say so
                _LOG.exception("the controller broke over %s", model)
                self.faults[model] = f"the controller broke: {type(error).__name__}"
            await asyncio.sleep(_AGAIN_SECONDS)

    async def end(self) -> None:
        """Leaves everything as it is."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

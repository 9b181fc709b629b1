"""The line between the supervisor and a process of its own: requests down, answers and nudges up.

It is also the lifeline. A process whose supervisor is gone ends, because nobody would take a bad version out of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.serving.frames import FrameProtocol

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlledEnd(FrameProtocol):
    """The end in the controlled process. Each request is handled in a task of its own and answered once."""

    def __init__(self, handle: Handler, orphaned: Callable[[], None]) -> None:
        super().__init__()
        self._handle = handle
        self._orphaned = orphaned
        self._tasks: set[asyncio.Task[None]] = set()

    def message_received(self, message: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def disconnected(self) -> None:
        self._orphaned()

    def nudge(self, **message: Any) -> None:
        """Tells the supervisor something that it did not ask for. Lost where the supervisor is gone: then nobody acts on it."""
        if self.connected:
            self.send(message)

    async def _answer(self, message: dict[str, Any]) -> None:
        try:
            said = await self._handle(message)
        except LifecycleError as error:
            said = {"error": error.what, "next_step": error.next_step}
        if self.connected:
            self.send({**said, "reply_to": message["request"]})

    @classmethod
    async def over(cls, descriptor: int, handle: Handler, orphaned: Callable[[], None]) -> ControlledEnd:
        """Takes up the line whose descriptor this process was given."""
        _, end = await asyncio.get_running_loop().create_connection(lambda: cls(handle, orphaned), sock=socket.socket(fileno=descriptor))
        return end


class ControllingEnd(FrameProtocol):
    """The end in the supervisor."""

    def __init__(self, name: str, on_nudge: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._name = name
        self._on_nudge = on_nudge
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._requests = 0

    async def ask(self, timeout: float, **message: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer. Raises Unavailable where the process refuses, is gone or takes too long."""
        self._requests += 1
        number = self._requests
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self.send({**message, "request": number})
            said: dict[str, Any] = await asyncio.wait_for(answer, timeout)
        except (ConnectionError, TimeoutError) as error:
            raise Unavailable(
                f"The gateway's {self._name} does not answer.", "It is started again by itself; look at the gateway's log."
            ) from error
        finally:
            self._waiting.pop(number, None)
        if "error" in said:
            raise Unavailable(
                f"The gateway's {self._name} could not: {said['error']}", str(said.get("next_step", "Look at the gateway's log."))
            )
        return said

    def message_received(self, message: dict[str, Any]) -> None:
        number = message.get("reply_to")
        if number is None:
            self._on_nudge(message)
        elif (answer := self._waiting.get(number)) is not None and not answer.done():
            answer.set_result(message)

    def disconnected(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError(f"{self._name} is gone"))

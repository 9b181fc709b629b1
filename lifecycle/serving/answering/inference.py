"""Predictions over HTTP: who asks, what is sent, and not more at once than a worker answers."""

from __future__ import annotations

from lifecycle.serving.access.doorkeeper import Caller, Doorkeeper
from lifecycle.serving.answering.bodies import Bodies, header
from lifecycle.serving.answering.paths import Place
from lifecycle.serving.answering.protocol import parse_infer
from lifecycle.serving.answering.replies import Receive, Reply, Scope
from lifecycle.serving.answering.router import Router
from lifecycle.serving.failures import RequestRefused


class Inference:
    """One worker's. Only what is being answered counts as in flight."""

    def __init__(self, router: Router, door: Doorkeeper, bodies: Bodies, most_rows: int, most_in_flight: int) -> None:
        self._router = router
        self._door = door
        self._bodies = bodies
        self._most_rows = most_rows
        self._most_in_flight = most_in_flight
        self._in_flight = 0

    async def reply(self, place: Place, scope: Scope, receive: Receive) -> Reply:
        """The prediction. Looks at who asks before anything of the request is taken in.

        Raises RequestRefused for what the caller must correct, Unavailable where no version can answer.
        """
        caller = self._door.identify(scope)
        if caller is None:
            return await self._answer(place, scope, receive, None)
        caller.quota.enter()
        try:
            return await self._answer(place, scope, receive, caller)
        finally:
            caller.quota.leave()

    async def _answer(self, place: Place, scope: Scope, receive: Receive, caller: Caller | None) -> Reply:
        served = self._router.named(place.model)
        if header(scope, b"inference-header-content-length") is not None:
            raise RequestRefused("Binary tensors are not taken here; send the tensors as JSON.")
        body = await self._bodies.take(scope, receive)
        if self._in_flight >= self._most_in_flight:
            raise RequestRefused("Too many requests at once.", status=429)
        self._in_flight += 1
        try:
            request = parse_infer(body, self._most_rows)
            if caller is not None:
                request = caller.admitted(request)
            return Reply(await self._router.answer(served, request, place.version))
        finally:
            self._in_flight -= 1

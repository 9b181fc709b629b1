"""Predictions over HTTP: who asks, what is sent, and not more at once than a worker answers."""

from __future__ import annotations

from typing import Any

from lifecycle.serving.access.doorkeeper import Caller, Doorkeeper
from lifecycle.serving.answering.binary_tensors import JSON_LENGTH, OCTETS, encoded, fill_in, split, wanted
from lifecycle.serving.answering.bodies import Bodies, header
from lifecycle.serving.answering.onlookers import GRANT
from lifecycle.serving.answering.paths import Place
from lifecycle.serving.answering.protocol import as_bytes, infer_request, parse_body
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
        scope[GRANT] = caller.grant_id
        caller.quota.enter()
        try:
            return await self._answer(place, scope, receive, caller)
        finally:
            caller.quota.leave()

    async def _answer(self, place: Place, scope: Scope, receive: Receive, caller: Caller | None) -> Reply:
        served = self._router.named(place.model)
        body = await self._bodies.take(scope, receive)
        if self._in_flight >= self._most_in_flight:
            raise RequestRefused("Too many requests at once.", status=429)
        self._in_flight += 1
        try:
            asked = _asked(body, header(scope, JSON_LENGTH))
            request = infer_request(asked, self._most_rows)
            if caller is not None:
                request = caller.admitted(request)
            answer = await self._router.answer(served, request, place.version)
            as_octets = wanted(asked)
            if not as_octets:
                return Reply(as_bytes(answer))
            answered, json_length = encoded(answer, as_octets)
            return Reply(answered, kind=OCTETS, headers=((JSON_LENGTH, b"%d" % json_length),))
        finally:
            self._in_flight -= 1


def _asked(body: bytes, json_length: bytes | None) -> Any:
    """What a body says, as JSON: also where its values come as bytes."""
    if json_length is None:
        return parse_body(body)
    said, rest = split(body, json_length)
    asked = parse_body(said)
    fill_in(asked, rest)
    return asked

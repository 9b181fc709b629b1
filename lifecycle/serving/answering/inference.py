"""Predictions over HTTP: who asks, what is sent, and not more at once than a worker answers."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import Any

from lifecycle.serving.access.doorkeeper import Caller, Doorkeeper
from lifecycle.serving.answering.binary_tensors import JSON_LENGTH, OCTETS, encoded, fill_in, split, wanted
from lifecycle.serving.answering.bodies import Bodies, header
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.onlookers import GRANT
from lifecycle.serving.answering.outcome import Said
from lifecycle.serving.answering.paths import Place
from lifecycle.serving.answering.protocol import as_bytes, infer_request, parse_body
from lifecycle.serving.answering.replies import Receive, Reply, Scope
from lifecycle.serving.answering.router import Router
from lifecycle.serving.failures import RequestRefused

#: A prediction, or what waits for it.
Begun = Reply | Coroutine[Any, Any, Reply]


class Inference:
    """One worker's. Only what waits for an answer counts as in flight: what is answered at once is never two."""

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
        caller = self._enter(scope)
        try:
            served = self._router.named(place.model)
            begun = self._begin(served, place, scope, await self._bodies.take(scope, receive), caller)
            return begun if isinstance(begun, Reply) else await begun
        finally:
            _leave(caller)

    def begin(self, place: Place, scope: Scope, body: bytes) -> Begun:
        """The same of a request whose body is whole: the prediction, or what waits for it and must be awaited. Raises like `reply`."""
        caller = self._enter(scope)
        begun: Begun | None = None
        try:
            served = self._router.named(place.model)
            begun = self._begin(served, place, scope, self._bodies.checked(scope, body), caller)
        finally:
            if begun is None or isinstance(begun, Reply):
                _leave(caller)
        return begun if isinstance(begun, Reply) else _leaving(begun, caller)

    def _enter(self, scope: Scope) -> Caller | None:
        caller = self._door.identify(scope)
        if caller is not None:
            scope[GRANT] = caller.grant_id
            caller.quota.enter()
        return caller

    def _begin(self, served: ServedName, place: Place, scope: Scope, body: bytes, caller: Caller | None) -> Begun:
        if self._in_flight >= self._most_in_flight:
            raise RequestRefused("Too many requests at once.", status=429)
        asked = _asked(body, header(scope, JSON_LENGTH))
        request = infer_request(asked, self._most_rows)
        if caller is not None:
            request = caller.admitted(request, served.name)
        said = self._router.begin(served, request, place.version)
        if isinstance(said, dict):
            return _reply(asked, said)
        self._in_flight += 1
        return self._once_said(asked, said)

    async def _once_said(self, asked: Any, said: Awaitable[Said]) -> Reply:
        try:
            return _reply(asked, await said)
        finally:
            self._in_flight -= 1


async def _leaving(begun: Awaitable[Reply], caller: Caller | None) -> Reply:
    try:
        return await begun
    finally:
        _leave(caller)


def _leave(caller: Caller | None) -> None:
    if caller is not None:
        caller.quota.leave()


def _reply(asked: Any, said: Said) -> Reply:
    """An answer as its caller wants it: as JSON, or with its values as bytes."""
    as_octets = wanted(asked)
    if not as_octets:
        return Reply(as_bytes(said))
    answered, json_length = encoded(said, as_octets)
    return Reply(answered, kind=OCTETS, headers=((JSON_LENGTH, b"%d" % json_length),))


def _asked(body: bytes, json_length: bytes | None) -> Any:
    """What a body says, as JSON: also where its values come as bytes."""
    if json_length is None:
        return parse_body(body)
    said, rest = split(body, json_length)
    asked = parse_body(said)
    fill_in(asked, rest)
    return asked

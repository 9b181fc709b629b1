"""The gateway over HTTP: a raw ASGI application, because a framework would cost more than the prediction.

| method and path                                | answers                                                     |
| ---------------------------------------------- | ----------------------------------------------------------- |
| GET  /v2                                       | the server's name, version and extensions                   |
| GET  /v2/health/live, /v2/health/ready         | 200; 503 while models are being loaded                      |
| GET  /v2/models/{m}[/versions/{v}]             | what the model takes and answers                            |
| GET  /v2/models/{m}[/versions/{v}]/ready       | 200 where it answers, 404 where not                         |
| POST /v2/models/{m}[/versions/{v}]/infer       | a prediction                                                |
| POST /v2/feedback                              | takes the label of a prediction                             |
| GET  /metrics                                  | Prometheus text                                             |

Errors are `{"error": "what is wrong"}`: 400 for what the caller must correct, 404 for names that are not served,
408 for a body that does not come, 413 and 429 for what is too much, 503 where nothing can answer. Only what is being
answered counts as in flight: callers who send slowly keep nobody else from an answer, and least of all from health.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from lifecycle import __version__
from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.identity import now_us
from lifecycle.serving.access.doorkeeper import Caller, Doorkeeper
from lifecycle.serving.access.refusal_log import Refusal, RefusalWriter
from lifecycle.serving.access.refusing import AccessRefused, reason_of
from lifecycle.serving.answering import metrics
from lifecycle.serving.answering.counters import CELLS, Counters, total
from lifecycle.serving.answering.protocol import as_bytes, format_metadata, parse_body, parse_infer
from lifecycle.serving.answering.router import Router, ServedName
from lifecycle.serving.failures import RequestRefused
from lifecycle.serving.prediction_log.writing import PredictionWriter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_JSON = b"application/json"
#: The largest bodies that one worker takes in at once, in memory.
MOST_BODIES_ARRIVING = 256
_MORE_HEADERS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    408: ((b"connection", b"close"),),
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
}


class Application:
    """Answers requests until its worker ends. `ready` is set once every model of the worker is loaded."""

    def __init__(
        self,
        router: Router,
        log: PredictionWriter,
        all_counters: Callable[[], Iterable[Counters]],
        door: Doorkeeper,
        refusals: RefusalWriter,
        *,
        most_body_bytes: int,
        most_rows: int,
        most_in_flight: int,
        request_seconds: float,
    ) -> None:
        self.ready = False
        self._router = router
        self._log = log
        self._all_counters = all_counters
        self._door = door
        self._refusals = refusals
        self._most_body_bytes = most_body_bytes
        self._most_rows = most_rows
        self._most_in_flight = most_in_flight
        self._request_seconds = request_seconds
        self._in_flight = 0
        self._arriving_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = _JSON
        extra: Sequence[tuple[bytes, bytes]] = ()
        try:
            status, body, kind = await self._answer(scope, receive)
        except RequestRefused as error:
            status, body, extra = error.status, _error(error.what, error.field), _more_headers(error)
            self._note(scope, error)
        except Unavailable as error:
            status, body = 503, _error(error.what)
        except LifecycleError as error:
            status, body = 500, _error(error.what)
        except Exception:  # noqa: BLE001  # the caller gets JSON whatever broke; the log has the rest
            _LOG.exception("a request to %s broke", scope.get("path"))
            status, body = 500, _error("The gateway broke over this request; its log says how.")
        await _respond(send, status, body, kind, extra)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        method, parts = scope["method"], [part for part in scope["path"].split("/") if part]
        match parts:
            case ["v2", "models", name, *rest] if rest[-1:] == ["infer"] and len(rest) in (1, 3):
                _require(method, "POST")
                return 200, await self._admitted_infer(scope, receive, name, _version(rest[:-1])), _JSON
            case ["v2", "models", name, *rest]:
                _require(method, "GET")
                self._door.identify(scope)
                return self._describe(self._named(name), rest)
            case ["v2", "feedback"]:
                _require(method, "POST")
                self._door.identify(scope)
                return self._feedback(await self._body(scope, receive))
            case ["v2"]:
                return 200, as_bytes({"name": "lifecycle", "version": __version__, "extensions": []}), _JSON
            case ["v2", "health", "live"]:
                return 200, as_bytes({"live": True}), _JSON
            case ["v2", "health", "ready"]:
                return (200 if self.ready else 503), as_bytes({"ready": self.ready}), _JSON
            case ["metrics"]:
                return 200, self._metrics(), metrics.CONTENT_TYPE
            case _:
                raise RequestRefused(f"There is nothing at {scope['path']}.", status=404)

    async def _admitted_infer(self, scope: Scope, receive: Receive, name: str, version: int | None) -> bytes:
        """Looks at who asks before anything of the request is taken in."""
        caller = self._door.identify(scope)
        if caller is None:
            return await self._infer(self._named(name), version, await self._body(scope, receive))
        caller.quota.enter()
        try:
            return await self._infer(self._named(name), version, await self._body(scope, receive), caller)
        finally:
            caller.quota.leave()

    async def _infer(self, served: ServedName, version: int | None, body: bytes, caller: Caller | None = None) -> bytes:
        if self._in_flight >= self._most_in_flight:
            raise RequestRefused("Too many requests at once.", status=429)
        self._in_flight += 1
        try:
            request = parse_infer(body, self._most_rows)
            if caller is not None:
                request = caller.admitted(request)
            return await self._router.answer(served, request, version)
        finally:
            self._in_flight -= 1

    def _note(self, scope: Scope, error: RequestRefused) -> None:
        """Has a refusal counted: by whose grant where that is known, and by a model where it is served here."""
        parts = [part for part in scope["path"].split("/") if part]
        model = parts[2] if parts[:2] == ["v2", "models"] and len(parts) > 2 and parts[2] in self._router.names else None
        grant_id = error.grant_id if isinstance(error, AccessRefused) else None
        self._refusals.refused(Refusal(reason_of(error), error.status, grant_id, model), now_us())

    def _describe(self, name: ServedName, rest: Sequence[str]) -> tuple[int, bytes, bytes]:
        route = self._router.route(name)
        asks_ready = rest[-1:] == ["ready"]
        version = _version(rest[:-1] if asks_ready else rest)
        versions = [number for number in (route.champion, route.canary) if number]
        schemas = self._router.schemas(name)
        if schemas is None or (version is not None and version not in versions):
            raise RequestRefused(f"The model {name.name} has no such version in service.", status=404)
        if asks_ready:
            return 200, as_bytes({"name": name.name, "ready": True}), _JSON
        return 200, format_metadata(name.name, versions, schemas), _JSON

    def _feedback(self, body: bytes) -> tuple[int, bytes, bytes]:
        value = parse_body(body)
        if not isinstance(value, dict):
            raise RequestRefused("The body must be an object with `model`, `prediction_id` and `label`.")
        for key in ("model", "prediction_id", "label"):
            if not isinstance(value.get(key), str) or not 0 < len(value[key]) <= 256:
                raise RequestRefused(f"`{key}` must be a text of 1 to 256 characters.", key)
        served = self._named(value["model"])
        self._log.label(served.name, value["prediction_id"], value["label"], now_us())
        return 200, as_bytes({"accepted": 1}), _JSON

    def _metrics(self) -> bytes:
        counters = list(self._all_counters())
        arms: list[metrics.ArmMetrics] = []
        epochs: dict[str, int] = {}
        logged: dict[str, int] = {}
        dropped: dict[str, int] = {}
        for name in self._router.names.values():
            route = self._router.route(name)
            epochs[name.name] = route.epoch
            logged[name.name] = sum(one.rows_logged(name.slot) for one in counters)
            dropped[name.name] = sum(one.copies_dropped(name.slot) for one in counters)
            arms += metrics.arms_of(name.name, route, [total(counters, name.slot, cell) for cell in range(CELLS)])
        return metrics.exposition(arms, epochs, logged, dropped)

    def _named(self, name: str) -> ServedName:
        served = self._router.names.get(name)
        if served is None:
            known = ", ".join(sorted(self._router.names)) or "none yet"
            raise RequestRefused(f"The model {name!r} is not served here; the models are {known}.", "model", 404)
        return served

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        headers = dict(scope["headers"])
        if b"inference-header-content-length" in headers:
            raise RequestRefused("Binary tensors are not taken here; send the tensors as JSON.")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most_body_bytes:
            raise RequestRefused(f"The body is larger than {self._most_body_bytes} bytes.", status=413)
        body = bytearray()
        try:
            async with asyncio.timeout(self._request_seconds):
                while await self._takes_more(receive, body):
                    if self._arriving_bytes > MOST_BODIES_ARRIVING * self._most_body_bytes:
                        raise RequestRefused("Too much is being sent at once.", status=503)
        except TimeoutError as error:
            raise RequestRefused(f"The body was not whole within {self._request_seconds:g} s.", status=408) from error
        finally:
            self._arriving_bytes -= len(body)
        return bytes(body)

    async def _takes_more(self, receive: Receive, body: bytearray) -> bool:
        """Takes in the next part of a body; whether there is more."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused("The caller left before the request was whole.")
        chunk: bytes = message.get("body", b"")
        body += chunk
        self._arriving_bytes += len(chunk)
        if len(body) > self._most_body_bytes:
            raise RequestRefused(f"The body is larger than {self._most_body_bytes} bytes.", status=413)
        more: bool = message.get("more_body", False)
        return more


def _more_headers(error: RequestRefused) -> Sequence[tuple[bytes, bytes]]:
    """What a refused caller is told beside the body: when to come again, and what to show."""
    if isinstance(error, AccessRefused):
        retry = ((b"retry-after", str(error.retry_seconds).encode()),) if error.retry_seconds else ()
        return (*retry, (b"www-authenticate", b"Bearer")) if error.status == 401 else retry
    return _MORE_HEADERS.get(error.status, ())


def _version(rest: Sequence[str]) -> int | None:
    """The version in a path: `versions/7`, or none."""
    match rest:
        case []:
            return None
        case ["versions", text] if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        case _:
            raise RequestRefused(f"There is nothing at {'/'.join(rest)}.", status=404)


def _require(method: str, wanted: str) -> None:
    if method != wanted:
        raise RequestRefused(f"This takes {wanted}, not {method}.", status=405)


def _error(what: str, field: str = "") -> bytes:
    said = {"error": what, "field": field} if field else {"error": what}
    return as_bytes({key: text.encode("utf-8", "backslashreplace").decode() for key, text in said.items()})


async def _respond(send: Send, status: int, body: bytes, kind: bytes = _JSON, extra: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

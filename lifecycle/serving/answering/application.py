"""The gateway over HTTP: a raw ASGI application, because a framework would cost more than the prediction.

What each path names stands in `paths`. Errors are `{"error": "what is wrong"}`: 400 for what the caller must correct, 404 for names
that are not served, 408 for a body that does not come, 413 and 429 for what is too much, 503 where nothing can answer. Only what is
being answered counts as in flight: callers who send slowly keep nobody else from an answer, and least of all from health.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.identity import now_us
from lifecycle.serving.access.doorkeeper import Caller, Doorkeeper
from lifecycle.serving.access.refusal_log import Refusal, RefusalWriter
from lifecycle.serving.access.refusing import AccessRefused, reason_of
from lifecycle.serving.answering import describing, metrics
from lifecycle.serving.answering.bodies import Bodies, header
from lifecycle.serving.answering.connections import BEGUN, WHOLE
from lifecycle.serving.answering.inference import Inference
from lifecycle.serving.answering.labels import label_of
from lifecycle.serving.answering.onlookers import GRANT, Onlookers, Seen
from lifecycle.serving.answering.paths import Place, place_of
from lifecycle.serving.answering.protocol import as_bytes, parse_body
from lifecycle.serving.answering.replies import Receive, Reply, Scope, Send, failure, refusal, respond
from lifecycle.serving.answering.router import Router
from lifecycle.serving.failures import RequestRefused, WrongMethod
from lifecycle.serving.prediction_log.writing import PredictionWriter

_LOG = logging.getLogger(__name__)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Application:
    """Answers requests until its worker ends. `ready` is set once every model of the worker is loaded."""

    def __init__(
        self,
        router: Router,
        log: PredictionWriter,
        gathered: Callable[[], bytes],
        door: Doorkeeper,
        refusals: RefusalWriter,
        *,
        most_body_bytes: int,
        most_rows: int,
        most_in_flight: int,
        request_seconds: float,
        onlookers: Onlookers = (),
    ) -> None:
        self.ready = False
        self._router = router
        self._log = log
        self._gathered = gathered
        self._door = door
        self._refusals = refusals
        self._bodies = Bodies(most_body_bytes, request_seconds)
        self._onlookers = onlookers
        self._inference = Inference(router, door, self._bodies, most_rows, most_in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at_us, started_ns = now_us(), time.monotonic_ns()
        reply = await self._reply_or_refusal(scope, receive)
        await respond(send, receive, reply)
        self._tell(scope, reply, at_us, started_ns)

    def answer_at_once(self, scope: Scope, body: bytes, write: Callable[[Reply], None]) -> bool:
        """Answers a prediction whose body is whole, without anybody's waiting. False where somebody must be waited for, and nothing
        is written: what was begun stands in the scope, and the request goes on as any other.
        """
        at_us, started_ns = now_us(), time.monotonic_ns()
        try:
            begun = self._inference.begin(place_of(scope["path"]), scope, body)
        except Exception as error:  # noqa: BLE001  # as for any other request
            begun = self._reply_to(error, scope)
        if not isinstance(begun, Reply):
            scope[BEGUN] = begun
            return False
        write(begun)
        self._tell(scope, begun, at_us, started_ns)
        return True

    async def _reply_or_refusal(self, scope: Scope, receive: Receive) -> Reply:
        try:
            return await (scope[BEGUN] if BEGUN in scope else self._reply(scope, receive))
        except Exception as error:  # noqa: BLE001  # the caller gets JSON whatever broke
            return self._reply_to(error, scope)

    def _reply_to(self, error: Exception, scope: Scope) -> Reply:
        """What the caller hears of what went wrong; the log has what is the gateway's own fault."""
        match error:
            case RequestRefused():
                self._note(scope["path"], error)
                return refusal(error, unread=WHOLE not in scope)
            case Unavailable():
                return failure(503, error.what)
            case LifecycleError():
                return failure(500, error.what)
        _LOG.error("a request to %s broke", scope.get("path"), exc_info=error)
        return failure(500, "The gateway broke over this request; its log says how.")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        place = place_of(scope["path"])
        if scope["method"] != place.method:
            raise WrongMethod(place.method, scope["method"])
        if place.resource == "infer":
            return await self._inference.reply(place, scope, receive)
        if place.resource == "feedback":
            return await self._feedback(place, scope, receive)
        return self._describe(place, scope)

    async def _feedback(self, place: Place, scope: Scope, receive: Receive) -> Reply:
        """A label counts as a request of its caller, who must have been granted to send labels; else nothing of it is read."""
        caller = self._door.identify(scope)
        if caller is None:
            return self._label(place, await self._bodies.take(scope, receive), None)
        scope[GRANT] = caller.grant_id
        caller.quota.enter()
        try:
            caller.require_labels()
            return self._label(place, await self._bodies.take(scope, receive), caller)
        finally:
            caller.quota.leave()

    def _describe(self, place: Place, scope: Scope) -> Reply:
        match place.resource:
            case "server":
                return describing.server()
            case "live":
                return describing.live()
            case "ready":
                return describing.ready(self.ready and not self._router.closed)
            case "openapi":
                return describing.openapi()
            case "metrics":
                return Reply(self._gathered(), kind=metrics.CONTENT_TYPE)
            case "models":
                self._require_access(scope)
                return describing.models(self._router)
            case _:
                self._require_access(scope)
                return describing.model(self._router, place)

    def _require_access(self, scope: Scope) -> None:
        caller = self._door.identify(scope)
        if caller is not None:
            caller.answerable()

    def _tell(self, scope: Scope, reply: Reply, at_us: int, started_ns: int) -> None:
        if not self._onlookers:
            return
        seen = self._seen(scope, reply, at_us, (time.monotonic_ns() - started_ns) // 1_000)
        for onlooker in self._onlookers:
            onlooker.saw(seen)

    def _seen(self, scope: Scope, reply: Reply, at_us: int, duration_us: int) -> Seen:
        """What may be told of a request: of its path, what it names here."""
        try:
            named = place_of(scope["path"])
        except RequestRefused:
            place = None
        else:
            place = named if not named.model or named.model in self._router.names else named._replace(model="", version=None)
        # A method is the caller's own text too.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        return Seen(at_us, duration_us, method, place, reply.status, len(reply.body), scope.get(GRANT), header(scope, b"traceparent"))

    def _note(self, path: str, error: RequestRefused) -> None:
        """Has a refusal counted: by whose grant where that is known, and by a model where it is served here."""
        parts = [part for part in path.split("/") if part]
        model = parts[2] if parts[:2] == ["v2", "models"] and len(parts) > 2 and parts[2] in self._router.names else None
        grant_id = error.grant_id if isinstance(error, AccessRefused) else None
        self._refusals.refused(Refusal(reason_of(error), error.status, grant_id, model), now_us())

    def _label(self, place: Place, body: bytes, caller: Caller | None) -> Reply:
        """Takes a label down. Whose prediction it must be is kept with it: whether it is theirs is known where the two are joined."""
        told = label_of(parse_body(body), place.model)
        served = self._router.named(told.model)
        if not served.digests:
            raise Unavailable(f"No version of {served.name} is held here now.", "Send the label again once one is.")
        sent_by = None if caller is None else caller.sent_label_of(served.name, served.digests)
        told.require_outcome(served.outcomes)
        self._log.label(served.name, told.prediction_id, told.label, now_us(), sent_by)
        return Reply(as_bytes({"accepted": 1}))

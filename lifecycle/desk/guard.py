"""What stands before every page: who is signed in, what the request's body says, and that it came from a form of ours.

`guarded` lets through only whoever is signed in; `opened` is for the few pages that somebody needs who is not. Neither is chosen by a
page: `application.py` puts one of them around each endpoint that it mounts.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from lifecycle.desk.desk import Desk, desk_of
from lifecycle.desk.sessions import csrf_token, is_csrf_token
from lifecycle.errors import MalformedRecord, Refused, UnknownName
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.gates import Requester
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, JsonObject, Name, parse_json

Endpoint = Callable[[Request], Response | Awaitable[Response]]
AsyncEndpoint = Callable[[Request], Awaitable[Response]]

MOST_BODY_BYTES = 65_536
MOST_FIELDS = 50
#: How long somebody may take to send a request.
BODY_SECONDS = 20.0
LOOKING = frozenset({"GET", "HEAD"})
CSRF_FIELD, CSRF_HEADER = "csrf", "X-Desk-CSRF"
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


class SignInFirst(Refused):
    """Nobody is signed in, or not any more."""

    def __init__(self) -> None:
        super().__init__("You are not signed in, or not any more.", "Sign in, and try again.", ("SIGN-IN",))


class TooLarge(MalformedRecord):
    """A request with more in it than any of our pages sends."""


@dataclass(frozen=True)
class Visitor:
    """Whoever is signed in, as the registry has them at this moment."""

    person: ActorId
    display_name: str
    roles: tuple[Name, ...]
    #: What each form must bring along.
    csrf: str
    session_id: str = field(repr=False)
    #: The roles that the registry gives them, and that the provider does not let this session use.
    withheld: tuple[Name, ...] = ()

    @property
    def requester(self) -> Requester:
        """The visitor as whoever asks a gate for something."""
        return Requester(id=self.person, kind="human", roles=self.roles, authenticated=True)


def guarded(endpoint: Endpoint) -> AsyncEndpoint:
    """Only for whoever is signed in; a POST must carry the session's token."""

    async def page(request: Request) -> Response:
        await _prepare(request)
        visitor = request.state.visitor
        if visitor is None:
            if request.method not in LOOKING or _wants_json(request):
                raise SignInFirst
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(here)}", 303)
        if request.method not in LOOKING:
            _require_token(request, visitor)
        return await _answer(endpoint, request)

    return page


def opened(endpoint: Endpoint) -> AsyncEndpoint:
    """For everybody."""

    async def page(request: Request) -> Response:
        await _prepare(request)
        return await _answer(endpoint, request)

    return page


def visitor_of(request: Request) -> Visitor:
    """Whoever is signed in; on a guarded page somebody is."""
    visitor = request.state.visitor
    if visitor is None:
        raise SignInFirst
    return cast("Visitor", visitor)


def require_not_withheld(visitor: Visitor, roles: Iterable[Name]) -> None:
    """Raises Refused where a signature would count by a role that the provider does not let this session use."""
    withheld = sorted({*roles} & {*visitor.withheld})
    if withheld:
        raise Refused(
            f"Your organisation's sign-on does not give you the role {', '.join(withheld)} at this desk.",
            "Ask whoever runs it; then sign out, and in again.",
            ("OIDC-ROLE",),
        )


def form_of(request: Request) -> Mapping[str, str]:
    """The fields of the form that was sent. Raises MalformedRecord for what is no form."""
    if not request.headers.get("content-type", "").startswith(_FORM):
        raise MalformedRecord("This is not a form.", "Send it from the page.")
    try:
        text = request.state.body.decode("utf-8")
        fields = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise MalformedRecord("The form can't be read.", "Send it from the page.") from error
    if len(dict(fields)) != len(fields):
        raise MalformedRecord("A field of the form stands twice.", "Send it from the page.")
    return dict(fields)


def json_of(request: Request) -> JsonObject:
    """The JSON object that was sent. Raises MalformedRecord for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != _JSON:
        raise MalformedRecord("This is not JSON.", "Send it from the page.")
    said = parse_json(request.state.body)
    if not isinstance(said, dict):
        raise MalformedRecord("This is not a JSON object.", "Send it from the page.")
    return said


def text_in(said: Mapping[str, Any], name: str) -> str:
    """A text of what was sent. Raises MalformedRecord where it is not there or something else."""
    found = said.get(name)
    if not isinstance(found, str):
        raise MalformedRecord(f"What was sent has no {name}.", "Send it from the page.")
    return found


def address_of(request: Request) -> str:
    """Where a request comes from: the other end, or what the proxy before us says that it is."""
    forwarded = request.headers.getlist("x-forwarded-for")
    if desk_of(request).settings.behind_proxy and forwarded:
        # The last one is what our own proxy wrote; whatever stands before it anybody may have written.
        return forwarded[-1].rpartition(",")[2].strip()
    return request.client.host if request.client is not None else "unknown"


async def _prepare(request: Request) -> None:
    request.state.body = b"" if request.method in LOOKING else await _body(request)
    request.state.visitor = await run_in_threadpool(_visitor, desk_of(request), request)


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    if inspect.iscoroutinefunction(endpoint):
        return await cast("AsyncEndpoint", endpoint)(request)
    # Pages read the ledger: in a thread, so that one that takes long keeps nobody else waiting.
    return await run_in_threadpool(cast("Callable[[Request], Response]", endpoint), request)


async def _body(request: Request) -> bytes:
    found = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                found += part
                if len(found) > MOST_BODY_BYTES:
                    raise TooLarge(f"This is larger than {MOST_BODY_BYTES} bytes.", "Send less; a longer text belongs into a document.")
    except TimeoutError as error:
        raise MalformedRecord("The request did not arrive in time.", "Send it again.") from error
    return found


def _visitor(desk: Desk, request: Request) -> Visitor | None:
    session_id = request.cookies.get(desk.settings.cookie, "")
    session = desk.sessions.find(session_id) if session_id else None
    if session is None:
        return None
    people, now = people_in_force(desk.departments), now_us()
    try:
        person = people.person(session.person)
    except UnknownName:
        person = None
    # Where a provider says who somebody is, nobody goes on by a passkey alone; where none does (any more), nobody by its word.
    vouched_for_here = (session.key_id is None) == (desk.settings.provider is not None)
    still_theirs = (
        person is not None
        and vouched_for_here
        and (session.key_id is None or any(key.id == session.key_id and key.holds(now) for key in person.keys))
    )
    if person is None or not still_theirs:
        desk.sessions.end(session_id)
        return None
    given = people.roles(person.id, now)
    roles = session.narrowed(given)
    withheld = tuple(role for role in given if role not in roles)
    return Visitor(person.id, person.display_name, roles, csrf_token(session_id), session_id, withheld)


def _require_token(request: Request, visitor: Visitor) -> None:
    token = request.headers.get(CSRF_HEADER)
    if token is None and request.headers.get("content-type", "").startswith(_FORM):
        token = form_of(request).get(CSRF_FIELD)
    if token is None or not is_csrf_token(visitor.session_id, token):
        raise Refused("This did not come from a form of this session.", "Reload the page, and send it again.", ("CSRF",))


def _wants_json(request: Request) -> bool:
    return _JSON in request.headers.get("accept", "")

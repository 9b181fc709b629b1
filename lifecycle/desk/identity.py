"""The pages of signing in and out, and of registering a passkey."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from lifecycle.desk.desk import Desk, desk_of
from lifecycle.desk.enrolling import begin_registration, finish_registration
from lifecycle.desk.guard import address_of, json_of, text_in, visitor_of
from lifecycle.desk.provider.signing_in import RETURN_PATH, WAY_SECONDS, come_back, set_out
from lifecycle.desk.rendering import page
from lifecycle.desk.signing_in import begin_sign_in, finish_sign_in
from lifecycle.errors import MalformedRecord, Refused

FIRST_PAGE = "/"


def sign_in(request: Request) -> Response:
    if request.state.visitor is not None:
        return RedirectResponse(next_page(request), 303)
    provider = desk_of(request).settings.provider
    through = None if provider is None else urlsplit(provider.issuer).hostname
    return page(request, "sign_in.html", next=next_page(request), through=through)


def sign_in_begin(request: Request) -> Response:
    json_of(request)
    _require_no_provider(desk_of(request))
    return JSONResponse(begin_sign_in(desk_of(request), address_of(request)))


def sign_in_finish(request: Request) -> Response:
    said, desk = json_of(request), desk_of(request)
    _require_no_provider(desk)
    signed_in = finish_sign_in(desk, address_of(request), text_in(said, "challenge_id"), said.get("credential"))
    _leave_the_session_before(request, desk)
    answer = JSONResponse({"location": next_page(request)})
    set_session(answer, desk, signed_in.session_id)
    return answer


def set_out_to_provider(request: Request) -> Response:
    """To the provider, which sends the browser back to `come_back_from_provider`."""
    desk = desk_of(request)
    way = set_out(desk, address_of(request), next_page(request))
    answer = RedirectResponse(way.location, 303)
    # Lax: the provider's page leads back here, and the browser must then say that it is the one that was sent.
    answer.set_cookie(
        desk.settings.way_cookie, way.browser, max_age=WAY_SECONDS, path="/", secure=desk.settings.secure, httponly=True, samesite="lax"
    )
    return answer


def come_back_from_provider(request: Request) -> Response:
    """A page that leads on by itself: the session's cookie goes along only where a page of this desk asks for the next one."""
    desk = desk_of(request)
    said = dict(request.query_params)
    if len(said) != len(request.query_params.multi_items()):
        raise MalformedRecord("A part of the provider's answer stands twice.", "Sign in again.")
    returned = come_back(desk, address_of(request), request.cookies.get(desk.settings.way_cookie, ""), said)
    _leave_the_session_before(request, desk)
    answer = page(request, "signed_in.html", next=returned.next_page)
    set_session(answer, desk, returned.session_id)
    answer.delete_cookie(desk.settings.way_cookie, secure=desk.settings.secure, httponly=True, samesite="lax")
    return answer


def sign_out(request: Request) -> Response:
    desk = desk_of(request)
    desk.sessions.end(visitor_of(request).session_id)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(desk.settings.cookie, secure=desk.settings.secure, httponly=True, samesite="strict")
    return answer


def enrol(request: Request) -> Response:
    return page(request, "enrol.html")


def enrol_begin(request: Request) -> Response:
    said, visitor = json_of(request), request.state.visitor
    by = None if visitor is None else visitor.person
    return JSONResponse(begin_registration(desk_of(request), address_of(request), text_in(said, "token"), by=by))


def enrol_finish(request: Request) -> Response:
    said, visitor = json_of(request), request.state.visitor
    registered = finish_registration(
        desk_of(request),
        address_of(request),
        text_in(said, "token"),
        text_in(said, "challenge_id"),
        said.get("credential"),
        by=None if visitor is None else visitor.person,
    )
    return JSONResponse(
        {
            "person": registered.person,
            "key": registered.key.id,
            "counts": registered.counts,
            "entry": "" if registered.counts else registered.entry,
            "location": "/sign-in",
        }
    )


def healthy(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def next_page(request: Request) -> str:
    """The page to go on with: a path of this desk, whatever the address says."""
    asked = request.query_params.get("next", "")
    # `//` and `/\` begin another host's name, and a control character may hide one.
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\", "/sign-")) and asked.isprintable()
    return asked if is_ours else FIRST_PAGE


def _require_no_provider(desk: Desk) -> None:
    """Raises Refused where a provider says who somebody is: whoever it has shut out does not come in by a passkey."""
    if desk.settings.provider is not None:
        raise Refused("People sign in here through their organisation.", "Go to /sign-in.", ("SIGN-IN-PROVIDER",))


def _leave_the_session_before(request: Request, desk: Desk) -> None:
    if request.state.visitor is not None:
        # Whoever signs in again leaves what they were signed in as.
        desk.sessions.end(request.state.visitor.session_id)


def set_session(response: Response, desk: Desk, session_id: str) -> None:
    """Gives the browser its session: no script reads it, and no other site sends it along."""
    response.set_cookie(desk.settings.cookie, session_id, path="/", secure=desk.settings.secure, httponly=True, samesite="strict")


PUBLIC_ROUTES = (
    Route("/sign-in", sign_in, name="sign_in"),
    Route("/sign-in/begin", sign_in_begin, methods=["POST"]),
    Route("/sign-in/finish", sign_in_finish, methods=["POST"]),
    Route("/sign-in/provider", set_out_to_provider),
    Route(RETURN_PATH, come_back_from_provider),
    Route("/enrol", enrol, name="enrol"),
    Route("/enrol/begin", enrol_begin, methods=["POST"]),
    Route("/enrol/finish", enrol_finish, methods=["POST"]),
    Route("/healthz", healthy),
)
ROUTES = (Route("/sign-out", sign_out, methods=["POST"], name="sign_out"),)
